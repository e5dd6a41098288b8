import { afterEach, describe, expect, it, vi } from 'vitest';

import { createDice, givenSeed } from '../../src/chance.ts';

describe(createDice, () => {
  it('gives the same numbers for the same seed, and others for another', () => {
    const draw = (seed: number): readonly number[] => {
      const { below } = createDice(seed);
      return Array.from({ length: 20 }, () => below(1000));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('stays within its bounds and reaches them', () => {
    const dice = createDice(1);
    const drawn = Array.from({ length: 500 }, () => dice.between(3, 6));
    expect(new Set(drawn)).toEqual(new Set([3, 4, 5, 6]));
    const below = Array.from({ length: 500 }, () => dice.below(3));
    expect(new Set(below)).toEqual(new Set([0, 1, 2]));
    const picked = Array.from({ length: 100 }, () => dice.pick(['a', 'b']));
    expect(new Set(picked)).toEqual(new Set(['a', 'b']));
    expect(Array.from({ length: 100 }, () => dice.oneIn(1))).not.toContain(false);
  });
});

describe(givenSeed, () => {
  afterEach(() => void vi.unstubAllEnvs());

  it.each([
    [undefined, 14],
    ['15', 15],
  ])('is with NODEAGENT_SEED=%s: %i', (given, want) => {
    vi.stubEnv('NODEAGENT_SEED', given);
    expect(givenSeed(14)).toBe(want);
  });

  it('draws one where that is wanted, and takes nothing else', () => {
    vi.stubEnv('NODEAGENT_SEED', 'random');
    expect(Number.isInteger(givenSeed(14))).toBe(true);
    vi.stubEnv('NODEAGENT_SEED', 'chance');
    expect(() => givenSeed(14)).toThrow('not chance');
  });
});
