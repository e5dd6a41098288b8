import type { Match } from '../model/iptables.js';

/** One frozen match per number of remaining choices, shared by large rule sets. */
const cache: Match[] = [];

/**
 * Returns the match that makes rules tried in turn receive equal shares of packets: rule `i` of `n`
 * takes `1 / (n - i)` of the packets that reach it; the last takes all of them (undefined: it needs
 * no match).
 */
export function evenChance(index: number, count: number): Match | undefined {
  const left = count - index;
  if (left <= 1) return undefined;
  return (cache[left] ??= Object.freeze({ kind: 'chance', probability: 1 / left }));
}
