/** GraphQL over HTTP: JSON posts from our own origins, answered as JSON or as an event stream. */
import type { IncomingMessage, ServerResponse } from "node:http";

import { type Caller, callerOf } from "./caller.ts";
import { type Operation, type Parameters, refused } from "./documents.ts";
import type { Engine } from "./engine.ts";
import { respondWithEvents } from "./events.ts";
import type { Log } from "./log.ts";
import { errorsTotal, operationLabel, requestSeconds } from "./metrics.ts";
import { type Result, failure, statusOf } from "./results.ts";
import type { Entrance } from "./sessions.ts";
import { MEBIBYTE, type Settings } from "./settings.ts";

export interface Gateway {
  settings: Settings;
  log: Log;
  /** Replaced as a whole when the supergraph changes. */
  engine: Engine;
  entrance: Entrance;
  /** Tells "restart" when all streams have to begin anew: the process goes, or its engine was replaced. */
  restarts: EventTarget;
  /** Aborted when the process is asked to go. */
  stopping: AbortSignal;
}

const MAX_BODY = MEBIBYTE;
const MAX_DISCARDED = 32 * MEBIBYTE;
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** A request that is not GraphQL over HTTP as we take it. */
class Unacceptable extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A page of another site may not speak for its reader; programs send no Origin. */
export function isForeign(origin: string | undefined, { origins }: Settings): boolean {
  return origin !== undefined && !origins.includes(origin);
}

export async function handleGraphQL(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const caller = callerOf(request.headers, request.socket.remoteAddress);
  const started = performance.now();
  response.setHeader("x-correlation-id", caller.correlationId);
  try {
    if (isForeign(request.headers.origin, gateway.settings)) {
      throw new Unacceptable(403, "FORBIDDEN", "This origin may not use the API.");
    }
    allowOrigin(request, response, gateway.settings);
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    await answer(gateway, await readParameters(request), caller, request, response);
  } catch (error) {
    if (error instanceof Unacceptable) refuse(gateway, error, caller, response);
    else if (request.complete && !response.headersSent) {
      const result = failure(error, gateway.log, caller.correlationId);
      send(response, result);
      observe(gateway.log, caller, undefined, result, started, "http");
    }
  }
}

async function answer(
  gateway: Gateway,
  parameters: Parameters,
  caller: Caller,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const started = performance.now();
  let operation: Operation | undefined;
  let result: Result;
  try {
    operation = gateway.engine.prepare(parameters);
    const asEvents = request.headers.accept?.includes("text/event-stream") ?? false;
    if (asEvents) return await respondWithEvents(gateway, operation, parameters.variables, caller, response);
    if (operation.type === "subscription") {
      throw new Unacceptable(
        406,
        "BAD_USER_INPUT",
        "A subscription needs a WebSocket or Accept: text/event-stream.",
      );
    }
    result = (await gateway.engine.run(operation, parameters.variables, { caller })) as Result;
  } catch (error) {
    if (error instanceof Unacceptable) throw error;
    result = failure(error, gateway.log, caller.correlationId);
  }
  send(response, result);
  observe(gateway.log, caller, operation, result, started, "http");
}

/** One line and one measurement for a query or mutation, whatever carried it. */
export function observe(
  log: Log,
  { correlationId }: Caller,
  operation: Operation | undefined,
  result: Result,
  started: number,
  transport: "http" | "socket",
): void {
  const seconds = (performance.now() - started) / 1_000;
  const type = operation?.type ?? "unknown";
  const name = operationLabel(operation?.name);
  requestSeconds.observe({ operation: name, type, transport }, seconds);
  const codes = result.errors?.map((error) => error.extensions?.["code"]);
  const milliseconds = Math.round(seconds * 1e5) / 100;
  log.info("operation", { correlationId, name, type, transport, milliseconds, ...(codes && { codes }) });
}

function send(response: ServerResponse, result: Result): void {
  const body = JSON.stringify(result);
  response
    .writeHead(statusOf(result), {
      "content-type": "application/json; charset=utf-8",
      "content-length": Buffer.byteLength(body),
      "cache-control": "no-store",
    })
    .end(body);
}

function refuse(
  { log }: Gateway,
  error: Unacceptable,
  { correlationId }: Caller,
  response: ServerResponse,
): void {
  const { status, code, message } = error;
  errorsTotal.inc({ code });
  log.info("refused", { correlationId, status, code });
  response
    .writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" })
    .end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}

function allowOrigin(request: IncomingMessage, response: ServerResponse, { origins }: Settings): void {
  const { origin } = request.headers;
  if (origins.length > 1) response.setHeader("vary", "Origin");
  if (origin === undefined || origin === origins[0]) return;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-allow-methods", "POST");
  response.setHeader(
    "access-control-allow-headers",
    "authorization, content-type, x-correlation-id, traceparent",
  );
  response.setHeader("access-control-expose-headers", "x-correlation-id");
  response.setHeader("access-control-max-age", "600");
}

async function readParameters(request: IncomingMessage): Promise<Parameters> {
  // Forms, plain text and GET are what a foreign page can send without being asked for permission.
  if (request.method !== "POST") throw new Unacceptable(405, "BAD_USER_INPUT", "Use POST.");
  if (!JSON_TYPE.test(request.headers["content-type"] ?? "")) {
    throw new Unacceptable(415, "BAD_USER_INPUT", "Send application/json.");
  }
  return asParameters(parseJson(await readBody(request)));
}

/** A body that is too long is read to its end, or the client would see a broken connection instead of a 413. */
function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_BODY) chunks.push(chunk);
      if (length > MAX_DISCARDED) request.destroy();
    });
    request.on("end", () =>
      length > MAX_BODY ? reject(tooLong()) : resolve(Buffer.concat(chunks).toString()),
    );
    request.on("error", reject);
  });
}

function tooLong(): Unacceptable {
  return new Unacceptable(413, "BAD_USER_INPUT", "The body is longer than 1 MiB.");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Unacceptable(400, "BAD_USER_INPUT", "The body is not JSON.");
  }
}

/** Throws unless `value` has the shape of a GraphQL request. A batch is an array, and refused as such. */
export function asParameters(value: unknown): Parameters {
  const given = value as Record<string, unknown> | null;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new Unacceptable(400, "BAD_USER_INPUT", "Send one operation as a JSON object.");
  }
  return {
    ...text(given, "query"),
    ...text(given, "operationName"),
    ...text(given, "documentId"),
    ...record(given, "variables"),
    ...record(given, "extensions"),
  };
}

function text(given: Record<string, unknown>, key: string): Record<string, string> {
  const value = given[key];
  if (value === undefined || value === null) return {};
  if (typeof value !== "string") throw refused("BAD_USER_INPUT", `"${key}" is not a string.`);
  return { [key]: value };
}

function record(given: Record<string, unknown>, key: string): Record<string, Record<string, unknown>> {
  const value = given[key];
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value))
    throw refused("BAD_USER_INPUT", `"${key}" is not an object.`);
  return { [key]: value as Record<string, unknown> };
}
