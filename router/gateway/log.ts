/** JSON log lines. What a client sends is never logged as text: a document may carry a password as a literal. */
import type { Settings } from "./settings.ts";

type Level = Settings["logLevel"];
export type Log = Record<Level, (event: string, fields?: Record<string, unknown>) => void>;

const ORDER: readonly Level[] = ["debug", "info", "warning", "error"];
const MAX_LINE = 2_048;
const MAX_VALUE = 1_200;

/** Lines are written together at the end of a turn: one system call for many requests. */
export function createLog(
  threshold: Level,
  write = (text: string): unknown => process.stdout.write(text),
): Log {
  let pending: string[] = [];
  const flush = (): void => {
    const lines = pending;
    pending = [];
    if (lines.length > 0) write(lines.join(""));
  };
  process.once("exit", flush);

  const at = (level: Level) => (event: string, fields?: Record<string, unknown>) => {
    if (ORDER.indexOf(level) < ORDER.indexOf(threshold)) return;
    if (pending.push(line(level, event, fields)) === 1) setImmediate(flush);
  };
  return { debug: at("debug"), info: at("info"), warning: at("warning"), error: at("error") };
}

function line(level: Level, event: string, fields: Record<string, unknown> = {}): string {
  const entry = { timestamp: new Date().toISOString(), level, service: "gateway", event, ...fields };
  const text = JSON.stringify(entry, shorten);
  return (
    (Buffer.byteLength(text) < MAX_LINE ? text : JSON.stringify({ ...entry, ...omitted(fields) })) + "\n"
  );
}

/** JSON escapes control characters, so a value cannot begin a line of its own. */
function shorten(_key: string, value: unknown): unknown {
  if (value instanceof Error) return `${value.name}: ${value.message}`.slice(0, MAX_VALUE);
  return typeof value === "string" && value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
}

function omitted(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === "number" ? value : String(value).slice(0, 80),
    ]),
  );
}
