import { KubeError, type Pod } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { aNode, aPod } from '../../../src/testing/index.js';
import { Harness } from '../../support/pod-harness.js';

let node: Harness;

beforeEach(() => {
  node = new Harness();
});
afterEach(() => node.stop());

async function begin(): Promise<void> {
  node.start();
  await node.settle();
}

const asking = (name: string, cpu: string, more: object = {}): Pod =>
  aPod({ name, uid: name, ...more, containers: [{ name, resources: { requests: { cpu } } }] });
const critical = { priority: 2_000_001_000 };

describe('a pod that is refused', () => {
  it('is Failed with the reason, an event and a count, and nothing of it is created', async () => {
    await begin();
    await node.create(asking('big', '1000'));
    const message =
      "Node didn't have enough resource: cpu, requested: 1000000, used: 0, capacity: 2000";
    expect(node.status('big')).toMatchObject({
      phase: 'Failed',
      reason: 'OutOfcpu',
      message: `Pod was rejected: ${message}`,
      qosClass: 'Burstable',
    });
    expect(node.events.lines).toEqual([`Warning OutOfcpu big: ${message}`]);
    expect(node.metrics.values.get('kubelet_admission_rejections_total{reason="OutOfcpu"}')).toBe(
      1,
    );
    await node.advance(60_000);
    expect(node.calls()).toEqual([]);
    expect(await node.volumes.podsOnDisk(new AbortController().signal)).toEqual([]);
  });

  it('stays refused after a restart, even if the node then has room', async () => {
    await begin();
    await node.create(asking('big', '1000'));
    node.node.node = aNode({ status: { allocatable: { cpu: '2000', pods: '110' } } });
    await node.restart();
    expect(node.status('big').phase).toBe('Failed');
    expect(node.calls()).toEqual([]);
  });

  it('is released when it is deleted, and uses no resources', async () => {
    await begin();
    await node.create(asking('big', '3'));
    await node.create(asking('small', '2'));
    expect(node.status('small').phase).toBe('Running');
    await node.delete('big');
    expect(node.pod('big')).toBeUndefined();
  });

  it.each([
    ['nvidia.com/gpu', 'OutOfExtendedResources'],
    ['ephemeral-storage', 'OutOfephemeral-storage'],
  ])('for lack of %s is counted as %s', async (resource, reason) => {
    node.node.node = aNode({ status: { allocatable: { [resource]: '0', pods: '9' } } });
    await begin();
    await node.create(aPod({ containers: [{ resources: { requests: { [resource]: '1' } } }] }));
    const series = `kubelet_admission_rejections_total{reason="${reason}"}`;
    expect(node.metrics.values.get(series)).toBe(1);
  });
});

describe('the resources of a pod', () => {
  it('are free when it has ended, not while it is being stopped', async () => {
    node.runtime.behaviour.set('old', { ignoresStop: true });
    await begin();
    await node.create(asking('old', '2'));
    await node.delete('old');
    await node.create(asking('early', '1'));
    expect(node.status('early').reason).toBe('OutOfcpu');
    await node.advance(30_000);
    await node.create(asking('late', '1'));
    expect(node.status('late').phase).toBe('Running');
  });

  it('stay its own after a restart, even if an older pod arrived meanwhile', async () => {
    await begin();
    const young = asking('young', '2');
    young.metadata!.creationTimestamp = '2026-01-02T00:00:00Z';
    await node.create(young);
    node.calls();
    await node.stop();
    node.start();
    const old = asking('old', '2');
    old.metadata!.creationTimestamp = '2026-01-01T00:00:00Z';
    await node.create(old);
    expect(node.status('young').phase).toBe('Running');
    expect(node.status('old').reason).toBe('OutOfcpu');
    expect(node.calls()).toEqual([]);
  });
});

