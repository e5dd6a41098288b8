import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { MemoryCgroups } from '@nodeagent/cgroups/testing';
import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import {
  containerMemoryQos,
  type MemoryQosRules,
  podMemoryQos,
  protectedMemory,
} from '../../../src/resources/plan/memory-qos.js';
import { reservedCgroups } from '../../../src/resources/plan/node-cgroup-values.js';
import { meterProtected, PodCgroups } from '../../../src/resources/run/index.js';
import { aPod } from '../../../src/testing/index.js';

const MIB = 2 ** 20;
const RULES: MemoryQosRules = {
  ...{ reserves: true, throttlingFactor: 0.9, allocatableBytes: 1000 * MIB },
};

type Amounts = Readonly<Record<string, string>>;

function podOf(resources: { requests?: Amounts; limits?: Amounts }, name = 'web'): Pod {
  const pod = aPod({ containers: [{ name: 'app', image: 'app:1', resources }] });
  return { ...pod, metadata: { ...pod.metadata, name, uid: name } };
}

const both = { cpu: '1', memory: '100Mi' };
const guaranteed = podOf({ requests: both, limits: both }, 'guaranteed');
const burstable = podOf({ requests: { memory: '100Mi' } }, 'burstable');
const bestEffort = podOf({}, 'best-effort');

describe(containerMemoryQos, () => {
  const of = (pod: Pod, rules: Partial<MemoryQosRules> = {}) =>
    containerMemoryQos(pod, pod.spec?.containers[0] ?? { name: '' }, { ...RULES, ...rules });

  it('protects what is requested: in Guaranteed pods always, in others if possible', () => {
    expect(of(guaranteed)).toEqual({ 'memory.min': String(100 * MIB) });
    expect(of(burstable)).toMatchObject({ 'memory.low': String(100 * MIB) });
    const none = { 'memory.min': '0', 'memory.low': '0' };
    expect(of(bestEffort)).toMatchObject(none);
    expect(of(guaranteed, { reserves: false })).toEqual(none);
  });

  it('throttles between request and limit, in whole pages', () => {
    const pod = podOf({ requests: { memory: '100Mi' }, limits: { memory: '200Mi' } });
    expect(of(pod)['memory.high']).toBe(String(190 * MIB));
    expect(of(pod, { throttlingFactor: 0.333 })['memory.high']).toBe('139771904');
    expect(139_771_904 % 4096).toBe(0);
  });

  it('throttles between request and all memory without a limit, and BestEffort pods never', () => {
    expect(of(burstable)['memory.high']).toBe(String(910 * MIB));
    expect(of(bestEffort)['memory.high']).toBeUndefined();
  });

  it('never throttles below the request', () => {
    expect(of(burstable, { allocatableBytes: 50 * MIB })['memory.high']).toBeUndefined();
    const tight = podOf({ requests: { memory: '100Mi' }, limits: { memory: '104857601' } });
    expect(of(tight)['memory.high']).toBeUndefined();
  });
});

it('protects the memory of a pod as a whole', () => {
  expect(podMemoryQos(guaranteed, RULES)).toEqual({ memoryMinBytes: 100 * MIB });
  expect(podMemoryQos(burstable, RULES)).toEqual({ memoryLowBytes: 100 * MIB });
  expect(podMemoryQos(bestEffort, RULES)).toEqual({});
  expect(podMemoryQos(guaranteed, { reserves: false })).toEqual({});
});

it('adds up what is protected of each class', () => {
  const pods = [guaranteed, guaranteed, burstable, bestEffort];
  expect(protectedMemory(pods, RULES)).toEqual({ guaranteed: 200 * MIB, burstable: 100 * MIB });
  expect(protectedMemory(pods, { reserves: false })).toEqual({ guaranteed: 0, burstable: 0 });
});

it('protects the reserved memory of the system, but not with its CPU alone', () => {
  const reserve = { memory: 1_000_000_000n * BigInt(MIB) };
  const enforced = ['system-reserved', 'system-reserved-compressible'];
  const kube = { path: '', reserve: {} };
  const rules = { enforced, system: { path: '/system', reserve }, kube };
  const values = (protectsMemory: boolean) =>
    reservedCgroups({ ...rules, protectsMemory }).map((one) => one.values?.memoryMinBytes);
  expect(values(true)).toEqual([MIB, undefined]);
  expect(values(false)).toEqual([undefined, undefined]);
});

describe(PodCgroups, () => {
  async function scene(reserves: boolean | undefined) {
    const clock = new ManualClock();
    const memory = new MemoryCgroups({ clock });
    const metrics = new MemoryMetrics();
    const cgroups = new PodCgroups({
      tree: memory.tree,
      layout: { driver: 'cgroupfs', root: '' },
      rules: {
        ...{ cpuCfsQuota: true, cpuPeriodUs: 100_000, podPidsLimit: -1 },
        memoryQos: reserves === undefined ? undefined : { ...RULES, reserves },
      },
      ...{ version: 2, log: new MemoryLogger(), onProtected: meterProtected(metrics) },
    });
    await cgroups.start();
    const pods = [guaranteed, burstable];
    cgroups.followPods(() => pods);
    for (const pod of pods) await cgroups.ensure(pod);
    return { memory, metrics };
  }

  it('protects the memory of pods, and above them as much', async () => {
    const { memory, metrics } = await scene(true);
    expect(memory.valuesOf('/kubepods')).toMatchObject({ memoryMinBytes: 200 * MIB });
    expect(memory.valuesOf('/kubepods/burstable')).toMatchObject({ memoryLowBytes: 100 * MIB });
    const pod = memory.valuesOf('/kubepods/podguaranteed');
    expect(pod).toMatchObject({ memoryMinBytes: 100 * MIB });
    const bytes = (name: string) =>
      metrics.values.get(`kubelet_memory_qos_node_memory_${name}_bytes`);
    expect([bytes('min'), bytes('low')]).toEqual([100 * MIB, 100 * MIB]);
  });

  it('takes the protection away without a reservation, and else leaves it alone', async () => {
    const none = await scene(false);
    expect(none.memory.valuesOf('/kubepods')).toMatchObject({ memoryMinBytes: 0 });
    expect(none.memory.valuesOf('/kubepods/burstable')).toMatchObject({ memoryLowBytes: 0 });
    const off = await scene(undefined);
    expect(off.memory.valuesOf('/kubepods')).toEqual({});
    expect(off.metrics.values.size).toBe(0);
  });
});
