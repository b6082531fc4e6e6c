/** What of an outcome a client may see. */
import { randomUUID } from "node:crypto";
import { type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from "graphql";

import type { Log } from "./log.ts";
import { errorsTotal } from "./metrics.ts";

export type Result = FormattedExecutionResult;

/** Keys of `extensions` that are part of the public contract. */
const PUBLIC = ["code", "cost", "errorId", "service"] as const;
const CODE = /^[A-Z][A-Z_]{2,60}$/;

/** Codes of errors for which nothing was executed: the request itself was at fault. */
const REQUEST_ERRORS = new Set([
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "BAD_USER_INPUT",
  "PERSISTED_QUERY_NOT_FOUND",
  "PERSISTED_QUERY_REQUIRED",
]);

/** Shows coded errors without their internals; any other becomes an error id, and its cause goes to the log. */
export function shown(error: unknown, log: Log, correlationId: string): GraphQLFormattedError {
  const { message, path, locations, extensions } = error as Partial<GraphQLError>;
  const code: unknown = extensions?.["code"];
  if (typeof message !== "string" || typeof code !== "string" || !CODE.test(code)) {
    return masked(error, path, log, correlationId);
  }
  errorsTotal.inc({ code });
  const formatted: { -readonly [K in keyof GraphQLFormattedError]: GraphQLFormattedError[K] } = {
    message: withoutSuggestions(message),
    extensions: Object.fromEntries(
      PUBLIC.flatMap((key) => (extensions && key in extensions ? [[key, extensions[key]]] : [])),
    ),
  };
  if (path) formatted.path = path;
  if (locations && REQUEST_ERRORS.has(code)) formatted.locations = locations;
  return formatted;
}

/** Everything thrown on the way to a result, as one. */
export function failure(error: unknown, log: Log, correlationId: string): Result {
  const all: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return { errors: all.map((one) => shown(variableError(one), log, correlationId)) };
}

/** 400 when the request was at fault, as Apollo Router answers; else 200, for a GraphQL answer is an answer. */
export function statusOf(result: Result): number {
  const code: unknown = result.errors?.[0]?.extensions?.["code"];
  return result.data === undefined && REQUEST_ERRORS.has(String(code)) ? 400 : 200;
}

function masked(
  error: unknown,
  path: GraphQLError["path"],
  log: Log,
  correlationId: string,
): GraphQLFormattedError {
  const errorId = randomUUID();
  // The message of a GraphQL error may quote a value of the client's, such as a password.
  const cause =
    error instanceof Error && !(error instanceof GraphQLError) ? error.stack : "uncoded GraphQL error";
  log.error("unexpected", { errorId, correlationId, path, cause });
  errorsTotal.inc({ code: "INTERNAL_SERVER_ERROR" });
  const formatted = { message: "Unexpected error.", extensions: { code: "INTERNAL_SERVER_ERROR", errorId } };
  return path ? { ...formatted, path } : formatted;
}

/** The engine throws uncoded `GraphQLError`s, and only for variables that do not fit. */
function variableError(error: unknown): unknown {
  if (!(error instanceof GraphQLError) || error.extensions["code"] || error.originalError) return error;
  return new GraphQLError(error.message, { nodes: error.nodes, extensions: { code: "BAD_USER_INPUT" } });
}

/** "Did you mean …" would tell the schema to whoever may not introspect it. */
function withoutSuggestions(message: string): string {
  return message.includes("Did you mean") ? message.replace(/ Did you mean [^]*\?/, "") : message;
}
