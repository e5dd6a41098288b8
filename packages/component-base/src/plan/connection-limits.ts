/** What is known of one connection; times are monotonic milliseconds. */
export interface ConnectionFacts {
  /** Whom it counts for, see `originOf`. */
  readonly origin: string;
  readonly sinceMs: number;
  /** When it last became busy or quiet. */
  readonly changedMs: number;
  /** Requests being answered, sessions that it became. */
  readonly active: number;
  /** One of its requests was answered by something other than a refusal to somebody unknown. */
  readonly isServed: boolean;
  /** One of its requests came from somebody who is known. */
  readonly isProven: boolean;
}

/** Bounds on what clients may hold, in number and in milliseconds. */
export interface ServerLimits extends ConnectionTimes {
  /** Connections at a time; one more costs another its place. */
  readonly most: number;
  /** Of these, those of strangers of one origin; one more costs another of them its place. */
  readonly mostOfStranger: number;
}

export const SERVER_LIMITS: ServerLimits = {
  most: 512,
  mostOfStranger: 256,
  unservedMs: 30_000,
  strangerMs: 60_000,
  quietMs: 120_000,
};

export interface ConnectionTimes {
  /** How long one may stay that was not served. */
  readonly unservedMs: number;
  /** How long a stranger's request may take, the answer included. */
  readonly strangerMs: number;
  /** How long one may stay quiet that was served. */
  readonly quietMs: number;
}

/** Why a connection is to be closed now; undefined: it may stay. */
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
 * Whose place somebody new gets where there is none left: of the strangers' connections the oldest
 * of the origin that has most of them, a quiet one before one that is being answered; where there
 * are no strangers, the oldest quiet one.
 *
 * @param connections oldest first
 * @returns undefined when everybody is known and busy
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
