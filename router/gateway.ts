/** The gateway process: one endpoint, `/graphql`, for queries, mutations and subscriptions. */
import { setMaxListeners } from "node:events";
import { createServer } from "node:http";

import { createEngine, watchSupergraph } from "./gateway/engine.ts";
import { type Gateway, handleGraphQL } from "./gateway/http.ts";
import { type Log, createLog } from "./gateway/log.ts";
import { register } from "./gateway/metrics.ts";
import { createEntrance } from "./gateway/sessions.ts";
import { type Settings, readSettings } from "./gateway/settings.ts";
import { createSockets } from "./gateway/sockets.ts";

/** Above the two minutes for which Caddy keeps idle connections, so that none dies under a request. */
const KEEP_ALIVE_MS = 150_000;
/** Above what the edge lets pass: whatever is too long is refused there, with a whole answer. */
const MAX_HEADER_BYTES = 49_152;

async function serve(settings: Settings, log: Log): Promise<void> {
  const stop = new AbortController();
  const restarts = new EventTarget();
  setMaxListeners(0, restarts);
  const gateway: Gateway = {
    settings,
    log,
    engine: await createEngine(settings, log),
    entrance: createEntrance(settings.socketsPerUser),
    restarts,
    stopping: stop.signal,
  };
  const sockets = createSockets(gateway);
  const restartStreams = (): void => {
    sockets.restart();
    restarts.dispatchEvent(new Event("restart"));
  };
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 30_000, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      response.setHeader("x-content-type-options", "nosniff");
      const path = request.url?.split("?")[0];
      if (path === "/graphql") void handleGraphQL(gateway, request, response);
      else if (path === "/health") response.writeHead(stop.signal.aborted ? 503 : 200).end();
      else if (path === "/metrics") void register.metrics().then((text) => response.end(text));
      else response.writeHead(404).end();
    },
  );
  server.on("upgrade", sockets.upgrade);
  server.on("error", (error) => {
    log.error("stopped", { error });
    process.exitCode = 1;
  });
  const stopWatching = watchSupergraph(settings, () => void reload(gateway, restartStreams));
  const { host, port, reusePort } = settings;
  server.listen({ host, port, reusePort }, () => log.info("ready", { host, port }));

  const drain = (): void => {
    if (stop.signal.aborted) return;
    log.info("draining");
    stop.abort();
    stopWatching();
    restartStreams();
    server.close(() => process.exit(0));
    setInterval(() => server.closeIdleConnections(), 50);
    setTimeout(() => process.exit(0), settings.timeouts.drain);
  };
  process.on("SIGTERM", drain);
  process.on("SIGINT", drain);
}

/** A supergraph that does not load leaves the running one in place. Streams would keep to the engine they began on. */
async function reload(gateway: Gateway, restartStreams: () => void): Promise<void> {
  const { settings, log, engine: before } = gateway;
  try {
    gateway.engine = await createEngine(settings, log);
    log.info("reloaded");
    restartStreams();
    setTimeout(() => void before.close(), settings.timeouts.mutation).unref();
  } catch (error) {
    log.error("reload failed", { error });
  }
}

try {
  const settings = readSettings(process.env);
  const log = createLog(settings.logLevel);
  process.on("unhandledRejection", (error) => log.error("unexpected", { error }));
  await serve(settings, log);
} catch (error) {
  process.stderr.write(
    `The gateway does not start: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
