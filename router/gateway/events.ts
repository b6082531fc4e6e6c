/** Answers as server-sent events, in the distinct-connections mode of graphql-sse. */
import type { ServerResponse } from "node:http";

import type { Caller } from "./caller.ts";
import { type Operation, refused } from "./documents.ts";
import type { Gateway } from "./http.ts";
import { createLive } from "./live.ts";
import { subscriptionsOpen } from "./metrics.ts";
import { type Result, failure } from "./results.ts";
import { atExpiry } from "./sessions.ts";
import { MEBIBYTE } from "./settings.ts";

const HEARTBEAT_MS = 12_000;

/** Ends when the operation, the token or the client does. */
export async function respondWithEvents(
  gateway: Gateway,
  operation: Operation,
  variables: Record<string, unknown> | undefined,
  caller: Caller,
  response: ServerResponse,
): Promise<void> {
  const { engine, settings, log, entrance, restarts } = gateway;
  const admitted = entrance.asStranger(caller);
  const leave = admitted && entrance.asUser(caller);
  if (!leave) {
    admitted?.();
    throw refused("TOO_MANY_OPERATIONS", "Too many open streams.");
  }
  const show = (error: unknown): Result => failure(error, log, caller.correlationId);
  const ended = new AbortController();
  const end = (last?: Result): void => {
    if (last) emit(last);
    ended.abort();
  };
  const live = createLive(engine.urls, caller, settings.gatewayKey, {
    admitted,
    ended: (ending) => (ending === "restart" ? interrupt() : end(show(signedOut()))),
  });
  const interrupt = (): void => end(show(interrupted()));
  function emit(result: Result): void {
    if (ended.signal.aborted) return;
    response.write(`event: next\ndata: ${JSON.stringify(result)}\n\n`);
    if (response.writableLength > MEBIBYTE) response.destroy();
  }

  response.on("close", () => ended.abort());
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.write(":\n\n");
  const heartbeat = setInterval(() => response.write(":\n\n"), HEARTBEAT_MS);
  const stopWaiting = atExpiry(caller, () => end(show(signedOut())));
  restarts.addEventListener("restart", interrupt);
  subscriptionsOpen.inc({ transport: "sse" });
  try {
    const outcome = await engine.run(operation, variables, { caller, live });
    if (Symbol.asyncIterator in outcome) await pump(outcome, emit, ended.signal, caller);
    else emit(outcome);
  } catch (error) {
    end(show(error));
  } finally {
    subscriptionsOpen.dec({ transport: "sse" });
    restarts.removeEventListener("restart", interrupt);
    stopWaiting();
    clearInterval(heartbeat);
    live.close();
    admitted();
    leave();
    response.end("event: complete\ndata:\n\n");
  }
}

async function pump(
  events: AsyncIterableIterator<Result>,
  emit: (result: Result) => void,
  ended: AbortSignal,
  caller: Caller,
): Promise<void> {
  const stop = (): void => void events.return?.();
  if (ended.aborted) return stop();
  ended.addEventListener("abort", stop);
  for await (const event of events) {
    emit(event);
    if (isSignedOut(event, caller)) break;
  }
}

/** Whether an event tells that this caller, who came with a token, no longer counts as signed in. */
export function isSignedOut({ errors }: Result, { authorization }: Caller): boolean {
  return (
    authorization !== "" &&
    (errors?.some((error) => error.extensions?.["code"] === "UNAUTHENTICATED") ?? false)
  );
}

function signedOut(): Error {
  return refused("UNAUTHENTICATED", "The session ended.");
}

function interrupted(): Error {
  return refused("SERVICE_UNAVAILABLE", "The stream was interrupted; subscribe again with the last cursor.");
}
