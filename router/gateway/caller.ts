/** Who asks, and how a subgraph is told so. */
import { hash, randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export interface Caller {
  /** The whole header value, `Bearer …`; empty for anonymous. */
  authorization: string;
  /** The client's address, as the edge saw it. */
  client: string;
  correlationId: string;
  traceparent: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** Longer than any token of ours; anything beyond is not forwarded. */
const MAX_AUTHORIZATION = 8_192;

export function callerOf(headers: IncomingHttpHeaders, peer: string | undefined): Caller {
  return {
    authorization: authorizationOf(headers.authorization),
    client: single(headers["x-polynode-client"]) || peer || "",
    ...traceOf(headers),
  };
}

/** The caller of one operation on a socket: the socket's identity, a correlation id of its own. */
export function forOperation(caller: Caller): Caller {
  return { ...caller, correlationId: randomUUID() };
}

/** What counts as identity in a socket's `connection_init`; the rest of that payload goes nowhere. */
export function identified(caller: Caller, payload: Record<string, unknown> | undefined): Caller {
  const authorization = authorizationOf(payload?.["authorization"] ?? payload?.["Authorization"]);
  return { ...caller, authorization: authorization || caller.authorization };
}

/** Headers that tell a subgraph who asks, with the proof that a gateway says so. */
export function subgraphHeaders(caller: Caller, key: string): Record<string, string> {
  const headers: Record<string, string> = {
    "x-correlation-id": caller.correlationId,
    "x-polynode-client": caller.client,
    "x-polynode-gateway": proof(caller, key, Math.floor(Date.now() / 1_000)),
    traceparent: caller.traceparent,
  };
  if (caller.authorization) headers["authorization"] = caller.authorization;
  return headers;
}

/** Two nested digests instead of an HMAC, because Apollo Router's Rhai has only a plain SHA-256. */
function proof({ correlationId, client, authorization }: Caller, key: string, now: number): string {
  const inner = hash("sha256", `${key}:${now}:${correlationId}:${client}:${authorization}`);
  return `v1 ${now} ${hash("sha256", `${key}:${inner}`)}`;
}

interface Claims {
  subject: string | undefined;
  /** Milliseconds since the epoch. */
  expiresAt: number | undefined;
}

/** What a token claims. Nothing is verified here: only subgraphs decide on these words. */
export function claimsUnverified(authorization: string): Claims {
  try {
    const body = authorization.replace(/^Bearer /i, "").split(".")[1] ?? "";
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as {
      exp?: unknown;
      sub?: unknown;
    } | null;
    return {
      subject: typeof claims?.sub === "string" ? claims.sub : undefined,
      expiresAt: typeof claims?.exp === "number" ? claims.exp * 1_000 : undefined,
    };
  } catch {
    return { subject: undefined, expiresAt: undefined };
  }
}

function traceOf(headers: IncomingHttpHeaders): Pick<Caller, "correlationId" | "traceparent"> {
  const id = single(headers["x-correlation-id"]);
  const trace = single(headers["traceparent"]);
  const correlationId = UUID.test(id) ? id.toLowerCase() : randomUUID();
  return { correlationId, traceparent: TRACEPARENT.test(trace) ? trace : newTrace(correlationId) };
}

/** A trace that begins here carries the correlation id, so that logs and traces find each other. */
function newTrace(correlationId: string): string {
  return `00-${correlationId.replaceAll("-", "")}-${randomUUID().replaceAll("-", "").slice(16)}-01`;
}

function authorizationOf(value: unknown): string {
  const usable =
    typeof value === "string" && value.length <= MAX_AUTHORIZATION && /^[\x20-\x7e]*$/.test(value);
  return usable ? value.trim() : "";
}

function single(value: string | string[] | undefined): string {
  return typeof value === "string" ? value : "";
}
