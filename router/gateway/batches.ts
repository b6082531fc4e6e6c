/** A subgraph takes 200 entities at once; a longer list is asked for in parts that run side by side. */
import type { GraphQLFormattedError } from "graphql";

import type { SubgraphRequest, SubgraphResult } from "./upstream.ts";

type Fetch = (request: SubgraphRequest) => Promise<SubgraphResult>;
type Variables = Record<string, unknown>;

/** `MAX_REPRESENTATIONS` of the subgraphs. */
const AT_ONCE = 200;
/** Beyond this the subgraph refuses, as it would without us. */
const MAX_PARTS = 10;
/** What the planner calls the variables of one list of entities, and of several in one request. */
const ENTITIES = /^(representations|__batch_reps_\d+)$/;

export function inBatches(fetch: Fetch): Fetch {
  return async (request) => {
    const parts = split(request.variables);
    if (parts === undefined) return fetch(request);
    return joined(await Promise.all(parts.map((variables) => fetch({ ...request, variables }))));
  };
}

/** The variables of each part, or nothing when one request will do. */
function split(variables: Variables | undefined): Variables[] | undefined {
  let total = 0;
  for (const name in variables) {
    if (ENTITIES.test(name)) total += (variables[name] as unknown[]).length;
  }
  if (total <= AT_ONCE || total > AT_ONCE * MAX_PARTS) return undefined;
  const parts: Variables[] = [];
  let free = 0;
  for (const [name, values] of Object.entries(variables!)) {
    if (!ENTITIES.test(name)) continue;
    for (const value of values as unknown[]) {
      if (free === 0) {
        parts.push({ ...variables, ...without(variables!) });
        free = AT_ONCE;
      }
      (parts.at(-1)![name] as unknown[]).push(value);
      free -= 1;
    }
  }
  return parts;
}

/** Every list of entities, empty. */
function without(variables: Variables): Variables {
  const names = Object.keys(variables).filter((name) => ENTITIES.test(name));
  return Object.fromEntries(names.map((name) => [name, []]));
}

/** The lists of all parts, one after the other; a part without a list spoils the whole. */
function joined(parts: SubgraphResult[]): SubgraphResult {
  const data: Record<string, unknown[]> = {};
  const errors: GraphQLFormattedError[] = [];
  for (const part of parts) {
    if (!part.data || !Object.values(part.data).every(Array.isArray)) return part;
    errors.push(...(part.errors ?? []).map((error) => shifted(error, data)));
    for (const [alias, entities] of Object.entries(part.data)) {
      data[alias] = [...(data[alias] ?? []), ...(entities as unknown[])];
    }
  }
  return errors.length > 0 ? { data, errors } : { data };
}

/** An error's path counts from the start of its part: `before` tells how many came earlier. */
function shifted(error: GraphQLFormattedError, before: Record<string, unknown[]>): GraphQLFormattedError {
  const [alias, index, ...rest] = error.path ?? [];
  if (typeof alias !== "string" || typeof index !== "number") return error;
  return { ...error, path: [alias, index + (before[alias]?.length ?? 0), ...rest] };
}
