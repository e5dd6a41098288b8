import { describe, expect, it } from 'vitest';

import { Wake } from '../../src/run/wake.js';
import { ManualClock } from '../../src/testing/manual-clock.js';

describe(Wake, () => {
  it('reports which came first: the wake, the end of the time, or the abort', async () => {
    const clock = new ManualClock();
    const wake = new Wake();
    const end = new AbortController();

    const first = wake.waitAtMost(1000, clock, end.signal);
    wake.wake();
    expect(await first).toBe('woken');
    expect(clock.sleeping).toBe(0);

    const second = wake.waitAtMost(1000, clock, end.signal);
    await clock.advance(1000);
    expect(await second).toBe('elapsed');

    const third = wake.waitAtMost(1000, clock, end.signal);
    end.abort();
    expect(await third).toBe('aborted');
    expect(clock.sleeping).toBe(0);
  });

  it('remembers one wake that nobody waited for', async () => {
    const clock = new ManualClock();
    const wake = new Wake();
    wake.wake();
    wake.wake();
    const { signal } = new AbortController();
    expect(await wake.waitAtMost(5, clock, signal)).toBe('woken');
    const second = wake.waitAtMost(5, clock, signal);
    await clock.advance(5);
    expect(await second).toBe('elapsed');
  });
});