describe('labels of the node', () => {
  const picky = aPod({ nodeSelector: { disk: 'ssd' } });
  const withDisk = aNode({ metadata: { name: 'n1', labels: { disk: 'ssd' } } });

  it('are fetched before they refuse a pod', async () => {
    node.admission = { freshNode: async () => withDisk };
    await begin();
    await node.create(picky);
    expect(node.status().phase).toBe('Running');
  });

  it('refuse it if they still do not match', async () => {
    node.admission = { freshNode: async () => aNode() };
    await begin();
    await node.create(picky);
    expect(node.status()).toMatchObject({ phase: 'Failed', reason: 'NodeAffinity' });
    expect(node.calls()).toEqual([]);
  });

  it('are used as last known if the node cannot be fetched', async () => {
    node.admission = {
      freshNode: async () => {
        throw new KubeError('KUBE_UNAVAILABLE', 'connection refused');
      },
    };
    await begin();
    await node.create(picky);
    expect(node.status().reason).toBe('NodeAffinity');
  });

  it('are ignored for a pod that is deleted while they are fetched', async () => {
    const asked = Promise.withResolvers<undefined>();
    node.admission = { freshNode: () => asked.promise.then(() => aNode()) };
    await begin();
    await node.create(picky);
    await node.delete();
    expect(node.pod()).toBeUndefined();
    asked.resolve(undefined);
    await node.settle();
    expect(node.events.lines).toEqual([]);
  });
});

describe('a critical pod on a full node', () => {
  it('starts when a lower one has been preempted, which shows the reason', async () => {
    node.runtime.behaviour.set('low', { ignoresStop: true });
    await begin();
    await node.create(asking('low', '1500m'));
    await node.create(asking('other', '500m'));
    node.calls();
    await node.create(asking('high', '1', critical));
    expect(node.calls()).toEqual(['stop low 30']);
    const message = 'Preempted in order to admit critical pod';
    expect(node.events.lines).toContain(`Warning Preempting low: ${message}`);
    await node.advance(30_000);
    expect(node.calls()).toEqual(['stop-sandbox sandbox-1', 'create-sandbox 0', 'start high']);
    expect(node.status('low')).toMatchObject({ phase: 'Failed', reason: 'Preempting', message });
    expect(node.status('low').conditions).toContainEqual(
      expect.objectContaining({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'TerminationByKubelet',
        message: 'Pod was preempted by Kubelet to accommodate a critical pod.',
      }),
    );
    expect(node.status('high').phase).toBe('Running');
    expect(node.status('other').phase).toBe('Running');
    expect(node.metrics.values.get('kubelet_preemptions{preemption_signal="cpu"}')).toBe(1);
  });

  it('does not wait forever for one that cannot be stopped', async () => {
    await begin();
    await node.create(asking('low', '2'));
    node.runtime.onCall = (verb, subject) => {
      const isOfLow = subject.startsWith('low') || subject === 'sandbox-1';
      if (verb.startsWith('stop') && isOfLow) throw new Error('the runtime hangs');
    };
    await node.create(asking('high', '1', critical));
    await node.advance(44_000);
    expect(node.status('high').phase).toBe('Pending');
    await node.advance(1000);
    expect(node.status('high').phase).toBe('Running');
    expect(node.events.lines).toContain(
      'Warning ExceededGracePeriod low: Container runtime did not kill the pod within specified grace period.',
    );
  });

  it('is refused if no pod can be preempted', async () => {
    await begin();
    await node.create(asking('low', '500m'));
    await node.create(asking('high', '3', critical));
    expect(node.status('high')).toMatchObject({
      phase: 'Failed',
      reason: 'UnexpectedAdmissionError',
    });
    expect(node.status('low').phase).toBe('Running');
  });

  it('that is deleted during a preemption never starts', async () => {
    node.runtime.behaviour.set('low', { ignoresStop: true });
    await begin();
    await node.create(asking('low', '2'));
    node.calls();
    await node.create(asking('high', '1', critical));
    await node.delete('high');
    expect(node.pod('high')).toBeUndefined();
    await node.advance(30_000);
    expect(node.calls()).not.toContain('start high');
  });
});

describe('other admission hooks', () => {
  it('are called: pressure, allocation, shutdown', async () => {
    node.admission = {
      pressure: () => ['DiskPressure'],
      allocate: () => ({ reason: 'TopologyAffinityError', message: 'no' }),
      isShuttingDown: () => true,
    };
    await begin();
    await node.create(aPod());
    expect(node.status().reason).toBe('Evicted');
    await node.create(aPod({ name: 'vital', uid: 'v', ...critical }));
    expect(node.status('vital').reason).toBe('TopologyAffinityError');
  });
});
