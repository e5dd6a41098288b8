import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { parseKubeletConfig } from '../../../src/config/index.js';
import {
  configuredThresholds,
  explainEviction,
  parseSummary,
  renderEviction,
} from '../../../src/eviction/index.js';
import { aPod } from '../../../src/testing/index.js';

const MI = 2 ** 20;
const GI = 2 ** 30;
const fs = (availableBytes: number) => ({
  ...{ availableBytes, capacityBytes: 100 * GI, inodes: 1000, inodesFree: 900 },
});
const podSummary = (uid: string, workingSetBytes: number) => ({
  podRef: { name: uid, namespace: 'default', uid },
  memory: { workingSetBytes },
  containers: [
    {
      ...{ name: 'app', memory: { workingSetBytes } },
      ...{ rootfs: { usedBytes: 1, inodesUsed: 2 }, logs: { usedBytes: 3 } },
    },
  ],
  volume: [{ name: 'data', usedBytes: 5 * MI, inodesUsed: 4 }],
  'ephemeral-storage': { usedBytes: 6 * MI },
  process_stats: { process_count: 7 },
});
const SUMMARY = {
  node: {
    memory: { availableBytes: 50 * MI, workingSetBytes: 8 * GI, time: '2026-01-01T00:00:00Z' },
    systemContainers: [
      { name: 'kubelet' },
      { name: 'pods', memory: { availableBytes: GI, workingSetBytes: GI } },
    ],
    fs: fs(90 * GI),
    runtime: { imageFs: fs(90 * GI) },
    rlimit: { maxpid: 32_768, curproc: 768 },
  },
  pods: [podSummary('greedy', 3 * GI), podSummary('modest', 10 * MI)],
};
const pod = (name: string, more: object = {}) => aPod({ metadata: { name, uid: name }, ...more });
const PODS = [
  pod('modest'),
  pod('greedy', { volumes: [{ name: 'data', emptyDir: { sizeLimit: '1Mi' } }] }),
  pod('vital', { priority: 2_000_000_000 }),
];
const { config } = parseKubeletConfig({
  file: {
    value: {
      evictionSoft: { 'memory.available': '1Gi' },
      evictionSoftGracePeriod: { 'memory.available': '1m' },
    },
    directory: '/',
  },
});
const thresholds = configuredThresholds(config);

describe(parseSummary, () => {
  it('reads the figures of the node and its pods', () => {
    const { figures, layout, pods } = parseSummary(SUMMARY);
    expect(Object.fromEntries(figures)).toEqual({
      'memory.available': {
        ...{ available: 50 * MI, capacity: 8 * GI + 50 * MI },
        atMs: Date.UTC(2026, 0, 1),
      },
      'allocatableMemory.available': { available: GI, capacity: 2 * GI, atMs: undefined },
      'nodefs.available': { available: 90 * GI, capacity: 100 * GI, atMs: undefined },
      'nodefs.inodesFree': { available: 900, capacity: 1000, atMs: undefined },
      'imagefs.available': { available: 90 * GI, capacity: 100 * GI, atMs: undefined },
      'imagefs.inodesFree': { available: 900, capacity: 1000, atMs: undefined },
      'pid.available': { available: 32_000, capacity: 32_768, atMs: undefined },
    });
    expect(layout).toBe('one');
    expect(pods.get('greedy')).toEqual({
      ...{ memoryBytes: 3 * GI, processes: 7, ephemeralBytes: 6 * MI },
      containers: [
        {
          ...{ name: 'app', memoryBytes: 3 * GI },
          ...{ rootfs: { bytes: 1, inodes: 2 }, logs: { bytes: 3, inodes: 0 } },
        },
      ],
      volumes: [{ name: 'data', bytes: 5 * MI, inodes: 4 }],
    });
  });

  it.each([
    [fs(50 * GI), undefined, 'dedicated'],
    [fs(50 * GI), fs(50 * GI), 'dedicated'],
    [fs(50 * GI), fs(20 * GI), 'split'],
    [fs(90 * GI), undefined, 'one'],
    [undefined, undefined, 'one'],
  ])('takes file systems of one size for one: %#', (imageFs, containerFs, layout) => {
    const node = { fs: fs(90 * GI), runtime: { imageFs, containerFs } };
    expect(parseSummary({ node }).layout).toBe(layout);
  });

  it('reads the page that this kubelet serves', () => {
    const path = join(import.meta.dirname, '../../golden/stats/summary.json');
    const { figures, pods } = parseSummary(JSON.parse(readFileSync(path, 'utf8')));
    expect([...figures.keys()]).toContain('memory.available');
    expect([...figures.keys()]).toContain('nodefs.inodesFree');
    expect(pods.size).toBeGreaterThan(0);
  });

  it.each([null, 7, [], {}, { node: 3 }])('refuses %j', (document) => {
    expect(() => parseSummary(document)).toThrow('not a document of /stats/summary');
  });

  it.each([
    { node: { memory: 'much', fs: [], rlimit: null, systemContainers: {} }, pods: 'many' },
    { node: {}, pods: [null, {}, { podRef: { uid: 5 } }, { podRef: { uid: 'a' }, volume: [7] }] },
  ])('leaves out what has another type: %j', (document) => {
    expect(parseSummary(document).figures.size).toBe(0);
  });
});

describe(explainEviction, () => {
  const explained = (by?: 'pid.available') =>
    explainEviction(parseSummary(SUMMARY), PODS, thresholds, by);

  it('names the crossed thresholds, the order and the words', () => {
    const { pressure, thresholds: all, order, signal, message, overLimits } = explained();
    expect(pressure).toEqual(['MemoryPressure']);
    expect(all.filter(({ isCrossed }) => isCrossed)).toMatchObject([
      { signal: 'memory.available', graceMs: 0, amount: 100 * MI, available: 50 * MI },
      { signal: 'memory.available', graceMs: 60_000, amount: GI },
    ]);
    expect(signal).toBe('memory.available');
    expect(order.map(({ name }) => name)).toEqual(['vital', 'greedy', 'modest']);
    expect(message).toMatch(/^The node was low on resource: memory\..*Container app was using 3Gi/);
    expect(overLimits).toMatchObject([{ name: 'greedy', signal: 'emptydirfs.limit' }]);
  });

  it('orders by another signal on request', () => {
    const { order, message, signal } = explained('pid.available');
    expect(signal).toBe('pid.available');
    expect(order.at(-1)?.name).toBe('vital');
    expect(message).toBeUndefined();
  });

  it('is readable', () => {
    const text = renderEviction(explained());
    expect(text).toContain('pressure: MemoryPressure');
    expect(text).toContain(
      'memory.available (hard): 50Mi available, at least 100Mi wanted: CROSSED',
    );
    expect(text).toContain('memory.available (soft, after 60 s): 50Mi available');
    expect(text).toContain('for memory.available, now, the kubelet');
    expect(text).toContain('default/vital: it has no figures yet; priority 2000000000; critical');
    expect(text).toContain('default/greedy: it uses 3Gi and requests 0, more than it requests');
    expect(text).toContain('pod default/greedy goes at once: Usage of EmptyDir volume "data"');
    expect(renderEviction(explained('pid.available'))).toContain('if it fell below its threshold');
  });
});
