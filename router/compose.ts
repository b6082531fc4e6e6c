/**
 * Composes the subgraph schemas into `supergraph.graphql` and the public `schema.graphql`.
 *
 *     node router/compose.ts                  writes both
 *     node router/compose.ts --check          fails when either is stale
 *     node router/compose.ts --base FILE      also fails when the public schema breaks clients of FILE,
 *                                             unless a decision says `breaking: Type.field`
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

import { composeServices, transformSupergraphToPublicSchema } from "@theguild/federation-composition";
import {
  type BreakingChange,
  buildASTSchema,
  buildSchema,
  findBreakingChanges,
  parse,
  printSchema,
} from "graphql";
import { parse as parseYaml } from "yaml";

const HERE = import.meta.dirname;

interface Config {
  subgraphs: Record<string, { routing_url: string; schema: { file: string } }>;
}

interface Artefacts {
  supergraph: string;
  api: string;
}

/** A reason to stop that is told in one line, without a stack. */
class Refusal extends Error {}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    throw new Refusal(`${relative(process.cwd(), path)} is missing.`);
  }
}

/** Throws a `Refusal` with one line for each composition error. */
function compose(configPath: string): Artefacts {
  const { subgraphs } = parseYaml(read(configPath)) as Config;
  const result = composeServices(
    Object.entries(subgraphs).map(([name, { routing_url: url, schema }]) => ({
      name,
      url,
      typeDefs: parse(read(resolve(dirname(configPath), schema.file)), { noLocation: true }),
    })),
  );
  if (result.supergraphSdl === undefined) {
    const lines = result.errors.map(
      ({ message, extensions }) => `  ${extensions["code"] as string}: ${message}`,
    );
    throw new Refusal(["The subgraphs do not compose:", ...lines].join("\n"));
  }
  const api = buildASTSchema(transformSupergraphToPublicSchema(result.supergraphDocumentNode));
  return { supergraph: result.supergraphSdl.trimEnd() + "\n", api: printSchema(api) + "\n" };
}

/** The coordinate a change is about: `Course.title was removed.` is about `Course.title`. */
function subject({ description }: BreakingChange): string {
  return (/\b\w+\.\w+/.exec(description) ?? /\b[A-Z]\w*/.exec(description))?.[0] ?? description;
}

function decidedBreaks(directory: string): Set<string> {
  const texts = readdirSync(directory)
    .filter((name) => name.endsWith(".md"))
    .map((name) => read(join(directory, name)));
  const lines = texts.flatMap((text) => [...text.matchAll(/^[-*\s]*breaking:\s*(.+)$/gim)]);
  return new Set(lines.map(([, what = ""]) => what.replaceAll("`", "").trim().replace(/\.$/, "")));
}

function undecidedBreaks(baseSdl: string, api: string, decisions: string): BreakingChange[] {
  const decided = decidedBreaks(decisions);
  return findBreakingChanges(buildSchema(baseSdl), buildSchema(api)).filter(
    (change) => !decided.has(subject(change)) && !decided.has(change.description.replace(/\.$/, "")),
  );
}

function main(): void {
  const { values } = parseArgs({
    options: {
      config: { type: "string", default: join(HERE, "supergraph.yaml") },
      supergraph: { type: "string", default: join(HERE, "../supergraph.graphql") },
      api: { type: "string", default: join(HERE, "schema.graphql") },
      decisions: { type: "string", default: join(HERE, "../infra/decisions") },
      base: { type: "string" },
      check: { type: "boolean", default: false },
    },
  });
  const made = compose(values.config);
  for (const [path, text] of [
    [values.supergraph, made.supergraph],
    [values.api, made.api],
  ] as const) {
    if (!values.check) writeFileSync(path, text);
    else if (read(path) !== text)
      throw new Refusal(`${relative(process.cwd(), path)} is stale: compose again.`);
  }
  const breaks =
    values.base === undefined ? [] : undecidedBreaks(read(values.base), made.api, values.decisions);
  if (breaks.length > 0) {
    const lines = breaks.map(
      (change) => `  ${change.description} A decision may allow it: "breaking: ${subject(change)}".`,
    );
    throw new Refusal(["The public schema would break its clients:", ...lines].join("\n"));
  }
}

try {
  main();
} catch (error) {
  const told = error instanceof Refusal || (error instanceof TypeError && "code" in error);
  process.stderr.write(`${told ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
