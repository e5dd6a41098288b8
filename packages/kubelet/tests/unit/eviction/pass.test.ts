import { describe, expect, it } from 'vitest';

import { parseKubeletConfig } from '../../../src/config/index.js';
import type { Signal } from '../../../src/eviction/model/signal.js';
import type { DiskLayout, NodeFigures, Observation } from '../../../src/eviction/model/snapshot.js';
import { amountOf, type EvictionThreshold } from '../../../src/eviction/model/threshold.js';
import {
  type EvictionHistory,
  isStillPressed,
  NO_HISTORY,
  type Pass,
  planPass,
} from '../../../src/eviction/plan/pass.js';
import {
  configuredThresholds,
  withLayerThresholds,
} from '../../../src/eviction/plan/thresholds.js';

const MI = 2 ** 20;
const GI = 2 ** 30;
const MINUTE = 60_000;

describe('amounts', () => {
  it.each([
    ['5%', 5_368_709_200],
    ['10%', 10_737_418_400],
    ['15%', 16_106_128_000],
    ['33.3%', 35_755_603_200],
    ['500Mi', 500 * MI],
  ])('%s of 100Gi is %i', (text, bytes) => {
    const [first] = thresholdsOf({ evictionHard: { 'nodefs.available': text } });
    expect(first && amountOf(first.limit, 100 * GI)).toBe(bytes);
  });
});

function thresholdsOf(value: object): readonly EvictionThreshold[] {
  const { config } = parseKubeletConfig({ file: { value: { ...value }, directory: '/' } });
  return configuredThresholds(config);
}

const shownThresholds = (thresholds: readonly EvictionThreshold[]): readonly string[] =>
  thresholds.map(({ signal, limit, graceMs, reclaim }) => {
    const text = (of: EvictionThreshold['limit']): string =>
      'bytes' in of ? `${of.bytes / MI}Mi` : `${Math.round(of.fraction * 100)}%`;
    return [signal, text(limit), graceMs, reclaim === undefined ? '-' : text(reclaim)].join(' ');
  });

describe('thresholds of a configuration', () => {
  const config = {
    evictionHard: {
      'memory.available': '500Mi',
      'nodefs.available': '0%',
      'imagefs.available': '20%',
      'containerfs.available': '1%',
    },
    mergeDefaultEvictionSettings: true,
    evictionSoft: { 'memory.available': '1Gi' },
    evictionSoftGracePeriod: { 'memory.available': '1m30s' },
    evictionMinimumReclaim: { 'memory.available': '256Mi', 'imagefs.available': '10%' },
  };
  const ALWAYS = [
    'memory.available 500Mi 0 256Mi',
    'imagefs.available 20% 0 10%',
    'nodefs.inodesFree 5% 0 -',
    'imagefs.inodesFree 5% 0 -',
    'allocatableMemory.available 500Mi 0 256Mi',
    'memory.available 1024Mi 90000 256Mi',
  ];

  it.each<readonly [DiskLayout, readonly string[]]>([
    ['one', ['containerfs.inodesFree 5% 0 -']],
    ['split', ['containerfs.inodesFree 5% 0 -']],
    ['dedicated', ['containerfs.available 20% 0 10%', 'containerfs.inodesFree 5% 0 -']],
  ])('with the layout %s', (layout, more) => {
    const found = withLayerThresholds(thresholdsOf(config), layout);
    expect(shownThresholds(found).toSorted()).toEqual([...ALWAYS, ...more].toSorted());
  });

  it('has none for allocatable memory if the limit of pods is not enforced', () => {
    const found = thresholdsOf({ ...config, enforceNodeAllocatable: ['none'] });
    expect(found.map(({ signal }) => signal)).not.toContain('allocatableMemory.available');
  });
});

const hard: EvictionThreshold = {
  ...{ signal: 'memory.available', limit: { bytes: 100 }, graceMs: 0 },
  reclaim: { bytes: 50 },
};
const soft: EvictionThreshold = { ...hard, limit: { bytes: 200 }, graceMs: 90_000 };
const disk: EvictionThreshold = {
  ...{ signal: 'nodefs.available', limit: { fraction: 0.5 }, graceMs: 0, reclaim: undefined },
};

