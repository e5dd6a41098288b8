import { MemoryMetrics } from '@nodeagent/base/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { aPod } from '../../../src/testing/index.js';
import { PodCounts } from '../../../src/workers/run/index.js';
import { Harness } from '../../support/pod-harness.js';

let node: Harness;
let metrics: MemoryMetrics;

beforeEach(() => {
  node = new Harness();
  metrics = new MemoryMetrics();
});
afterEach(() => node.stop());

const valueOf = (series: string): number | undefined => {
  new PodCounts(metrics).update(node.workers.counted(), 1);
  return metrics.values.get(series);
};

describe(PodCounts, () => {
  it('counts pods by source, life and whether a source has them', async () => {
    node.runtime.behaviour.set('slow', { ignoresStop: true });
    node.files.write('/manifests/a.yaml', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'static' },
      spec: { containers: [{ name: 'app', image: 'app:1' }] },
    });
    node.start();
    await node.settle();
    await node.create(aPod({ name: 'runs', uid: 'r' }));
    await node.create(aPod({ name: 'refused', uid: 'f', nodeSelector: { a: 'b' } }));
    await node.create(aPod({ name: 'ends', uid: 'e', containers: [{ name: 'slow' }] }));
    await node.delete('ends');
    await node.create(aPod({ name: 'forced', uid: 'o', containers: [{ name: 'slow' }] }));
    await node.delete('forced', 0);
    const working = (lifecycle: string, config: string, isStatic = '') =>
      valueOf(
        `kubelet_working_pods{config="${config}",lifecycle="${lifecycle}",static="${isStatic}"}`,
      );
    expect(working('sync', 'desired')).toBe(1);
    expect(working('sync', 'desired', 'true')).toBe(1);
    expect(working('terminating', 'desired')).toBe(1);
    expect(working('terminating', 'orphan')).toBe(1);
    expect(working('terminated', 'desired')).toBe(1);
    expect(valueOf('kubelet_desired_pods{static=""}')).toBe(3);
    expect(valueOf('kubelet_desired_pods{static="true"}')).toBe(1);
    expect(valueOf('kubelet_active_pods{static=""}')).toBe(2);
    expect(valueOf('kubelet_mirror_pods')).toBe(1);
    await node.advance(60_000);
    expect(working('terminating', 'orphan')).toBe(0);
  });
});
