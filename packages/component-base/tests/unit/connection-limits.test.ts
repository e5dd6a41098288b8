import { describe, expect, it } from 'vitest';

import { originOf } from '../../src/index.js';
import { type ConnectionFacts, overdue, victimAmong } from '../../src/plan/connection-limits.js';

const times = { unservedMs: 30, strangerMs: 60, quietMs: 120 };
const facts = (over: Partial<ConnectionFacts>): ConnectionFacts => ({
  ...{ origin: 'a', sinceMs: 0, changedMs: 0, active: 0, isServed: false, isProven: false },
  ...over,
});

describe(overdue, () => {
  it.each([
    ['a newcomer', {}, 29, undefined],
    ['a connection that was never served', {}, 30, 'idle'],
    ['a connection that was refused a moment ago', { changedMs: 29 }, 30, 'idle'],
    ['a connection that was served', { isServed: true, changedMs: 10 }, 129, undefined],
    ['a connection that was served and is quiet', { isServed: true, changedMs: 10 }, 130, 'idle'],
    ['a stranger’s request', { active: 1, changedMs: 20 }, 79, undefined],
    ['a stranger’s endless request', { active: 1, changedMs: 20 }, 80, 'stalled'],
    ['a session of an authenticated client', { active: 1, isProven: true }, 1e9, undefined],
  ] as const)('%s', (_, over, nowMs, want) => {
    expect(overdue(facts(over), nowMs, times)).toBe(want);
  });
});

describe(victimAmong, () => {
  const victim = (...all: readonly Partial<ConnectionFacts>[]): number | undefined =>
    victimAmong(all.map((over, sinceMs) => facts({ ...over, sinceMs })))?.sinceMs;
  const known = { isProven: true };
  const busy = { active: 1 };

  it.each([
    ['nobody if all are authenticated and busy', [{ ...known, ...busy }], undefined],
    ['the oldest quiet client if all are authenticated', [{ ...known, ...busy }, known, known], 1],
    ['a stranger before an authenticated client', [known, {}], 1],
    ['a busy stranger before an authenticated client', [known, busy], 1],
    ['a quiet stranger before a busy one', [busy, {}, {}], 1],
    [
      'the origin with the most connections',
      [{ origin: 'b' }, { origin: 'a' }, { origin: 'a', active: 1 }],
      1,
    ],
    [
      'the origin with the most connections of strangers',
      [{ ...known, origin: 'a' }, known, { origin: 'b' }],
      2,
    ],
  ])('closes %s', (_, all, want) => {
    expect(victim(...all)).toBe(want);
  });
});

describe(originOf, () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::5', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, 'unknown'],
  ])('%s counts as %s', (address, want) => expect(originOf(address)).toBe(want));
});
