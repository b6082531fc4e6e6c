/** graphql-transport-ws towards clients: queries, mutations and subscriptions on one socket. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import type { ExecutionArgs } from "graphql";
import { type Context as WireContext, type ServerOptions, handleProtocols, makeServer } from "graphql-ws";
import { type WebSocket, WebSocketServer } from "ws";

import { type Caller, callerOf, forOperation, identified } from "./caller.ts";
import { type Operation, refused } from "./documents.ts";
import { isSignedOut } from "./events.ts";
import { type Gateway, asParameters, isForeign, observe } from "./http.ts";
import { CLOSE, type Ending, type Live, createLive } from "./live.ts";
import { socketsEnded, socketsOpen } from "./metrics.ts";
import { type Result, failure, shown } from "./results.ts";
import { atExpiry } from "./sessions.ts";
import { MEBIBYTE } from "./settings.ts";

export interface Sockets {
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Closes all with 1012, so that clients come back, to another process or another engine. */
  restart: () => void;
}

const MAX_BUFFERED = MEBIBYTE;
const HEARTBEAT_MS = 12_000;
/** A client that does not answer a close is cut off. */
const CLOSE_TIMEOUT_MS = 5_000;

/** One client's socket, from upgrade to close. */
interface Session {
  socket: WebSocket;
  caller: Caller;
  live: Live | undefined;
  /** Leaves the place of a stranger. */
  admitted: () => void;
  alive: boolean;
  /** Undone in this order when the socket closes. */
  cleanup: (() => void)[];
}

interface OperationContext {
  operation: Operation;
  caller: Caller;
  started: number;
}

type Wire = WireContext<Record<string, unknown>, Session>;

export function createSockets(gateway: Gateway): Sockets {
  const { settings, log, entrance } = gateway;
  const sessions = new Map<WebSocket, Session>();
  const acceptor = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MEBIBYTE,
    perMessageDeflate: false,
    handleProtocols,
    // Its types do not know this option yet.
    ...({ closeTimeout: CLOSE_TIMEOUT_MS } as object),
  });
  const server = makeServer<Record<string, unknown>, Session>({
    connectionInitWaitTimeout: settings.timeouts.socketInit,
    onConnect: ({ extra, connectionParams }) => identify(extra, connectionParams),
    onSubscribe: (wire, _id, payload) => start(wire, payload),
    execute: run as ServerOptions["execute"] & {},
    subscribe: run as ServerOptions["subscribe"] & {},
    onNext: ({ extra }, _id, _payload, args, result) => {
      const { operation } = args.contextValue as OperationContext;
      if (operation.type === "subscription" && isSignedOut(result, extra.caller)) end(extra, "forbidden");
      return result;
    },
    onError: ({ extra }, _id, _payload, errors) =>
      errors.map((error) => shown(error, log, extra.caller.correlationId)),
  });

  /** Returning false closes the socket; the reason was given before. */
  function identify(session: Session, payload: Record<string, unknown> | undefined): boolean {
    session.caller = identified(session.caller, payload);
    const leave = entrance.asUser(session.caller);
    if (!leave) return end(session, "tooMany");
    session.cleanup.push(
      leave,
      atExpiry(session.caller, () => end(session, "expired")),
    );
    const live = createLive(gateway.engine.urls, session.caller, settings.gatewayKey, {
      admitted: session.admitted,
      ended: (ending) => end(session, ending),
    });
    session.cleanup.push(() => live.close());
    session.live = live;
    return true;
  }

  function start(
    { extra, subscriptions }: Wire,
    payload: unknown,
  ): ExecutionArgs | ReturnType<typeof refused>[] {
    try {
      if (Object.keys(subscriptions).length > settings.operationsPerSocket) {
        throw refused("TOO_MANY_OPERATIONS", "Too many operations on this socket.");
      }
      const parameters = asParameters(payload);
      const operation = gateway.engine.prepare(parameters);
      const context: OperationContext = {
        operation,
        caller: forOperation(extra.caller),
        started: performance.now(),
      };
      return {
        schema: gateway.engine.api,
        document: operation.document,
        operationName: parameters.operationName ?? null,
        variableValues: parameters.variables ?? null,
        rootValue: extra,
        contextValue: context,
      };
    } catch (error) {
      return (error instanceof AggregateError ? error.errors : [error]) as ReturnType<typeof refused>[];
    }
  }

  async function run(args: ExecutionArgs): Promise<Result | AsyncIterableIterator<Result>> {
    const { operation, caller, started } = args.contextValue as OperationContext;
    const { live } = args.rootValue as Session;
    let outcome: Result | AsyncIterableIterator<Result>;
    try {
      outcome = await gateway.engine.run(operation, args.variableValues ?? undefined, {
        caller,
        ...(live && { live }),
      });
    } catch (error) {
      outcome = failure(error, log, caller.correlationId);
    }
    if (!(Symbol.asyncIterator in outcome)) observe(log, caller, operation, outcome, started, "socket");
    return outcome;
  }

  /** Nothing more is fetched for this client, even if it takes its time to go. */
  function end({ socket, cleanup }: Session, ending: Ending): false {
    refuse(socket, ending);
    for (const undo of cleanup.splice(0)) undo();
    return false;
  }

  function refuse(socket: WebSocket, ending: Ending): void {
    const [code, reason] = CLOSE[ending];
    if (socket.readyState === socket.OPEN) socketsEnded.inc({ code });
    socket.close(code, reason);
  }

  function opened(socket: WebSocket, request: IncomingMessage): void {
    const caller = callerOf(request.headers, request.socket.remoteAddress);
    socket.on("error", (error) => log.debug("socket", { error, correlationId: caller.correlationId }));
    const admitted = entrance.asStranger(caller);
    if (!admitted) return refuse(socket, "tooMany");
    const session: Session = { socket, caller, live: undefined, admitted, alive: true, cleanup: [admitted] };
    sessions.set(socket, session);
    socketsOpen.inc();
    const closed = server.opened(
      {
        protocol: socket.protocol,
        // Sent without waiting: what a slow reader leaves lies in one place, where it can be measured.
        send: (text) => {
          socket.send(text);
          if (socket.bufferedAmount > MAX_BUFFERED) end(session, "tooSlow");
        },
        close: (code, reason) => socket.close(code, reason),
        onMessage: (receive) => {
          socket.on(
            "message",
            (data: Buffer) => void receive(data.toString()).catch((error: unknown) => fail(session, error)),
          );
        },
      },
      session,
    );
    socket.on("pong", () => (session.alive = true));
    socket.once("close", (code, reason) => {
      sessions.delete(socket);
      socketsOpen.dec();
      for (const undo of session.cleanup) undo();
      void closed(code, reason.toString()).catch((error: unknown) => fail(session, error));
    });
  }

  function fail({ socket, caller: { correlationId } }: Session, error: unknown): void {
    log.error("unexpected", { correlationId, error });
    socket.close(4500, "Unexpected error.");
  }

  const heartbeat = setInterval(() => {
    for (const session of sessions.values()) {
      if (!session.alive) session.socket.terminate();
      session.alive = false;
      session.socket.ping();
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();

  return {
    upgrade(request, socket, head) {
      socket.on("error", () => socket.destroy());
      const status =
        request.url?.split("?")[0] !== "/graphql"
          ? 404
          : isForeign(request.headers.origin, settings)
            ? 403
            : 0;
      if (status || gateway.stopping.aborted) return reject(socket, status || 503);
      acceptor.handleUpgrade(request, socket, head, opened);
    },
    restart() {
      for (const session of sessions.values()) end(session, "restart");
    },
  };
}

function reject(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