const seen = (available: number, atMs?: number): Observation => ({
  ...{ available, capacity: 1000, atMs },
});
const figures = (values: Partial<Record<Signal, Observation>>): NodeFigures =>
  new Map(Object.entries(values)) as NodeFigures;

function passAt(
  nowMs: number,
  values: Partial<Record<Signal, Observation>>,
  history: EvictionHistory = NO_HISTORY,
  thresholds: readonly EvictionThreshold[] = [hard, soft, disk],
): Pass {
  return planPass({
    ...{ thresholds, history, nowMs, transitionMs: 5 * MINUTE },
    figures: figures(values),
  });
}
const dueOf = ({ due }: Pass): readonly string[] =>
  due.map(({ signal, amount }) => `${signal} ${amount}`);

describe(planPass, () => {
  it('does nothing while the node has enough, nor for what nobody has measured', () => {
    const pass = passAt(0, { 'memory.available': seen(200) });
    expect([dueOf(pass), [...pass.pressure]]).toEqual([[], []]);
  });

  it('acts on a hard threshold at once, memory first', () => {
    const pass = passAt(0, { 'nodefs.available': seen(499), 'memory.available': seen(99) });
    expect(dueOf(pass)).toEqual(['memory.available 100', 'nodefs.available 500']);
    expect([...pass.pressure].toSorted()).toEqual(['DiskPressure', 'MemoryPressure']);
  });

  it('reports pressure at a soft threshold at once, and acts after its grace period', () => {
    const first = passAt(0, { 'memory.available': seen(150) });
    expect([dueOf(first), [...first.pressure]]).toEqual([[], ['MemoryPressure']]);
    const early = passAt(89_999, { 'memory.available': seen(150) }, first.history);
    expect(dueOf(early)).toEqual([]);
    const late = passAt(90_000, { 'memory.available': seen(150) }, early.history);
    expect(dueOf(late)).toEqual(['memory.available 200']);
  });

  it('begins the grace period anew after an interruption', () => {
    const first = passAt(0, { 'memory.available': seen(150) });
    const well = passAt(50_000, { 'memory.available': seen(900) }, first.history);
    const again = passAt(95_000, { 'memory.available': seen(150) }, well.history);
    expect(dueOf(again)).toEqual([]);
  });

  it('goes on until the minimum reclaim is reached', () => {
    const first = passAt(0, { 'memory.available': seen(99) }, NO_HISTORY, [hard]);
    const little = passAt(1, { 'memory.available': seen(149) }, first.history, [hard]);
    expect(dueOf(little)).toEqual(['memory.available 100']);
    const enough = passAt(2, { 'memory.available': seen(150) }, little.history, [hard]);
    expect(dueOf(enough)).toEqual([]);
  });

  it('keeps a condition for the transition period after the last crossing', () => {
    const first = passAt(0, { 'memory.available': seen(99) });
    const before = passAt(5 * MINUTE - 1, { 'memory.available': seen(900) }, first.history);
    expect([...before.pressure]).toEqual(['MemoryPressure']);
    const after = passAt(5 * MINUTE, { 'memory.available': seen(900) }, before.history);
    expect([...after.pressure]).toEqual([]);
  });

  it('does not act twice on one measurement', () => {
    const first = passAt(0, { 'memory.available': seen(99, 7) }, NO_HISTORY, [hard]);
    const same = passAt(1, { 'memory.available': seen(99, 7) }, first.history, [hard]);
    expect(dueOf(same)).toEqual([]);
    const newer = passAt(2, { 'memory.available': seen(99, 8) }, same.history, [hard]);
    expect(dueOf(newer)).toEqual(['memory.available 100']);
  });
});

it('a node has recovered when no threshold is crossed, each with its reclaim', () => {
  expect(isStillPressed([hard], figures({ 'memory.available': seen(149) }))).toBe(true);
  expect(isStillPressed([hard], figures({ 'memory.available': seen(150) }))).toBe(false);
  expect(isStillPressed([hard], figures({}))).toBe(false);
});
