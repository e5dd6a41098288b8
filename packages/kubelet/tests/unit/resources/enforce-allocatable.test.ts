import { parseQuantity } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';
import { cgroupPath } from '@nodeagent/cgroups';
import { describe, expect, it } from 'vitest';

import { allPodsValues, type NodeReserve, reservedCgroups } from '../../../src/resources/index.js';
import { namesOfPath } from '../../../src/resources/plan/cgroup-names.js';
import { enforceAllocatable } from '../../../src/resources/run/index.js';

const GIB = 2 ** 30;

const reserve = (amounts: Readonly<Record<string, string>>): NodeReserve =>
  Object.fromEntries(
    Object.entries(amounts).map(([name, text]) => [name, parseQuantity(text) ?? 0n]),
  );

describe(allPodsValues, () => {
  const machine = { cpuMilli: 4000, memoryBytes: 8 * GIB, maxPids: 1000 };
  it.each([
    [[], { cpuShares: 4096, memoryLimitBytes: 8 * GIB, pidsMax: 1000 }],
    [
      [{ cpu: '500m', memory: '1Gi' }],
      { cpuShares: 3584, memoryLimitBytes: 7 * GIB, pidsMax: 1000 },
    ],
    [
      [
        { cpu: '500m', memory: '1Gi', pid: '100' },
        { cpu: '500m', memory: '1Gi', pid: '200' },
      ],
      { cpuShares: 3072, memoryLimitBytes: 6 * GIB, pidsMax: 700 },
    ],
    [[{ cpu: '9', memory: '9Gi', pid: '2000' }], { cpuShares: 2 }],
  ])('subtracts the reserved %j', (reserved, want) => {
    expect(allPodsValues(machine, reserved.map(reserve))).toEqual(want);
  });

  it('limits no processes if the kernel does not tell its own limit', () => {
    const values = allPodsValues({ ...machine, maxPids: undefined }, [reserve({ pid: '1' })]);
    expect(values).not.toHaveProperty('pidsMax');
  });
});

describe(reservedCgroups, () => {
  it('limits the whole groups before the compressible ones, the system first', () => {
    const rules = {
      enforced: ['kube-reserved-compressible', 'kube-reserved', 'pods', 'system-reserved'],
      system: { path: '/sys', reserve: reserve({ memory: '1Gi' }) },
      kube: { path: '/kube', reserve: reserve({ cpu: '1', memory: '1Gi' }) },
    };
    expect(reservedCgroups(rules).map(({ title, values }) => [title, values])).toEqual([
      ['System Reserved', { memoryLimitBytes: GIB }],
      ['Kube Reserved', { cpuShares: 1024, memoryLimitBytes: GIB }],
      ['Kube Reserved Compressible', { cpuShares: 1024 }],
    ]);
  });

  it('leaves whole groups no huge pages, as none can be reserved', () => {
    const reserved = reservedCgroups({
      enforced: ['system-reserved', 'kube-reserved-compressible'],
      system: { path: '/sys', reserve: reserve({ memory: '1Gi' }) },
      kube: { path: '/kube', reserve: reserve({ cpu: '1' }) },
      hugepageKib: [2048, 2 ** 20],
    });
    expect(reserved.map(({ values }) => values?.hugepageBytes)).toEqual([
      { '2MB': 0, '1GB': 0 },
      undefined,
    ]);
  });
});

describe(namesOfPath, () => {
  it.each([
    ['cgroupfs', '/system/node-agents', ['system', 'node-agents']],
    ['cgroupfs', '/', []],
    ['systemd', '/system.slice', ['system']],
    ['systemd', '/agents.slice/agents-kube_let.slice', ['agents', 'kube-let']],
  ] as const)('%s: %s is %j', (driver, path, names) => {
    expect(namesOfPath(path, driver)).toEqual(names);
    if (driver === 'systemd') expect(cgroupPath(names, driver)).toBe(path);
  });
});

describe(enforceAllocatable, () => {
  it('reports failures, and then success, as events', async () => {
    const clock = new ManualClock();
    const reported: string[] = [];
    let problem: Error | undefined = new Error('EACCES: permission denied');
    const done = enforceAllocatable(
      {
        cgroups: {
          limitAll: async () => {
            if (problem !== undefined) throw problem;
          },
        },
        limits: { cpuShares: 2048 },
        events: {
          normal: (reason, message) => void reported.push(`Normal ${reason} ${message}`),
          warning: (reason, message) => void reported.push(`Warning ${reason} ${message}`),
        },
        clock,
      },
      new AbortController().signal,
    );
    await clock.advance(0);
    problem = undefined;
    await clock.advance(60_000);
    await done;
    expect(reported).toEqual([
      'Warning FailedNodeAllocatableEnforcement Failed to update Node Allocatable Limits ["kubepods"]: EACCES: permission denied',
      'Normal NodeAllocatableEnforced Updated Node Allocatable limit across pods',
    ]);
  });
});
