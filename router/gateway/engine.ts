/** Hive Gateway's engine around our own transports: the native planner plans, its executor joins the subgraphs. */
import { readFileSync, unwatchFile, watchFile } from "node:fs";

import { transformSupergraphToPublicSchema } from "@theguild/federation-composition";
import { unifiedGraphHandler } from "@graphql-hive/router-runtime";
import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
  buildASTSchema,
  execute,
  parse,
} from "graphql";

import type { Caller } from "./caller.ts";
import { inBatches } from "./batches.ts";
import { type Operation, type Prepare, createPrepare } from "./documents.ts";
import type { Live } from "./live.ts";
import type { Log } from "./log.ts";
import { withoutForbiddenNulls } from "./nulls.ts";
import { type Result, shown } from "./results.ts";
import type { Settings } from "./settings.ts";
import { type SubgraphRequest, type Upstream, createUpstream } from "./upstream.ts";

export interface Context {
  caller: Caller;
  /** Where subscriptions go; queries and mutations need none. */
  live?: Live;
}

export interface Engine {
  prepare: Prepare;
  /** The public schema. */
  api: GraphQLSchema;
  /** Subgraph name → URL. */
  urls: ReadonlyMap<string, string>;
  /** Throws when variables do not fit. A subscription gives its events, in order. */
  run(
    operation: Operation,
    variables: Record<string, unknown> | undefined,
    context: Context,
  ): Promise<Result | AsyncIterableIterator<Result>>;
  close(): Promise<void>;
}

interface Outcome {
  data?: Record<string, unknown> | null;
  errors?: GraphQLError[];
}

type HandlerOptions = Parameters<typeof unifiedGraphHandler>[0];

export async function createEngine(settings: Settings, log: Log): Promise<Engine> {
  const sdl = readFileSync(settings.supergraphPath, "utf8");
  const supergraph = parse(sdl, { noLocation: true });
  const api = buildASTSchema(transformSupergraphToPublicSchema(supergraph));
  const urls = subgraphUrls(supergraph, settings.subgraphUrls);
  const upstreams = new Map<string, Upstream>();
  const fetchers = new Map<string, Upstream["fetch"]>();
  for (const [name, url] of urls) {
    const upstream = createUpstream(name, url, settings, log);
    upstreams.set(name, upstream);
    fetchers.set(name, inBatches(upstream.fetch));
  }

  const handler = await unifiedGraphHandler({
    unifiedGraph: buildASTSchema(supergraph, { assumeValid: true, assumeValidSDL: true }),
    getUnifiedGraphSDL: () => sdl,
    onSubgraphExecute: ((name: string, { document, variables, context }: ExecutorRequest) => {
      const { caller, clock } = context;
      const request: SubgraphRequest = {
        document,
        type: typeOf(document),
        variables,
        caller,
        deadline: clock.deadlineOf(name),
      };
      if (request.type === "subscription") {
        return mapped(context.live!.subscribe(name, request), (event) => {
          clock.restart();
          return event;
        });
      }
      return fetchers.get(name)!(request);
    }) as unknown as HandlerOptions["onSubgraphExecute"],
  });
  const executor = handler.executor!;
  // Its first use builds a table of all subgraphs: better now than in the first request.
  for (const name of urls.keys()) handler.getSubgraphSchema(name);

  async function run(
    operation: Operation,
    variables: Record<string, unknown> | undefined,
    context: Context,
  ): Promise<Result | AsyncIterableIterator<Result>> {
    const { document, name, node } = operation;
    if (asksForSchema(operation)) return introspect(api, document, variables);
    const limit = operation.type === "mutation" ? settings.timeouts.mutation : settings.timeouts.query;
    const outcome = (await executor({
      document,
      operationType: node.operation,
      context: { ...context, clock: createClock(limit) },
      ...(variables && { variables }),
      ...(name && { operationName: name }),
    })) as Outcome | AsyncIterable<Outcome>;
    const show = ({ data, errors }: Outcome): Result =>
      shownResult(
        { data: withoutForbiddenNulls(data ?? null, api, document, node), ...(errors && { errors }) },
        log,
        context.caller.correlationId,
      );
    return Symbol.asyncIterator in outcome ? mapped(outcome, show) : show(outcome);
  }

  return {
    prepare: createPrepare(api, settings),
    api,
    urls,
    run,
    close: async () => {
      await Promise.all([...upstreams.values()].map((upstream) => upstream.close()));
    },
  };
}

