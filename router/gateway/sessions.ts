/** What outlives one request, a socket or an event stream: how many a user may hold, and when it must end. */
import { type Caller, claimsUnverified } from "./caller.ts";

/** Longest delay of a Node timer; a later expiry is looked at again then. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** Of one address, as a multiple of what a user may hold: a school behind one address comes back at once. */
const STRANGERS_TO_A_USER = 50;

/** Takes a place and returns how to leave it, or nothing when all such places are taken. */
export type Enter = (caller: Caller) => (() => void) | undefined;

export interface Entrance {
  /**
   * Counts by claimed user *and* address: the claim is not verified here, and a forged one must not take the
   * places of the person it names.
   */
  asUser: Enter;
  /** Counts by address those whom no subgraph has admitted yet, since claims cost nothing to invent. */
  asStranger: Enter;
}

export function createEntrance(places: number): Entrance {
  return {
    asUser: counted(
      places,
      ({ authorization, client }) => `${claimsUnverified(authorization).subject ?? ""} ${client}`,
    ),
    asStranger: counted(places * STRANGERS_TO_A_USER, ({ client }) => client),
  };
}

function counted(places: number, keyOf: (caller: Caller) => string): Enter {
  const taken = new Map<string, number>();
  return (caller) => {
    const key = keyOf(caller);
    const before = taken.get(key) ?? 0;
    if (before >= places) return undefined;
    taken.set(key, before + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const now = (taken.get(key) ?? 1) - 1;
      if (now > 0) taken.set(key, now);
      else taken.delete(key);
    };
  };
}

/** Calls `expired` once the caller's token claims to be over, at once if it is; returns how to stop waiting. */
export function atExpiry(caller: Caller, expired: () => void): () => void {
  const { expiresAt } = claimsUnverified(caller.authorization);
  if (expiresAt === undefined) return () => undefined;
  let timer: NodeJS.Timeout;
  const wait = (): void => {
    const left = expiresAt - Date.now();
    if (left <= 0) return expired();
    timer = setTimeout(wait, Math.min(left, MAX_DELAY_MS));
  };
  wait();
  return () => clearTimeout(timer);
}
