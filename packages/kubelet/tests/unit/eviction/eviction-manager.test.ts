import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import type { Pod } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { DiskLayout, Observation } from '../../../src/eviction/model/snapshot.js';
import type { EvictionThreshold } from '../../../src/eviction/model/threshold.js';
import type { NodeReclaim } from '../../../src/eviction/ports.js';
import { EvictionManager, type EvictionOptions } from '../../../src/eviction/run/index.js';
import { podName } from '../../../src/pod/index.js';
import { aPod, MemoryPodEvents } from '../../../src/testing/index.js';

const memory: EvictionThreshold = {
  ...{ signal: 'memory.available', limit: { bytes: 100 }, graceMs: 0, reclaim: undefined },
};
const disk: EvictionThreshold = { ...memory, signal: 'nodefs.available' };

let clock: ManualClock;
let metrics: MemoryMetrics;
let events: MemoryPodEvents;
let log: MemoryLogger;
let end: AbortController;
let told: string[];
let evicted: string[];
let available: Record<'memory.available' | 'nodefs.available', number>;
let pods: Pod[];
let layout: DiskLayout;
let onEvict: () => void;
let reclaim: NodeReclaim;
let broken: Error | undefined;
/** How long volumes of an evicted pod stay. */
let cleanUpMs: number;
let leftMs: number;
let passesMs: number[];
let looksMs: number[];
/** Fails looks between passes. */
let blind: Error | undefined;
/** Looks see less memory than passes. */
let swings: boolean;

beforeEach(() => {
  clock = new ManualClock();
  metrics = new MemoryMetrics();
  events = new MemoryPodEvents();
  log = new MemoryLogger();
  end = new AbortController();
  [told, evicted, pods, layout, broken] = [[], [], [], 'one', undefined];
  [cleanUpMs, leftMs] = [0, 0];
  [passesMs, looksMs, blind, swings] = [[], [], undefined, false];
  available = { 'memory.available': 1000, 'nodefs.available': 1000 };
  onEvict = () => undefined;
  reclaim = {
    removeDeadContainers: async () => void told.push('dead containers'),
    removeUnusedImages: async () => void told.push('unused images'),
  };
});
afterEach(() => end.abort(new Error('the test is over')));

const named = (name: string, priority = 0, spec: object = {}): Pod =>
  aPod({ metadata: { name, uid: name }, priority, ...spec });

const seen = (signal: keyof typeof available): Observation => ({
  ...{ available: available[signal], capacity: 1000, atMs: clock.monotonicMs() + 1 },
});
const soonScarce = () => new Map([['memory.available', seen('memory.available')]] as const);

function start(options: Partial<EvictionOptions> = {}): EvictionManager {
  const manager = new EvictionManager({
    ...{ thresholds: [memory, disk], transitionMs: 60_000, maxGraceSeconds: 0 },
    ...{ limitsLocalStorage: true, events, metrics, clock, log, cpuCount: 2 },
    reclaim,
    gauge: {
      node: async () => {
        if (broken !== undefined) throw broken;
        passesMs.push(clock.monotonicMs());
        const disks = [['nodefs.available', seen('nodefs.available')]] as const;
        return { layout, figures: new Map([...soonScarce(), ...disks]) };
      },
      soonScarce: async () => {
        looksMs.push(clock.monotonicMs());
        if (blind !== undefined) throw blind;
        if (swings)
          return new Map([['memory.available', { ...seen('memory.available'), available: 0 }]]);
        return soonScarce();
      },
      pods: async (asked) =>
        asked.map((pod) => ({
          pod,
          figures: {
            ...{ memoryBytes: 1, processes: 1, containers: [], ephemeralBytes: 5 * 2 ** 20 },
            volumes: [{ name: 's', bytes: 2 ** 21, inodes: 1 }],
          },
        })),
    },
    nodeEvents: { warning: (reason, message) => void told.push(`${reason}: ${message}`) },
    onPressure: () => told.push('pressure'),
    ...options,
  });
  void manager.run(
    {
      active: () => pods,
      evict: async (uid, { message }, graceSeconds) => {
        evicted.push(`${uid} ${graceSeconds} s: ${message.slice(0, 40)}`);
        pods = pods.filter((pod) => podName(pod) !== uid);
        await clock.sleep(500, end.signal);
        leftMs = clock.monotonicMs() + cleanUpMs;
        if (cleanUpMs === 0) onEvict();
      },
      isGone: () => {
        if (clock.monotonicMs() < leftMs) return false;
        if (cleanUpMs > 0) onEvict();
        return true;
      },
    },
    end.signal,
  );
  return manager;
}

const LOW = 'The node was low on resource: memory. Th';