interface ExecutorRequest {
  document: DocumentNode;
  variables?: Record<string, unknown>;
  context: Context & { clock: Clock };
}

/**
 * When the requests of an operation to a subgraph must be over. Those to one that hangs share their time, and take
 * none from the others: what is asked of them may have to wait for it. Each event of a subscription begins anew.
 */
interface Clock {
  deadlineOf: (subgraph: string) => number;
  restart: () => void;
}

function createClock(limit: number): Clock {
  const deadlines = new Map<string, number>();
  return {
    deadlineOf(subgraph) {
      let deadline = deadlines.get(subgraph);
      if (deadline === undefined) deadlines.set(subgraph, (deadline = performance.now() + limit));
      return deadline;
    },
    restart: () => deadlines.clear(),
  };
}

/** Calls `changed` after the supergraph file was written or replaced; returns a function that stops it. */
export function watchSupergraph({ supergraphPath }: Settings, changed: () => void): () => void {
  const listener = ({ mtimeMs }: { mtimeMs: number }, before: { mtimeMs: number }): void => {
    if (mtimeMs !== 0 && mtimeMs !== before.mtimeMs) changed();
  };
  watchFile(supergraphPath, { interval: 1_000, persistent: false }, listener);
  return () => unwatchFile(supergraphPath, listener);
}

/** The executor collects the errors of all events in one array: taking them out leaves the next event its own. */
function shownResult({ data, errors }: Outcome, log: Log, correlationId: string): Result {
  const own = errors?.splice(0) ?? [];
  const result: Result = { data: data ?? null };
  if (own.length > 0) result.errors = own.map((error) => shown(error, log, correlationId));
  return result;
}

/** Not an async generator: `return` must reach a source that is silent, not wait for its next event. */
function mapped<A, B>(source: AsyncIterable<A>, change: (value: A) => B): AsyncIterableIterator<B> {
  const iterator = source[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const step = await iterator.next();
      return step.done ? { done: true, value: undefined } : { done: false, value: change(step.value) };
    },
    async return() {
      await iterator.return?.();
      return { done: true, value: undefined };
    },
  };
}

function typeOf(document: DocumentNode): SubgraphRequest["type"] {
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  return operation?.operation ?? "query";
}

function asksForSchema({ node }: Operation): boolean {
  return node.selectionSet.selections.some(
    (selection) => selection.kind === Kind.FIELD && /^__(schema|type)$/.test(selection.name.value),
  );
}

async function introspect(
  schema: GraphQLSchema,
  document: DocumentNode,
  variableValues: Record<string, unknown> | undefined,
): Promise<Result> {
  return execute({ schema, document, variableValues: variableValues ?? null });
}

/** `join__Graph` lists the subgraphs with their URLs; the environment may place them elsewhere. */
function subgraphUrls(supergraph: DocumentNode, overrides: ReadonlyMap<string, string>): Map<string, string> {
  const urls = new Map<string, string>();
  for (const definition of supergraph.definitions) {
    if (definition.kind !== Kind.ENUM_TYPE_DEFINITION || definition.name.value !== "join__Graph") continue;
    for (const value of definition.values ?? []) {
      const given = new Map(
        value.directives?.[0]?.arguments?.map(({ name, value: v }) => [
          name.value,
          v.kind === Kind.STRING ? v.value : "",
        ]),
      );
      const name = given.get("name") ?? "";
      urls.set(name, overrides.get(name) ?? given.get("url") ?? "");
    }
  }
  return urls;
}
