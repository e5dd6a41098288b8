import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { Signal } from '../../../src/eviction/model/signal.js';
import type { PodFigures } from '../../../src/eviction/model/snapshot.js';
import type { DueThreshold } from '../../../src/eviction/plan/pass.js';
import { limitsStorage, storageExcess } from '../../../src/eviction/plan/storage-limits.js';
import { thresholdEviction } from '../../../src/eviction/plan/verdict.js';
import { aPod } from '../../../src/testing/index.js';

const KI = 2 ** 10;
const MI = 2 ** 20;
const GI = 2 ** 30;

const due = (signal: Signal, amount: number, available: number): DueThreshold => ({
  ...{ signal, amount, limit: { bytes: amount }, graceMs: 0, reclaim: undefined },
  observation: { available, capacity: 100 * GI, atMs: undefined },
});
const uses = (memoryBytes: number, rootfs: number, logs: number): PodFigures => ({
  ...{ memoryBytes, processes: 1, volumes: [], ephemeralBytes: rootfs + logs },
  containers: [
    {
      ...{ name: 'c', memoryBytes },
      rootfs: { bytes: rootfs, inodes: 1 },
      logs: { bytes: logs, inodes: 1 },
    },
  ],
});
const podWith = (resources: object, spec: object = {}): Pod =>
  aPod({ ...spec, containers: [{ name: 'c', image: 'i', resources }] });
const plain = podWith({ requests: { memory: '100Mi' } });

describe(thresholdEviction, () => {
  it.each([
    [
      uses(400 * MI, 0, 0),
      due('memory.available', 500 * MI, 421_891 * KI),
      'The node was low on resource: memory. Threshold quantity: 500Mi, available: 421891Ki. Container c was using 400Mi, request is 100Mi, has larger consumption of memory. ',
    ],
    [
      uses(0, 300 * MI, 5 * MI),
      due('nodefs.available', 10_737_418_400, 9 * GI),
      'The node was low on resource: ephemeral-storage. Threshold quantity: 10737418400, available: 9Gi. Container c was using 305Mi, request is 0, has larger consumption of ephemeral-storage. ',
    ],
    [
      uses(0, 0, 0),
      due('nodefs.inodesFree', 327_680, 300_000),
      'The node was low on resource: inodes. Threshold quantity: 320Ki, available: 300k. ',
    ],
    [
      undefined,
      due('memory.available', 500 * MI, 0),
      'The node was low on resource: memory. Threshold quantity: 500Mi, available: 0. ',
    ],
  ])('says the words of Kubernetes: %#', (figures, threshold, message) => {
    const { verdict } = thresholdEviction(plain, figures, [threshold]);
    expect(verdict).toEqual({ reason: 'Evicted', message, disruption: message });
  });

  it('quotes the first threshold of the same resource', () => {
    const others = [due('imagefs.available', 7, 3), due('nodefs.available', 5, 2)] as const;
    const { verdict } = thresholdEviction(plain, undefined, [...others]);
    expect(verdict.message).toContain('Threshold quantity: 7, available: 3. ');
  });

  it('annotates the event with the greedy containers, and with a pod that requests memory', () => {
    const whole = podWith({}, { resources: { requests: { memory: '1Gi' } } });
    const figures = uses(2 * GI, 0, 0);
    const { annotations, verdict } = thresholdEviction(whole, figures, [
      due('memory.available', 1, 0),
    ]);
    expect(annotations).toEqual({
      offending_pod: 'web',
      offending_pod_usage: '2Gi',
      offending_containers: 'c',
      offending_containers_usage: '2Gi',
      starved_resource: 'memory',
    });
    expect(verdict.message).toContain('Pod web was using 2Gi, request is 1Gi, has larger');
  });

  it('has no annotations for a pod without figures', () => {
    expect(
      thresholdEviction(plain, undefined, [due('memory.available', 1, 0)]).annotations,
    ).toEqual({});
  });
});

describe(storageExcess, () => {
  const limited = podWith(
    { limits: { 'ephemeral-storage': '1Gi' } },
    { volumes: [{ name: 's', emptyDir: { sizeLimit: '10Mi' } }] },
  );
  const withVolume = (bytes: number): PodFigures => ({
    ...uses(0, 0, 0),
    volumes: [{ name: 's', bytes, inodes: 1 }],
  });

  it.each([
    ['one', withVolume(10 * MI), undefined],
    ['one', withVolume(10 * MI + 1), 'Usage of EmptyDir volume "s" exceeds the limit "10Mi". '],
    [
      'one',
      { ...uses(0, 0, 0), ephemeralBytes: GI + 1 },
      'Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ',
    ],
    [
      'one',
      { ...uses(0, GI, 1), ephemeralBytes: undefined },
      'Container c exceeded its local ephemeral storage limit "1Gi". ',
    ],
    ['dedicated', { ...uses(0, GI, 1), ephemeralBytes: undefined }, undefined],
  ] as const)('with the layout %s: %#', (layout, figures, message) => {
    expect(storageExcess(limited, figures, layout)?.message).toBe(message);
  });

  it.each([
    [limited, true],
    [plain, false],
    [podWith({}, { volumes: [{ name: 's', emptyDir: {} }] }), false],
    [podWith({}, { volumes: [{ name: 's', emptyDir: { sizeLimit: '1Mi' } }] }), true],
  ])('only pods with limits are measured: %#', (pod, want) => {
    expect(limitsStorage(pod)).toBe(want);
  });
});
