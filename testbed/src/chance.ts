/** Randomness that can be replayed: the same seed gives the same numbers. */
export interface Dice {
  readonly seed: number;
  /** Returns a number in [0, 1). */
  readonly next: () => number;
  /** Returns a whole number from 0, less than `limit`. */
  readonly below: (limit: number) => number;
  /** Returns a whole number in [from, to]. */
  readonly between: (from: number, to: number) => number;
  readonly oneIn: (n: number) => boolean;
  /** @param items at least one */
  readonly pick: <T>(items: readonly T[]) => T;
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
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    seed,
    next,
    below,
    between: (from, to) => from + below(to - from + 1),
    oneIn: (n) => below(n) === 0,
    pick: <T>(items: readonly T[]) => items[below(items.length)] as T,
  };
}

/**
 * The seed that `NODEAGENT_SEED` names, `random` for one that nobody chose.
 *
 * @param usual without that variable, so that a change is judged by what it changed
 */
export function givenSeed(usual: number): number {
  const { NODEAGENT_SEED: given = String(usual) } = process.env;
  const seed = given === 'random' ? Math.trunc(Math.random() * 2 ** 31) : Number(given);
  if (Number.isInteger(seed)) return seed;
  throw new Error(`NODEAGENT_SEED has to be a whole number or random, not ${given}.`);
}
