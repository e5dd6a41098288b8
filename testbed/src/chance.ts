/** Randomness that can be replayed: the same seed gives the same pods and the same mishaps. */
export interface Dice {
  readonly seed: number;
  /** Returns a whole number in [from, to]. */
  between(from: number, to: number): number;
  oneIn(n: number): boolean;
  /** @param items at least one */
  pick<T>(items: readonly T[]): T;
}

/** Mulberry32: 32 bits of state, good enough to vary a test. */
export function createDice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    seed,
    between,
    oneIn: (n) => between(1, n) === 1,
    pick: <T>(items: readonly T[]) => items[between(0, items.length - 1)] as T,
  };
}
