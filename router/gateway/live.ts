/** Subscriptions of one client towards the subgraphs: a socket a subgraph, opened with the client's identity. */
import { type Client, createClient } from "graphql-ws";
import { type GraphQLFormattedError, print } from "graphql";
import WebSocket from "ws";

import { type Caller, subgraphHeaders } from "./caller.ts";
import { MEBIBYTE } from "./settings.ts";
import { type SubgraphRequest, type SubgraphResult, unavailable } from "./upstream.ts";

export interface Live {
  subscribe(subgraph: string, request: SubgraphRequest): AsyncIterableIterator<SubgraphResult>;
  close(): void;
}

/** Close codes towards clients; `4401` and `4403` are also what subgraphs use. */
export const CLOSE = {
  restart: [1012, "Service restarts; subscribe again with the last cursor."],
  expired: [4401, "The token expired."],
  forbidden: [4403, "Signed out or barred."],
  tooSlow: [4413, "Reader too slow."],
  tooMany: [4429, "Too many sockets."],
} as const satisfies Record<string, readonly [number, string]>;

export type Ending = keyof typeof CLOSE;

/** Without deflate: the server's would cost each socket a quarter of a megabyte. */
class PlainWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { perMessageDeflate: false, handshakeTimeout: 2_000, maxPayload: 16 * MEBIBYTE });
  }
}

/** How long a socket without streams is kept for the next one. */
const IDLE_MS = 60_000;

export interface Listener {
  /** A subgraph has verified the caller's token. */
  admitted: () => void;
  /** A subgraph ended a running stream: the client has to be told by closing its connection. */
  ended: (ending: Ending) => void;
}

export function createLive(
  urls: ReadonlyMap<string, string>,
  caller: Caller,
  key: string,
  { admitted, ended }: Listener,
): Live {
  const clients = new Map<string, Client>();
  let streams = 0;

  function clientOf(subgraph: string): Client {
    let client = clients.get(subgraph);
    if (!client) {
      client = createClient({
        url: urls.get(subgraph)!.replace(/^http/, "ws"),
        webSocketImpl: PlainWebSocket,
        connectionParams: () => subgraphHeaders(caller, key),
        lazy: true,
        lazyCloseTimeout: IDLE_MS,
        retryAttempts: 0,
        // Closed as if all were well, the client would quietly subscribe again, with a cursor long passed.
        on: {
          connected: () => {
            if (caller.authorization) admitted();
          },
          closed: (event) => {
            if ((event as CloseEvent).code === 1000 && streams > 0) ended("restart");
          },
        },
      });
      clients.set(subgraph, client);
    }
    return client;
  }

  function subscribe(
    subgraph: string,
    { document, variables }: SubgraphRequest,
  ): AsyncIterableIterator<SubgraphResult> {
    const source = clientOf(subgraph).iterate({ query: print(document), variables: variables ?? {} });
    let running = false;
    let done = false;
    streams += 1;

    function finish(): void {
      if (!done) streams -= 1;
      done = true;
    }

    function last(error: unknown): IteratorResult<SubgraphResult> {
      finish();
      if (Array.isArray(error)) return { done: false, value: { errors: error as GraphQLFormattedError[] } };
      const code = (error as { code?: unknown }).code;
      const ending =
        code === 4401 ? "expired" : code === 4403 ? "forbidden" : running ? "restart" : undefined;
      if (ending === undefined) return { done: false, value: { errors: [unavailable(subgraph)] } };
      ended(ending);
      return { done: true, value: undefined };
    }

    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      async next() {
        if (done) return { done: true, value: undefined };
        try {
          const step = await source.next();
          running = true;
          if (step.done) finish();
          return step.done ? step : { done: false, value: withData(step.value as SubgraphResult) };
        } catch (error) {
          return last(error);
        }
      },
      async return() {
        finish();
        await source.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  return {
    subscribe,
    close: () => {
      for (const client of clients.values()) void client.dispose();
    },
  };
}

/** The engine keeps the data of the event before when an event has none. */
function withData(result: SubgraphResult): SubgraphResult {
  return result.data ? result : { ...result, data: {} };
}
