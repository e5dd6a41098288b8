import { describe, expect, it } from 'vitest';

import {
  backoffLeftMs,
  type BackoffState,
  diffByKey,
  jittered,
  nextBackoff,
} from '../../src/index.js';

describe(diffByKey, () => {
  const rules = {
    keyOf: ({ id }: { id: string }) => id,
    same: (a: { v: number }, b: { v: number }) => a.v === b.v,
  };

  it('sorts every item into create, update, remove or nothing', () => {
    const desired = [
      { id: 'a', v: 1 },
      { id: 'b', v: 2 },
      { id: 'c', v: 3 },
    ];
    const actual = [
      { id: 'c', v: 3 },
      { id: 'd', v: 4 },
      { id: 'b', v: 9 },
    ];
    expect(diffByKey(desired, actual, rules)).toEqual({
      create: [{ id: 'a', v: 1 }],
      update: [{ id: 'b', v: 2 }],
      remove: [{ id: 'd', v: 4 }],
    });
  });
});

describe(nextBackoff, () => {
  const rules = { initialMs: 10, maxMs: 35, resetAfterMs: 1000 };

  it('doubles up to its limit and starts over after a long time without failure', () => {
    const delays: number[] = [];
    let state: BackoffState | undefined;
    for (const nowMs of [0, 100, 200, 300, 5000]) {
      state = nextBackoff(state, rules, nowMs);
      delays.push(state.delayMs);
    }
    expect(delays).toEqual([10, 20, 35, 35, 10]);
  });

  it('returns the time still to wait', () => {
    const state = nextBackoff(undefined, rules, 100);
    expect(backoffLeftMs(undefined, 100)).toBe(0);
    expect(backoffLeftMs(state, 104)).toBe(6);
    expect(backoffLeftMs(state, 200)).toBe(0);
  });

  it('stretches a time by a share of itself', () => {
    expect(jittered(100, 0.5, () => 0)).toBe(100);
    expect(jittered(100, 0.5, () => 1)).toBe(150);
  });
});
