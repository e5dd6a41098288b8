import type { Match } from '../model/iptables.js';

/** One frozen match per number of remaining choices: large rule sets share them. */
const cache: Match[] = [];

/**
 * The matches that spread packets evenly over rules tried in turn: rule `i` of `n` takes
 * `1 / (n - i)` of what reaches it, the last takes the rest (undefined: no match needed).
 */
export function evenChance(index: number, count: number): Match | undefined {
  const left = count - index;
  if (left <= 1) return undefined;
  return (cache[left] ??= Object.freeze({ kind: 'chance', probability: 1 / left }));
}
