import { describe, expect, it } from 'vitest';

import { BoundedRunner, KeyedQueue, orAborted, runEvery, runScope, Wake } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';

const quiet = (error: unknown): void => {
  throw error;
};

describe(runEvery, () => {
  it('keeps its period from start to start and continues after a failure', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const starts: number[] = [];
    const errors: unknown[] = [];
    const task = async (): Promise<void> => {
      starts.push(clock.monotonicMs());
      await clock.sleep(30, stop.signal);
      if (starts.length === 2) throw new Error('second');
    };
    const loop = runEvery(
      { clock, periodMs: 100, task, onError: (e) => errors.push(e) },
      stop.signal,
    );
    await clock.advance(350);
    stop.abort();
    await loop;
    expect(starts).toEqual([0, 100, 200, 300]);
    expect(errors).toEqual([new Error('second')]);
  });

  it('ends at once when aborted while it sleeps', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const task = async (): Promise<void> => undefined;
    const loop = runEvery({ clock, periodMs: 1e9, task, onError: quiet }, stop.signal);
    await clock.advance(1);
    stop.abort();
    await loop;
    expect(clock.sleeping).toBe(0);
  });
});

describe(orAborted, () => {
  it("resolves with the task's result", async () => {
    const { signal } = new AbortController();
    expect(await orAborted(Promise.resolve(3), signal)).toBe(3);
    await expect(orAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
  });

  it("rejects with the signal's reason if that comes first", async () => {
    const stop = new AbortController();
    const task = Promise.withResolvers<never>();
    const waiting = orAborted(task.promise, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(orAborted(Promise.resolve(3), stop.signal)).rejects.toThrow('enough');
    task.reject(new Error('later')); // nobody observes this failure any more
  });
});

describe(runScope, () => {
  const untilAborted = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

  it('aborts the others at the first failure, waits for them, and throws it', async () => {
    let ended = false;
    const patient = async (signal: AbortSignal): Promise<void> => {
      await untilAborted(signal);
      ended = true;
    };
    const failing = async (): Promise<void> => {
      throw new Error('boom');
    };
    await expect(runScope([patient, failing], new AbortController().signal)).rejects.toThrow(
      'boom',
    );
    expect(ended).toBe(true);
  });

  it('ends quietly when aborted from outside', async () => {
    const stop = new AbortController();
    const scope = runScope([untilAborted, untilAborted], stop.signal);
    stop.abort();
    await expect(scope).resolves.toBeUndefined();
  });
});

describe(Wake, () => {
  it('counts many wakes before a wait as one', async () => {
    const wake = new Wake();
    const { signal } = new AbortController();
    wake.wake();
    wake.wake();
    expect(await wake.wait(signal)).toBe('woken');
    const stop = new AbortController();
    const second = wake.wait(stop.signal);
    stop.abort();
    expect(await second).toBe('aborted');
  });
});

describe(BoundedRunner, () => {
  function start(task: () => Promise<void>) {
    const clock = new ManualClock();
    const stop = new AbortController();
    const errors: unknown[] = [];
    const runner = new BoundedRunner({
      clock,
      minIntervalMs: 100,
      maxIntervalMs: 1000,
      retry: { initialMs: 200, maxMs: 400 },
      task,
      onError: (error) => errors.push(error),
    });
    const done = runner.run(stop.signal);
    return { clock, runner, errors, stop: () => (stop.abort(), done) };
  }

  it('runs the first request at once and merges a burst into one more run', async () => {
    let runs = 0;
    const { clock, runner, stop } = start(async () => void (runs += 1));
    runner.request();
    await clock.advance(0);
    expect(runs).toBe(1);
    for (let i = 0; i < 10; i += 1) runner.request();
    await clock.advance(99);
    expect(runs).toBe(1);
    await clock.advance(1);
    expect(runs).toBe(2);
    await stop();
  });

  it('runs without a request after the maximum interval', async () => {
    let runs = 0;
    const { clock, runner, stop } = start(async () => void (runs += 1));
    runner.request();
    await clock.advance(2300);
    expect(runs).toBe(3);
    await stop();
  });

  it('retries a failure after its back-off', async () => {
    let runs = 0;
    const { clock, runner, errors, stop } = start(async () => {
      runs += 1;
      if (runs < 3) throw new Error(`run ${runs}`);
    });
    runner.request();
    await clock.advance(1000);
    expect(errors).toEqual([new Error('run 1'), new Error('run 2')]);
    expect(runs).toBe(3);
    await stop();
  });
});

describe(KeyedQueue, () => {
  it('runs one task per key with the newest value, and different keys side by side', async () => {
    const seen: string[] = [];
    const gates = new Map<string, () => void>();
    const queue = new KeyedQueue<string, number>(
      {
        handle: (key, value) => {
          seen.push(`${key}${value}`);
          return new Promise((resolve) => gates.set(key, resolve));
        },
        onError: (_key, error) => quiet(error),
      },
      new AbortController().signal,
    );
    queue.put('a', 1);
    queue.put('b', 1);
    queue.put('a', 2);
    queue.put('a', 3);
    expect(seen).toEqual(['a1', 'b1']);
    expect(queue.size).toBe(2);
    gates.get('a')?.();
    gates.get('b')?.();
    await new Promise((resolve) => setTimeout(resolve));
    expect(seen).toEqual(['a1', 'b1', 'a3']);
    gates.get('a')?.();
    await queue.idle();
    expect(queue.size).toBe(0);
  });

  it('reports a failure and continues; drops waiting values after an abort', async () => {
    const stop = new AbortController();
    const errors: string[] = [];
    const handled: number[] = [];
    const queue = new KeyedQueue<string, number>(
      {
        concurrency: 1,
        handle: async (_key, value) => {
          handled.push(value);
          if (value === 1) throw new Error('one');
          if (value === 2) stop.abort();
        },
        onError: (key, error) => errors.push(`${key}: ${String(error)}`),
      },
      stop.signal,
    );
    queue.put('a', 1);
    queue.put('b', 2);
    queue.put('c', 3);
    await queue.idle();
    expect(handled).toEqual([1, 2]);
    expect(errors).toEqual(['a: Error: one']);
  });
});
