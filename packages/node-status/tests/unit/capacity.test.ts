import { parseQuantity } from '@nodeagent/base';
import { describe, expect, it } from 'vitest';

import {
  assertReservable,
  type MachineFacts,
  type NodeConfig,
  planCapacity,
  withNodeDefaults,
} from '../../src/index.js';
import { createFixedFacts } from '../../src/testing/index.js';

const GIB = 2 ** 30;
const small = createFixedFacts().machineFacts;
const q = (text: string): bigint => parseQuantity(text)!;

function plan(
  config: Partial<NodeConfig> = {},
  more: { machine?: Partial<MachineFacts>; previous?: Record<string, string> } = {},
): ReturnType<typeof planCapacity> {
  return planCapacity(withNodeDefaults({ nodeName: 'n1', kubeletVersion: 'v1.36.0', ...config }), {
    machine: { ...small, ...more.machine },
    devices: undefined,
    previous: more.previous ?? {},
  });
}

describe(planCapacity, () => {
  it("reports the machine's resources", () => {
    expect(plan().capacity).toEqual({
      cpu: '2',
      memory: '4Gi',
      pods: '110',
      'hugepages-2Mi': '0',
      'ephemeral-storage': '20Gi',
    });
    expect(plan().allocatable).toEqual(plan().capacity);
  });

  it('writes memory with the largest binary suffix that is exact', () => {
    expect(plan({}, { machine: { memoryBytes: 16_393_244 * 1024 } }).capacity['memory']).toBe(
      '16393244Ki',
    );
  });

  it('subtracts reservations and eviction thresholds', () => {
    const { allocatable } = plan({
      systemReserved: { cpu: q('100m'), memory: q('256Mi') },
      kubeReserved: { cpu: q('0.25'), memory: q('256Mi'), 'ephemeral-storage': q('1Gi') },
      evictionReserved: { memory: { bytes: 100 * 2 ** 20 }, ephemeralStorage: { fraction: 0.1 } },
    });
    expect(allocatable).toEqual({
      cpu: '1650m',
      memory: `${4096 - 512 - 100}Mi`,
      pods: '110',
      'hugepages-2Mi': '0',
      'ephemeral-storage': '17Gi',
    });
  });

  it('truncates percentages to whole bytes', () => {
    const { allocatable } = plan(
      { evictionReserved: { memory: { fraction: 0.1 } } },
      { machine: { memoryBytes: 1009 } },
    );
    expect(allocatable['memory']).toBe(String(1009 - 100));
  });

  it('subtracts huge pages from memory, never below zero', () => {
    const hugePages = [
      { sizeBytes: 2 * 2 ** 20, pages: 512 },
      { sizeBytes: GIB, pages: 1 },
    ];
    const { capacity, allocatable } = plan({}, { machine: { hugePages } });
    expect(capacity).toMatchObject({ 'hugepages-2Mi': '1Gi', 'hugepages-1Gi': '1Gi' });
    expect(allocatable['memory']).toBe('2Gi');
    expect(plan({}, { machine: { hugePages, memoryBytes: GIB } }).allocatable['memory']).toBe('0');
  });

  it.each([
    [0, 110],
    [10, 20],
    [1000, 110],
  ])('allows %d pods per core as %d pods', (podsPerCore, want) => {
    expect(plan({ podsPerCore }).capacity['pods']).toBe(String(want));
  });

  it('keeps entries of other writers, but no huge pages that are gone', () => {
    const previous = { 'example.com/gpu': '4', 'hugepages-1Gi': '1Gi', cpu: '64' };
    expect(plan({}, { previous })).toMatchObject({
      capacity: { 'example.com/gpu': '4', cpu: '2' },
      allocatable: { 'example.com/gpu': '4' },
    });
    expect(plan({}, { previous }).capacity).not.toHaveProperty('hugepages-1Gi');
  });

  it('counts devices, healthy ones as allocatable, removed plug-ins as none', () => {
    const facts = {
      machine: small,
      devices: { capacity: { 'a/x': 3 }, allocatable: { 'a/x': 2 }, removed: ['b/y'] },
      previous: { 'b/y': '5' },
    };
    expect(
      planCapacity(withNodeDefaults({ nodeName: 'n1', kubeletVersion: 'v1.36.0' }), facts),
    ).toMatchObject({
      capacity: { 'a/x': '3', 'b/y': '0' },
      allocatable: { 'a/x': '2', 'b/y': '0' },
    });
  });
});

describe(assertReservable, () => {
  it('names every resource with too large a reservation', () => {
    const config = withNodeDefaults({
      nodeName: 'n1',
      kubeletVersion: 'v1.36.0',
      systemReserved: { cpu: q('2'), memory: q('3Gi') },
      kubeReserved: { cpu: q('100m'), memory: q('1Gi') },
      evictionReserved: { memory: { bytes: 1024 } },
    });
    expect(() => assertReservable(config, small)).toThrow(
      'invalid Node Allocatable configuration. ' +
        'Resource "cpu" has a reservation of 2100m but capacity of 2. Expected capacity >= reservation. ' +
        'Resource "memory" has a reservation of 4194305Ki but capacity of 4Gi. Expected capacity >= reservation.',
    );
  });
});
