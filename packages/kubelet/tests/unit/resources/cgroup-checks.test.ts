import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import type { CgroupTree, OpenTree } from '@nodeagent/cgroups';
import { MemoryCgroups } from '@nodeagent/cgroups/testing';
import { describe, expect, it } from 'vitest';

import { checkCgroups } from '../../../src/resources/run/index.js';

const POD = ['kubepods', 'pod1'];

function scene(change: (tree: CgroupTree) => Partial<OpenTree> = () => ({})) {
  const clock = new ManualClock();
  const memory = new MemoryCgroups({ clock });
  const opened = { ...memory.open(), ...change(memory.tree) };
  const [metrics, log, events] = [new MemoryMetrics(), new MemoryLogger(), [] as string[]];
  const checked = checkCgroups(opened, {
    ...{ metrics, log, clock },
    events: { warning: (reason, message) => events.push(`${reason}: ${message}`) },
  });
  return { memory, checked, metrics, events, clock };
}

describe(checkCgroups, () => {
  it('reports nothing while the kernel has what was set', async () => {
    const { checked, events } = scene();
    await checked.tree.ensure(POD, { pidsMax: 10, memoryLimitBytes: 2 ** 20 });
    expect(events).toEqual([]);
  });

  it('reports what was overwritten, by an event and a metric', async () => {
    let overwritten: () => void = () => undefined;
    const { checked, memory, metrics, events, clock } = scene(() => ({
      watchOverwrites: (listener) => {
        overwritten = listener;
        return Promise.resolve();
      },
    }));
    const stop = new AbortController();
    const following = checked.follow(stop.signal);
    await checked.tree.ensure(POD, { pidsMax: 10, memoryLimitBytes: 2 ** 20 });
    await memory.tree.ensure(POD, { pidsMax: -1 });
    overwritten();
    await clock.advance(1);
    expect(events).toEqual([
      'CgroupLimitsDiffer: Limits of cgroup /kubepods/pod1 differ in the kernel: ' +
        'pidsMax is without limit instead of 10; they were set again',
    ]);
    const labels = '{limit="pidsMax",outcome="corrected"}';
    expect(metrics.values.get(`nodeagent_cgroup_differences_total${labels}`)).toBe(1);
    expect(memory.valuesOf('/kubepods/pod1')?.pidsMax).toBe(10);
    stop.abort();
    await following;
  });

  it('says what remains', async () => {
    const { checked, metrics, events } = scene((tree) => ({
      tree: { ...tree, limits: async () => ({ memoryLimitBytes: -1 }) },
    }));
    await checked.tree.ensure(POD, { memoryLimitBytes: 2 ** 20 });
    expect(events[0]).toMatch(/; setting them again left: memoryLimitBytes is without limit/);
    const labels = '{limit="memoryLimitBytes",outcome="remains"}';
    expect(metrics.values.get(`nodeagent_cgroup_differences_total${labels}`)).toBe(1);
  });

  it('follows nothing where nobody overwrites', async () => {
    await scene().checked.follow(new AbortController().signal);
  });
});
