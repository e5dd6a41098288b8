import { describe, expect, it } from 'vitest';

import { createSystemClock } from '../../src/adapters/system.js';
import type { Clock } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';

interface Subject {
  readonly clock: Clock;
  /** Lets at least this much time pass. */
  readonly pass: (ms: number) => Promise<void>;
}

const subjects: readonly { name: string; create: () => Subject }[] = [
  {
    name: 'manual',
    create: () => {
      const clock = new ManualClock();
      return { clock, pass: (ms) => clock.advance(ms) };
    },
  },
  {
    name: 'system',
    create: () => ({
      clock: createSystemClock(),
      pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    }),
  },
];

describe.each(subjects)('$name clock', ({ create }) => {
  it('wakes a sleeper once its time is over, not before', async () => {
    const { clock, pass } = create();
    const startMs = clock.monotonicMs();
    const sleep = clock.sleep(20, new AbortController().signal).then((how) => ({
      how,
      tookMs: clock.monotonicMs() - startMs,
    }));
    await pass(40);
    const { how, tookMs } = await sleep;
    expect(how).toBe('elapsed');
    expect(tookMs).toBeGreaterThanOrEqual(20);
  });

  it('returns aborted at once when aborted before or during a sleep', async () => {
    const { clock } = create();
    const stop = new AbortController();
    const during = clock.sleep(1e12, stop.signal);
    stop.abort();
    expect(await during).toBe('aborted');
    expect(await clock.sleep(0, stop.signal)).toBe('aborted');
  });

  it('yields to other work even for a sleep of zero', async () => {
    const { clock, pass } = create();
    const sleep = clock.sleep(0, new AbortController().signal);
    await pass(1);
    expect(await sleep).toBe('elapsed');
  });
});