describe(EvictionManager, () => {
  it('leaves a healthy node alone', async () => {
    pods = [named('a')];
    const manager = start();
    await clock.advance(60_000);
    expect([evicted, told, manager.pressure()]).toEqual([[], [], []]);
  });

  it('ends one pod after another, least important first, until there is enough', async () => {
    pods = [named('high', 10), named('low', -1), named('middle', 0), named('vital', 2_000_000_000)];
    available['memory.available'] = 50;
    onEvict = () => {
      if (evicted.length === 2) available['memory.available'] = 900;
    };
    const manager = start();
    await clock.advance(5000);
    expect(evicted).toEqual([`low 1 s: ${LOW}`, `middle 1 s: ${LOW}`]);
    expect(manager.pressure()).toEqual(['MemoryPressure']);
    expect(told).toEqual([
      'pressure',
      'EvictionThresholdMet: Attempting to reclaim memory',
      'EvictionThresholdMet: Attempting to reclaim memory',
    ]);
    expect(events.lines).toContainEqual(
      expect.stringMatching(/^Warning Evicted low: The node was/),
    );
    expect(metrics.values.get('kubelet_evictions{eviction_signal="memory.available"}')).toBe(2);
    await clock.advance(70_000);
    expect(manager.pressure()).toEqual([]);
  });

  it('never ends a critical pod, and says when no other is left', async () => {
    pods = [named('vital', 2_000_000_000)];
    available['memory.available'] = 50;
    start();
    await clock.advance(1000);
    expect(evicted).toEqual([]);
    expect(log.lines.map(({ message }) => message)).toContain(
      'no pod can be evicted to relieve the node',
    );
  });

  it('reclaims disk space before it ends a pod', async () => {
    pods = [named('a')];
    available['nodefs.available'] = 50;
    reclaim = {
      removeDeadContainers: () => Promise.reject(new Error('the runtime is away')),
      removeUnusedImages: async () => {
        available['nodefs.available'] = 900;
      },
    };
    start();
    await clock.advance(30_000);
    expect(evicted).toEqual([]);
    expect(log.lines.map(({ message }) => message)).toContain(
      'cannot reclaim resources of the node',
    );
  });

  it('ends a pod if reclaiming did not help', async () => {
    pods = [named('a')];
    available['nodefs.available'] = 50;
    onEvict = () => (available['nodefs.available'] = 900);
    start();
    await clock.advance(1000);
    expect(told).toContain('dead containers');
    expect(told).toContain('unused images');
    expect(evicted).toHaveLength(1);
  });

  it.each([
    [30, 10, 10],
    [5, 10, 5],
    [30, 0, 1],
  ])('at a soft threshold grants %i s, at most %i: %i', async (own, most, want) => {
    pods = [named('a', 0, { terminationGracePeriodSeconds: own })];
    available['memory.available'] = 50;
    start({ thresholds: [{ ...memory, graceMs: 15_000 }], maxGraceSeconds: most });
    await clock.advance(10_000);
    expect(evicted).toEqual([]);
    await clock.advance(10_001);
    expect(evicted).toEqual([`a ${want} s: ${LOW}`]);
  });

  it('ends pods that exceed their limits of local storage, though the node has enough', async () => {
    const volumes = [{ name: 's', emptyDir: { sizeLimit: '1Mi' } }];
    pods = [named('greedy', 0, { volumes }), named('modest')];
    start();
    await clock.advance(1000);
    expect(evicted).toEqual(['greedy 1 s: Usage of EmptyDir volume "s" exceeds the']);
    expect(metrics.values.get('kubelet_evictions{eviction_signal="emptydirfs.limit"}')).toBe(1);
    expect(told).toEqual([]);
  });

  it('does not enforce these limits if they are switched off', async () => {
    pods = [named('greedy', 0, { volumes: [{ name: 's', emptyDir: { sizeLimit: '1Mi' } }] })];
    start({ limitsLocalStorage: false });
    await clock.advance(1000);
    expect(evicted).toEqual([]);
  });

  it('looks at the node again only when the volumes of the evicted pod are gone', async () => {
    pods = [named('first'), named('second')];
    available['memory.available'] = 50;
    cleanUpMs = 5000;
    onEvict = () => (available['memory.available'] = 900);
    start();
    await clock.advance(60_000);
    expect(evicted).toHaveLength(1);
  });

  it('waits at most half a minute for that', async () => {
    pods = [named('first'), named('second')];
    available['memory.available'] = 50;
    cleanUpMs = 3_600_000;
    start();
    await clock.advance(30_000);
    expect(evicted).toHaveLength(1);
    await clock.advance(2000);
    expect(evicted).toHaveLength(2);
  });

  it('reports a failed measurement once, and goes on', async () => {
    broken = new Error('no /proc');
    pods = [named('a')];
    start();
    await clock.advance(25_000);
    broken = undefined;
    available['memory.available'] = 50;
    await clock.advance(10_000);
    const failures = log.lines.filter(({ message }) => message.includes('cannot measure the node'));
    expect(failures).toHaveLength(1);
    expect(evicted).toHaveLength(1);
  });

  describe('between two passes', () => {
    it('notices within a tenth of a second that memory runs short', async () => {
      pods = [named('a')];
      onEvict = () => (available['memory.available'] = 900);
      const manager = start();
      await clock.advance(2000);
      available['memory.available'] = 50;
      await clock.advance(100);
      expect(evicted).toEqual([`a 1 s: ${LOW}`]);
      expect(manager.pressure()).toEqual(['MemoryPressure']);
    });

    it('does not look at disks', async () => {
      pods = [named('a')];
      start();
      await clock.advance(2000);
      available['nodefs.available'] = 50;
      await clock.advance(7900);
      expect([passesMs, evicted]).toEqual([[0], []]);
      await clock.advance(200);
      expect([passesMs[1], evicted.length]).toEqual([10_000, 1]);
    });

    it('does not measure again for a threshold that stays crossed', async () => {
      pods = [named('vital', 2_000_000_000)];
      available['memory.available'] = 50;
      start();
      await clock.advance(25_000);
      expect(passesMs).toEqual([0, 10_000, 20_000]);
    });

    it('measures at most once a second while a figure swings around its threshold', async () => {
      swings = true;
      start();
      await clock.advance(5500);
      expect(passesMs).toEqual([0, 100, 1100, 2100, 3100, 4100, 5100]);
    });

    it('reports a failed look, and does not look again before the next pass', async () => {
      blind = new Error('no cgroups');
      start();
      await clock.advance(19_999);
      expect(passesMs).toEqual([0, 10_000]);
      expect(looksMs).toEqual([100, 10_100]);
      const failures = log.lines.filter(({ message }) => message.includes('cannot measure'));
      expect(failures).toHaveLength(2);
    });
  });
});
