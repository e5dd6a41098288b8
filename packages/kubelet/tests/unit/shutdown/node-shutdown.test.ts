import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import type { Pod } from '@nodeagent/kube-client';
import { afterEach, describe, expect, it } from 'vitest';

import type { ShutdownPeriod } from '../../../src/shutdown/model/shutdown-period.js';
import { NodeShutdown } from '../../../src/shutdown/run/index.js';
import { aPod } from '../../../src/testing/index.js';

const CRITICAL = 2_000_000_000;
const SCHEDULE = [
  { priority: 0, seconds: 20 },
  { priority: CRITICAL, seconds: 10 },
];

let end = new AbortController();
afterEach(() => end.abort(new Error('the test is over')));

function named(name: string, priority: number, graceSeconds = 30): Pod {
  const metadata = { name, uid: name };
  return aPod({ metadata, priority, terminationGracePeriodSeconds: graceSeconds });
}

/** @param lastsMs how long each pod takes to end */
function start(
  pods: readonly Pod[],
  lastsMs: Readonly<Record<string, number>> = {},
  schedule: readonly ShutdownPeriod[] = SCHEDULE,
) {
  end = new AbortController();
  const clock = new ManualClock();
  const metrics = new MemoryMetrics();
  const log = new MemoryLogger();
  const told: string[] = [];
  const gone = new Set<string>();
  const say = (text: string): void => void told.push(`${clock.monotonicMs() / 1000} s: ${text}`);
  const state = { delayMs: 5000, raises: true, lockFails: false, content: '', locks: 0 };
  let signalShutdown: (isShuttingDown: boolean) => void = () => undefined;
  const shutdown = new NodeShutdown({
    schedule,
    ...{ metrics, clock, log },
    watch: {
      longestDelayMs: async () => state.delayMs,
      raiseDelay: async (seconds) => {
        say(`delay ${seconds} s`);
        if (state.raises) state.delayMs = seconds * 1000;
      },
      lock: async () => {
        if (state.lockFails) throw new Error('no logind');
        state.locks += 1;
        return async () => void (state.locks -= 1);
      },
      follow: async (listener, onReady, signal) => {
        signalShutdown = listener;
        onReady();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    },
    file: {
      read: async () => (state.content === '' ? undefined : state.content),
      write: async (content) => void (state.content = content),
    },
    nodeEvents: { normal: (reason, message) => say(`${reason}: ${message}`) },
    onChange: () => say(shutdown.isShuttingDown ? 'not ready' : 'ready'),
  });
  const run = () =>
    shutdown.run(
      {
        active: () => pods,
        evict: async (uid, { reason, disruption }, graceSeconds) => {
          say(`${uid} ${graceSeconds} s ${reason} ${disruption === undefined ? '' : 'disrupted'}`);
          await clock.sleep(lastsMs[uid] ?? 0, end.signal);
          gone.add(uid);
        },
        isGone: (uid) => gone.has(uid),
      },
      end.signal,
    );
  return { clock, metrics, log, told, state, run, signal: (is: boolean) => signalShutdown(is) };
}

describe(NodeShutdown, () => {
  it('makes shutdowns wait for as long as its periods together', async () => {
    const { clock, told, state, run } = start([]);
    void run();
    await clock.advance(0);
    expect(told).toEqual(['0 s: delay 30 s']);
    expect(state.locks).toBe(1);
  });

  it('leaves a delay alone that is long enough', async () => {
    const { clock, told, state, run } = start([]);
    state.delayMs = 30_000;
    void run();
    await clock.advance(0);
    expect(told).toEqual([]);
    expect(state.locks).toBe(1);
  });

  it('says that the delay does not grow, once, and tries again', async () => {
    const { clock, log, state, run } = start([]);
    state.raises = false;
    void run();
    await clock.advance(6000);
    const text =
      'node shutdown manager was timed out after 5 attempts waiting for logind InhibitDelayMaxSec to update to 30s (ShutdownGracePeriod), current value is 5s';
    expect(log.lines.map(({ fields }) => String(fields['err']))).toEqual([`Error: ${text}`]);
    expect(state.locks).toBe(0);
    state.raises = true;
    await clock.advance(6000);
    expect(state.locks).toBe(1);
  });

  it('ends pods in the order of their priority, with the time that they have', async () => {
    const pods = [named('dns', CRITICAL), named('web', 0), named('quick', 5, 3)];
    const { clock, told, state, run, signal } = start(pods, { web: 4000, quick: 1000, dns: 2000 });
    void run();
    await clock.advance(1000);
    signal(true);
    await clock.advance(60_000);
    expect(told.slice(1)).toEqual([
      '1 s: Shutdown: Shutdown manager detected shutdown event',
      '1 s: not ready',
      '1 s: web 20 s Terminated disrupted',
      '1 s: quick 3 s Terminated disrupted',
      '5 s: dns 10 s Terminated disrupted',
    ]);
    expect(state.locks).toBe(0);
  });

  it('goes on to the next pods when the time of the first has passed', async () => {
    const { clock, told, state, run, signal } = start([named('stuck', 0), named('dns', CRITICAL)], {
      stuck: 600_000,
      dns: 600_000,
    });
    void run();
    await clock.advance(0);
    signal(true);
    await clock.advance(29_999);
    expect(told.at(-1)).toBe('20 s: dns 10 s Terminated disrupted');
    expect(state.locks).toBe(1);
    await clock.advance(1);
    expect(state.locks).toBe(0);
  });

  it('keeps the times of start and end', async () => {
    const { clock, metrics, state, run, signal } = start([named('web', 0)], { web: 4000 });
    void run();
    await clock.advance(0);
    const startS = clock.nowMs() / 1000;
    signal(true);
    await clock.advance(1000);
    const value = (name: string) =>
      metrics.values.get(`kubelet_graceful_shutdown_${name}_time_seconds`);
    expect([value('start'), value('end')]).toEqual([startS, 0]);
    expect(state.content).toContain('"endTime":"0001-01-01T00:00:00Z"');
    await clock.advance(10_000);
    expect([value('start'), value('end')]).toEqual([startS, startS + 4]);
    expect(state.content).toContain('"endTime":"2026-');
  });

  it('shows the times of the last shutdown after a start', async () => {
    const { clock, metrics, state, run } = start([]);
    state.content = '{"startTime":"2026-01-01T00:00:00Z","endTime":"2026-01-01T00:00:09Z"}';
    void run();
    await clock.advance(0);
    const endTime = metrics.values.get('kubelet_graceful_shutdown_end_time_seconds');
    expect(endTime).toBe(Date.UTC(2026, 0, 1, 0, 0, 9) / 1000);
  });

  it('takes pods again and holds the next shutdown up when one was cancelled', async () => {
    const { clock, told, state, run, signal } = start([]);
    void run();
    await clock.advance(0);
    signal(true);
    await clock.advance(0);
    expect(state.locks).toBe(0);
    signal(false);
    await clock.advance(0);
    expect(told.slice(-2)).toEqual([
      '0 s: Shutdown: Shutdown manager detected shutdown cancellation',
      '0 s: ready',
    ]);
    expect(state.locks).toBe(1);
  });

  it('lets shutdowns go on when it ends, and tries again when it cannot lock', async () => {
    const { clock, state, run } = start([]);
    state.lockFails = true;
    const done = run();
    await clock.advance(2000);
    state.lockFails = false;
    await clock.advance(2000);
    expect(state.locks).toBe(1);
    end.abort(new Error('enough'));
    await done;
    expect(state.locks).toBe(0);
  });
});
