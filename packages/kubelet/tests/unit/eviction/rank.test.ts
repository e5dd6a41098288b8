import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { Signal } from '../../../src/eviction/model/signal.js';
import type { DiskLayout, MeasuredPodUse } from '../../../src/eviction/model/snapshot.js';
import { rankPods } from '../../../src/eviction/plan/rank.js';
import { aPod } from '../../../src/testing/index.js';

const MI = 2 ** 20;
const GI = 2 ** 30;

interface Row {
  readonly priority: number;
  readonly memory?: string;
  readonly storage?: string;
  /** Working set; rootfs, logs and scratch volume in bytes; inodes of the rootfs; processes. */
  readonly used?: readonly [number, number, number, number, number, number];
}

const ROWS: Readonly<Record<string, Row>> = {
  p1: { priority: 0, memory: '1Gi', used: [900 * MI, 100 * MI, MI, 0, 10, 5] },
  p2: { priority: 0, used: [200 * MI, 300 * MI, 5 * MI, 2 * GI, 500, 40] },
  p3: {
    ...{ priority: 0, memory: '100Mi', storage: '1Gi' },
    used: [400 * MI, 600 * MI, 200 * MI, 100 * MI, 20, 12],
  },
  p4: {
    ...{ priority: 1000, memory: '100Mi', storage: '1Gi' },
    used: [2 * GI, 2 * GI, 10 * MI, 0, 9000, 300],
  },
  p5: {
    ...{ priority: 1000, memory: '2Gi', storage: '4Gi' },
    used: [GI, 3 * GI, 500 * MI, 0, 50, 8],
  },
  p6: { priority: -10, memory: '500Mi', used: [499 * MI, MI, MI, 0, 3, 2] },
  p7: { priority: 2_000_000_000, memory: '50Mi', used: [3 * GI, 5 * GI, GI, 0, 30, 20] },
  p8: { priority: 5000, memory: '1Gi' },
};

function podOf(name: string, { priority, memory, storage }: Row): Pod {
  const requests = { ...(memory && { memory }), ...(storage && { 'ephemeral-storage': storage }) };
  const containers = [{ name: 'c', image: 'i', resources: { requests } }];
  return aPod({ metadata: { name }, priority, containers, volumes: [{ name: 's', emptyDir: {} }] });
}

const PODS = Object.entries(ROWS).map(([name, row]): MeasuredPodUse => {
  const pod = podOf(name, row);
  if (row.used === undefined) return { pod, figures: undefined };
  const [memoryBytes, rootfs, logs, scratch, inodes, processes] = row.used;
  const container = {
    ...{ name: 'c', memoryBytes },
    rootfs: { bytes: rootfs, inodes },
    logs: { bytes: logs, inodes: 2 },
  };
  const volumes = [{ name: 's', bytes: scratch, inodes: 1 }];
  const ephemeralBytes = rootfs + logs + scratch;
  const figures = { memoryBytes, processes, containers: [container], volumes, ephemeralBytes };
  return { pod, figures };
});

describe(rankPods, () => {
  it.each<readonly [Signal, DiskLayout, string]>([
    ['memory.available', 'one', 'p8 p3 p2 p4 p7 p6 p1 p5'],
    ['pid.available', 'one', 'p6 p2 p3 p1 p4 p5 p8 p7'],
    ['nodefs.available', 'one', 'p8 p6 p2 p1 p4 p7 p3 p5'],
    ['nodefs.available', 'split', 'p8 p6 p2 p1 p4 p7 p3 p5'],
    ['imagefs.available', 'dedicated', 'p8 p6 p2 p1 p4 p7 p3 p5'],
    ['nodefs.available', 'dedicated', 'p8 p6 p2 p1 p7 p3 p4 p5'],
    ['nodefs.inodesFree', 'one', 'p8 p6 p2 p1 p3 p4 p5 p7'],
  ])('by %s with the layout %s: %s', (signal, layout, order) => {
    const names = rankPods([...PODS].reverse(), signal, layout).map(
      ({ pod }) => pod.metadata?.name,
    );
    expect(names.join(' ')).toBe(order);
  });
});
