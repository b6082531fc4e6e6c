/** HTTP towards one subgraph: pooled connections, the deadline of the operation, one retry for queries, a circuit breaker. */
import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from "cockatiel";
import { type DocumentNode, GraphQLError, type GraphQLFormattedError, print } from "graphql";
import { RoundRobinPool, errors } from "undici";

import { type Caller, subgraphHeaders } from "./caller.ts";
import type { Log } from "./log.ts";
import { breakerState, upstreamSeconds } from "./metrics.ts";
import { MEBIBYTE, type Settings } from "./settings.ts";

export interface SubgraphResult {
  data?: Record<string, unknown> | null | undefined;
  errors?: GraphQLFormattedError[];
}

/** One operation of a query plan. */
export interface SubgraphRequest {
  document: DocumentNode;
  type: "query" | "mutation" | "subscription";
  variables: Record<string, unknown> | undefined;
  caller: Caller;
  /** On the clock of `performance.now()`; all requests of one operation to this subgraph share it. */
  deadline: number;
}

export interface Upstream {
  /** Never rejects: without a usable answer in time the result is the error `SERVICE_UNAVAILABLE`. */
  fetch: (request: SubgraphRequest) => Promise<SubgraphResult>;
  close: () => Promise<void>;
}

const FAILURES_TO_OPEN = 5;
const HALF_OPEN_AFTER_MS = 2_000;
/** Connections a subgraph; more operations than that wait here, within their deadline. */
const CONNECTIONS = 128;
/** Below the 75 s after which the subgraphs close idle connections, so that none dies under a request. */
const KEEP_ALIVE_MS = 60_000;

/** With less of its time left than this, a request that ran out of it says nothing about the subgraph. */
const FAIR_SHARE = 1 / 4;

/** The subgraph did not answer as GraphQL: refused, reset, too late, or a proxy's error page. */
class NoAnswer extends Error {
  readonly reason: "connect" | "timeout" | "late" | "status";
  constructor(reason: NoAnswer["reason"], detail: string) {
    super(`${reason}: ${detail}`);
    this.name = "NoAnswer";
    this.reason = reason;
  }
}

export function createUpstream(name: string, url: string, settings: Settings, log: Log): Upstream {
  const { origin, pathname, search } = new URL(url);
  const path = pathname + search;
  // Round robin, because several processes may share the port and the kernel deals out connections, not requests.
  const pool = new RoundRobinPool(origin, {
    connections: CONNECTIONS,
    connectTimeout: settings.timeouts.connect,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxResponseSize: 16 * MEBIBYTE,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const breaker = circuitBreaker(
    handleWhen((error) => error instanceof NoAnswer && error.reason !== "late"),
    { halfOpenAfter: HALF_OPEN_AFTER_MS, breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) },
  );
  breakerState.set({ subgraph: name }, 0);
  breaker.onStateChange((state) => {
    breakerState.set(
      { subgraph: name },
      state === CircuitState.Open ? 2 : state === CircuitState.HalfOpen ? 1 : 0,
    );
    log.warning("breaker", { subgraph: name, state: CircuitState[state] });
  });

  async function attempt(request: SubgraphRequest): Promise<SubgraphResult> {
    const { document, type, variables, caller, deadline } = request;
    const abort = new AbortController();
    const limit = type === "mutation" ? settings.timeouts.mutation : settings.timeouts.query;
    const left = Math.min(limit, deadline - performance.now());
    const timer = setTimeout(() => abort.abort(), left);
    try {
      const { statusCode, headers, body } = await pool.request({
        path,
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json",
          ...subgraphHeaders(caller, settings.gatewayKey),
        },
        body: payload(document, variables),
        signal: abort.signal,
      });
      return understood(statusCode, headers["content-type"], await body.text());
    } catch (error) {
      if (error instanceof NoAnswer) throw error;
      // The probe of a half-open breaker always counts, or its silence would close the breaker.
      const late = left < limit * FAIR_SHARE && breaker.state === CircuitState.Closed;
      throw new NoAnswer(!abort.signal.aborted ? "connect" : late ? "late" : "timeout", told(error));
    } finally {
      clearTimeout(timer);
    }
  }

  /** A mutation may have happened even if its answer never came, so only queries are sent again. */
  async function attempts(request: SubgraphRequest): Promise<SubgraphResult> {
    try {
      return await attempt(request);
    } catch (error) {
      const again = request.type === "query" && error instanceof NoAnswer && error.reason === "connect";
      if (again) return attempt(request);
      throw error;
    }
  }

  async function fetch(request: SubgraphRequest): Promise<SubgraphResult> {
    const started = performance.now();
    let outcome = "refused";
    try {
      // While the one probe of a half-open breaker is on its way, the others would wait for it.
      if (breaker.state === CircuitState.HalfOpen) throw new BrokenCircuitError();
      if (request.deadline <= performance.now()) throw new NoAnswer("late", "others took all the time");
      const result = await breaker.execute(() => attempts(request));
      outcome = "answered";
      return result;
    } catch (error) {
      if (error instanceof NoAnswer) outcome = error.reason;
      const { correlationId } = request.caller;
      log.warning("upstream", { subgraph: name, outcome, correlationId, error });
      return { errors: [unavailable(name)] };
    } finally {
      upstreamSeconds.observe({ subgraph: name, outcome }, (performance.now() - started) / 1_000);
    }
  }

  return { fetch, close: () => pool.destroy() };
}

export function unavailable(subgraph: string): GraphQLError {
  return new GraphQLError(`The service "${subgraph}" is not available at the moment.`, {
    extensions: { code: "SERVICE_UNAVAILABLE", service: subgraph },
  });
}

const texts = new WeakMap<DocumentNode, string>();

/** Plans are cached with their documents, so a document is printed and escaped once. */
function payload(document: DocumentNode, variables: Record<string, unknown> | undefined): string {
  let text = texts.get(document);
  if (text === undefined) texts.set(document, (text = `{"query":${JSON.stringify(print(document))}`));
  return variables === undefined ? `${text}}` : `${text},"variables":${JSON.stringify(variables)}}`;
}

/** A 401 is about the gateway's own proof: the client has no part in it. */
function understood(status: number, type: string | string[] | undefined, text: string): SubgraphResult {
  if (status === 401 || !String(type).includes("json")) throw new NoAnswer("status", String(status));
  const result = JSON.parse(text) as SubgraphResult | null;
  const isResult =
    typeof result === "object" && result !== null && ("data" in result || Array.isArray(result.errors));
  if (!isResult) throw new NoAnswer("status", String(status));
  return result;
}

function told(error: unknown): string {
  if (error instanceof errors.UndiciError || error instanceof Error)
    return "code" in error ? String(error.code) : error.name;
  return "unknown";
}
