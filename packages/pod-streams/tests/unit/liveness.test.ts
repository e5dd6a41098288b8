import { describe, expect, it } from 'vitest';

import { judgePeer } from '../../src/plan/liveness.js';

const heard = { heardAtMs: 1000, sent: 3, read: 3 };

describe(judgePeer, () => {
  it.each([
    { name: 'is there while its silence is short', state: heard, nowMs: 1061, want: true },
    { name: 'is gone after a longer silence', state: heard, nowMs: 1062, want: false },
    {
      name: 'may be busy with data that it has not read',
      state: { ...heard, read: 2 },
      nowMs: 9000,
      want: true,
    },
    {
      name: 'cannot be heard while we do not read',
      state: heard,
      nowMs: 9000,
      reading: false,
      want: true,
    },
  ])('a peer $name', ({ state, nowMs, want, reading = true }) => {
    expect(judgePeer(state, { nowMs, reading, patienceMs: 61 }).alive).toBe(want);
  });

  it.each([
    { name: 'has read our data', reading: true, read: 2 },
    { name: 'is read again', reading: false, read: 3 },
  ])('the silence of a peer counts from when it $name', ({ reading, read }) => {
    const busy = judgePeer({ ...heard, read }, { nowMs: 5000, reading, patienceMs: 61 }).state;
    const now = { ...busy, read: 3 };
    expect(judgePeer(now, { nowMs: 5061, reading: true, patienceMs: 61 }).alive).toBe(true);
    expect(judgePeer(now, { nowMs: 5062, reading: true, patienceMs: 61 }).alive).toBe(false);
  });
});
