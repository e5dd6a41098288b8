/**
 * The facts about one connection; times are in monotonic milliseconds. A stranger is a client that
 * has not authenticated.
 */
export interface ConnectionFacts {
  /** The client or network it counts for, see `originOf`. */
  readonly origin: string;
  readonly sinceMs: number;
  /** When the connection last became busy or quiet. */
  readonly changedMs: number;
  /** Number of requests being answered and of sessions they became. */
  readonly active: number;
  /** At least one of its requests got an answer other than a 401. */
  readonly isServed: boolean;
  /** At least one of its requests came from an authenticated client. */
  readonly isProven: boolean;
}

/** Limits on the number of connections, and on their times in milliseconds. */
export interface ServerLimits extends ConnectionTimes {
  /** Maximum number of connections; one more makes another one close. */
  readonly most: number;
  /**
   * Maximum number of strangers' connections of one origin; one more makes another of them close.
   */
  readonly mostOfStranger: number;
}

/**
 * At most 512 connections, 256 of strangers of one origin; 30 s unserved, 60 s for a stranger's
 * request, 120 s without requests.
 */
export const SERVER_LIMITS: ServerLimits = {
  most: 512,
  mostOfStranger: 256,
  unservedMs: 30_000,
  strangerMs: 60_000,
  quietMs: 120_000,
};

export interface ConnectionTimes {
  /** Time limit for a connection that was never served. */
  readonly unservedMs: number;
  /** Time limit for a stranger's request, including its answer. */
  readonly strangerMs: number;
  /** Time limit for a served connection without requests. */
  readonly quietMs: number;
}

/** Returns the reason to close a connection now; undefined when it may stay. */
export function overdue(
  { sinceMs, changedMs, active, isServed, isProven }: ConnectionFacts,
  nowMs: number,
  times: ConnectionTimes,
): 'idle' | 'stalled' | undefined {
  if (active > 0) {
    return !isProven && nowMs - changedMs >= times.strangerMs ? 'stalled' : undefined;
  }
  if (!isServed) return nowMs - sinceMs >= times.unservedMs ? 'idle' : undefined;
  return nowMs - changedMs >= times.quietMs ? 'idle' : undefined;
}

/**
 * Chooses the connection to close for a newcomer when there is no room. It takes a stranger's
 * connection from the origin with the most of them: the oldest quiet one, or else the oldest.
 * Without strangers, it takes the oldest quiet connection.
 *
 * @param connections oldest first
 * @returns undefined when all clients are authenticated and busy
 */
export function victimAmong<T extends ConnectionFacts>(connections: Iterable<T>): T | undefined {
  const byOrigin = new Map<string, { count: number; quiet: T | undefined; first: T }>();
  let quiet: T | undefined;
  for (const one of connections) {
    const isQuiet = one.active === 0;
    if (one.isProven) {
      if (isQuiet) quiet ??= one;
      continue;
    }
    const group = byOrigin.get(one.origin) ?? { count: 0, quiet: undefined, first: one };
    group.count += 1;
    if (isQuiet) group.quiet ??= one;
    byOrigin.set(one.origin, group);
  }
  let largest: { count: number; quiet: T | undefined; first: T } | undefined;
  for (const group of byOrigin.values()) {
    if (largest === undefined || group.count > largest.count) largest = group;
  }
  return largest === undefined ? quiet : (largest.quiet ?? largest.first);
}
