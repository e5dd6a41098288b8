import { ManualClock } from '@nodeagent/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Work } from '../../src/run/work.js';

interface Task {
  readonly key: string;
}

let clock: ManualClock;
let stop: AbortController;
let plan: readonly Task[];
let performed: string[];
let failing: Set<string>;
let waits: number[];
/** Ends the tasks that hang. */
let release: () => void;

beforeEach(() => {
  clock = new ManualClock();
  stop = new AbortController();
  plan = [];
  performed = [];
  failing = new Set();
  waits = [];
  release = () => undefined;
});
afterEach(() => stop.abort());

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await clock.advance(0);
}

function start(concurrency = 10): Work<Task> {
  const work = new Work<Task>({
    clock,
    plan: () => plan,
    perform: async ({ key }) => {
      performed.push(key);
      if (key.startsWith('slow')) await new Promise<void>((resolve) => (release = resolve));
      if (failing.has(key)) throw new Error('no');
      plan = plan.filter((task) => task.key !== key);
    },
    onError: (_, __, retryInMs) => waits.push(retryInMs),
    retry: { initialMs: 1000, maxMs: 4000 },
    concurrency,
  });
  void work.run(stop.signal);
  return work;
}

describe('work', () => {
  it('performs what a plan contains, and what later plans contain', async () => {
    plan = [{ key: 'a' }, { key: 'b' }];
    const work = start();
    await settle();
    plan = [{ key: 'c' }];
    work.request();
    await settle();
    expect(performed).toEqual(['a', 'b', 'c']);
  });

  it('never performs two tasks of one key at a time', async () => {
    plan = [{ key: 'slow' }];
    const work = start();
    await settle();
    work.request();
    await settle();
    expect(performed).toEqual(['slow']);
    plan = [{ key: 'slow' }];
    release();
    await settle();
    expect(plan).toEqual([]);
  });

  it('performs at most so many at a time, and the rest afterwards', async () => {
    plan = [{ key: 'slow' }, { key: 'b' }];
    start(1);
    await settle();
    expect(performed).toEqual(['slow']);
    release();
    await settle();
    expect(performed).toEqual(['slow', 'b']);
  });

  it('waits twice as long after each failure, up to a limit, and not for other tasks', async () => {
    failing.add('a');
    plan = [{ key: 'a' }, { key: 'b' }];
    start();
    await settle();
    for (const ms of [1000, 2000, 4000, 4000]) {
      await clock.advance(ms - 1);
      const before = performed.length;
      await clock.advance(1);
      await settle();
      expect(performed.length).toBe(before + 1);
    }
    expect(waits).toEqual([1000, 2000, 4000, 4000, 4000]);
    expect(performed.filter((key) => key === 'b')).toHaveLength(1);
  });

  it('forgets the failures of a task that is no longer planned', async () => {
    failing.add('a');
    plan = [{ key: 'a' }];
    const work = start();
    await settle();
    plan = [];
    work.request();
    await settle();
    plan = [{ key: 'a' }];
    work.request();
    await settle();
    expect(waits).toEqual([1000, 1000]);
  });
});
