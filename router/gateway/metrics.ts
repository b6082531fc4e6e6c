/** What Prometheus reads at `/metrics`; the edge never publishes that path. */
import { Counter, Gauge, Histogram, collectDefaultMetrics, register } from "prom-client";

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 15];

collectDefaultMetrics({ prefix: "polynode_gateway_" });

export const requestSeconds = new Histogram({
  name: "polynode_gateway_request_seconds",
  help: "Time of an operation from its arrival to its last byte, without subscriptions.",
  labelNames: ["operation", "type", "transport"],
  buckets: SECONDS,
});
export const errorsTotal = new Counter({
  name: "polynode_gateway_errors_total",
  help: "Errors sent to clients.",
  labelNames: ["code"],
});
export const upstreamSeconds = new Histogram({
  name: "polynode_gateway_upstream_seconds",
  help: "Time of one request to a subgraph.",
  labelNames: ["subgraph", "outcome"],
  buckets: SECONDS,
});
export const breakerState = new Gauge({
  name: "polynode_gateway_breaker_state",
  help: "Circuit breaker of a subgraph: 0 closed, 1 half-open, 2 open.",
  labelNames: ["subgraph"],
});
export const socketsOpen = new Gauge({
  name: "polynode_gateway_sockets_open",
  help: "WebSockets of clients.",
});
export const socketsEnded = new Counter({
  name: "polynode_gateway_sockets_ended_total",
  help: "WebSockets that the gateway closed, by close code.",
  labelNames: ["code"],
});
export const subscriptionsOpen = new Gauge({
  name: "polynode_gateway_subscriptions_open",
  help: "Subscriptions running, by transport.",
  labelNames: ["transport"],
});

export { register };

const MAX_NAMES = 200;
const names = new Set<string>();

/** An operation's name as a label. Clients choose names, so only the first 200 get a series of their own. */
export function operationLabel(name: string | undefined): string {
  if (name === undefined) return "anonymous";
  if (names.has(name)) return name;
  if (names.size >= MAX_NAMES) return "other";
  names.add(name);
  return name;
}
