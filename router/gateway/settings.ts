/** Everything the environment decides. Read once, in `gateway.ts`. */
import { resolve } from "node:path";

export interface Settings {
  host: string;
  port: number;
  /** Several gateway processes may share one port. */
  reusePort: boolean;
  /** Signs what goes to the subgraphs; the first of a comma-separated list, the others are being retired. */
  gatewayKey: string;
  /** Origins whose pages may speak to this endpoint; the first is our own. */
  origins: readonly string[];
  supergraphPath: string;
  /** Subgraph name → URL that replaces the one in the supergraph. */
  subgraphUrls: ReadonlyMap<string, string>;
  introspection: boolean;
  /** A JSON object of id or SHA-256 → document; absent when persisted documents are not used. */
  persistedDocumentsPath: string | undefined;
  persistedOnly: boolean;
  socketsPerUser: number;
  operationsPerSocket: number;
  logLevel: "debug" | "info" | "warning" | "error";
  /** Milliseconds. */
  timeouts: { query: number; mutation: number; connect: number; drain: number; socketInit: number };
}

export const MEBIBYTE = 1_048_576;

/** Throws an `Error` that names the setting which is missing or wrong. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const origin = new URL(required(environment, "POLYNODE_PUBLIC_URL")).origin;
  const others = (environment["POLYNODE_ALLOWED_ORIGINS"] ?? "").split(",").map((text) => text.trim());
  return {
    host: environment["GATEWAY_HOST"] ?? "127.0.0.1",
    port: number(environment, "GATEWAY_PORT", 4000),
    reusePort: flag(environment, "GATEWAY_REUSE_PORT"),
    gatewayKey: required(environment, "POLYNODE_GATEWAY_KEY").split(",")[0]!.trim(),
    origins: [origin, ...others.filter(Boolean).map((text) => new URL(text).origin)],
    supergraphPath: resolve(
      environment["POLYNODE_SUPERGRAPH"] ?? `${import.meta.dirname}/../../supergraph.graphql`,
    ),
    subgraphUrls: subgraphUrls(environment),
    introspection: flag(environment, "POLYNODE_INTROSPECTION"),
    persistedDocumentsPath: environment["POLYNODE_PERSISTED_DOCUMENTS"] || undefined,
    persistedOnly: flag(environment, "POLYNODE_PERSISTED_ONLY"),
    socketsPerUser: number(environment, "GATEWAY_SOCKETS_PER_USER", 20),
    operationsPerSocket: number(environment, "GATEWAY_OPERATIONS_PER_SOCKET", 20),
    logLevel: logLevel(environment["POLYNODE_LOG_LEVEL"]),
    timeouts: {
      query: number(environment, "GATEWAY_QUERY_TIMEOUT_MS", 5_000),
      mutation: number(environment, "GATEWAY_MUTATION_TIMEOUT_MS", 15_000),
      connect: 1_000,
      drain: number(environment, "GATEWAY_DRAIN_MS", 10_000),
      socketInit: number(environment, "GATEWAY_SOCKET_INIT_MS", 10_000),
    },
  };
}

function required(environment: NodeJS.ProcessEnv, name: string): string {
  const value = environment[name];
  if (!value) throw new Error(`${name} is not set.`);
  return value;
}

function number(environment: NodeJS.ProcessEnv, name: string, otherwise: number): number {
  const value = Number(environment[name] ?? otherwise);
  if (!Number.isInteger(value) || value < 0) throw new Error(`${name} is not a whole number.`);
  return value;
}

function flag(environment: NodeJS.ProcessEnv, name: string): boolean {
  return environment[name]?.toLowerCase() === "on";
}

/** `USERS_URL` is the URL of the subgraph `users`; of all variables so named, only subgraphs are looked up. */
function subgraphUrls(environment: NodeJS.ProcessEnv): Map<string, string> {
  const urls = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) {
    if (name.endsWith("_URL") && value) urls.set(name.slice(0, -"_URL".length).toLowerCase(), value);
  }
  return urls;
}

function logLevel(value = "info"): Settings["logLevel"] {
  const level = value.toLowerCase();
  if (level === "debug" || level === "info" || level === "warning" || level === "error") return level;
  throw new Error("POLYNODE_LOG_LEVEL is not debug, info, warning or error.");
}
