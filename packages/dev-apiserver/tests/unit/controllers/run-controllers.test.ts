import {
  CONFIG_MAPS,
  DEPLOYMENTS,
  ENDPOINT_SLICES,
  EVENTS,
  LEASES,
  NAMESPACES,
  NODES,
  type Pod,
  PODS,
  REPLICA_SETS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { aDeployment, aNode, aService } from './builders.js';
import { startLiveCluster as start } from './live-cluster.js';

const signal = new AbortController().signal;

function summary(pods: readonly Pod[]): string[] {
  return pods.map((pod) => `${pod.spec?.nodeName ?? '-'} ${pod.status?.phase}`);
}

describe('a new cluster', () => {
  it('gets its namespaces, service accounts and root CA', async () => {
    const { client } = await start();
    const names = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];
    expect(
      client
        .objects(NAMESPACES)
        .map(({ metadata }) => metadata?.name)
        .sort(),
    ).toEqual(names);
    const accounts = client.objects(SERVICE_ACCOUNTS).map(({ metadata }) => metadata?.namespace);
    expect(accounts.sort()).toEqual(names);
    const maps = client.objects(CONFIG_MAPS).map(({ data }) => data?.['ca.crt']);
    expect(maps).toEqual(['PEM', 'PEM', 'PEM', 'PEM']);
  });

  it('stops on its signal', async () => {
    const { stop, done } = await start();
    stop.abort();
    await expect(done).resolves.toBeUndefined();
  });
});

describe('a deployment', () => {
  async function deployed() {
    const cluster = await start();
    const { client, live } = cluster;
    client.seed(NODES, aNode('n1'));
    await client.create(DEPLOYMENTS, aDeployment(3), signal);
    await client.create(SERVICES, aService(), signal);
    await live();
    return cluster;
  }

  it('becomes pods, a status that kubectl waits for, endpoints and events', async () => {
    const { client, log } = await deployed();
    expect(summary(client.objects(PODS))).toEqual(['n1 Running', 'n1 Running', 'n1 Running']);
    const [deployment] = client.objects(DEPLOYMENTS);
    expect(deployment?.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 0,
    });
    const conditions = deployment?.status?.conditions?.map(
      ({ type, status, reason }) => `${type} ${status} ${reason}`,
    );
    expect(conditions?.sort()).toEqual([
      'Available True MinimumReplicasAvailable',
      'Progressing True NewReplicaSetAvailable',
    ]);
    expect(deployment?.metadata?.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' });
    const [slice, ...others] = client.objects(ENDPOINT_SLICES);
    expect(others).toEqual([]);
    expect(slice?.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
    expect(
      slice?.endpoints?.map(({ addresses, conditions: c }) => [addresses[0], c?.ready]),
    ).toEqual([
      ['10.0.0.1', true],
      ['10.0.0.2', true],
      ['10.0.0.3', true],
    ]);
    const reasons = client.objects(EVENTS).map(({ reason, count }) => `${reason} ${count}`);
    expect([...new Set(reasons)].sort()).toEqual([
      'ScalingReplicaSet 1',
      'Scheduled 1',
      'SuccessfulCreate 1',
    ]);
    expect(log.lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('rolls out a new template without leaving its bounds', async () => {
    const { client, live } = await deployed();
    const spec = { containers: [{ name: 'c', image: 'v2' }] };
    const body = { spec: { template: { spec } } };
    let fewest = 3;
    let most = 3;
    client.onCall = () => {
      const active = client
        .objects(PODS)
        .filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
      const ready = active.filter(({ status }) =>
        status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'),
      );
      fewest = Math.min(fewest, ready.length);
      most = Math.max(most, active.length);
    };
    await client.patch(
      DEPLOYMENTS,
      { namespace: 'a', name: 'web' },
      { type: 'merge', body },
      signal,
    );
    await live(20);
    const images = client.objects(PODS).map((pod) => pod.spec?.containers[0]?.image);
    expect(images).toEqual(['v2', 'v2', 'v2']);
    expect([fewest, most]).toEqual([3, 4]);
    const sets = client
      .objects(REPLICA_SETS)
      .map(({ spec: s, metadata }) => [
        s?.replicas,
        metadata?.annotations?.['deployment.kubernetes.io/revision'],
      ]);
    expect(sets).toEqual([
      [0, '1'],
      [3, '2'],
    ]);
    const [deployment] = client.objects(DEPLOYMENTS);
    expect(deployment?.status).toMatchObject({
      observedGeneration: 2,
      updatedReplicas: 3,
      replicas: 3,
    });
  });

  it('returns to an old template with its old ReplicaSet, as a new revision', async () => {
    const { client, live } = await deployed();
    const at = { namespace: 'a', name: 'web' };
    const first = (await client.get(DEPLOYMENTS, at, signal)).spec?.template;
    const body = { spec: { template: { spec: { containers: [{ name: 'c', image: 'v2' }] } } } };
    await client.patch(DEPLOYMENTS, at, { type: 'merge', body }, signal);
    await live(20);
    const back = { spec: { template: first } };
    await client.patch(DEPLOYMENTS, at, { type: 'merge', body: back }, signal);
    await live(20);
    const sets = client
      .objects(REPLICA_SETS)
      .map(({ spec: s, metadata }) => [
        s?.replicas,
        metadata?.annotations?.['deployment.kubernetes.io/revision'],
      ]);
    expect(sets).toEqual([
      [3, '3'],
      [0, '2'],
    ]);
  });

  it('is scaled', async () => {
    const { client, live } = await deployed();
    const at = { namespace: 'a', name: 'web' };
    for (const replicas of [5, 2]) {
      await client.patch(DEPLOYMENTS, at, { type: 'merge', body: { spec: { replicas } } }, signal);
      await live();
      expect(client.objects(PODS)).toHaveLength(replicas);
      expect(client.objects(ENDPOINT_SLICES)[0]?.endpoints).toHaveLength(replicas);
    }
  });

  it('replaces a pod that someone deletes', async () => {
    const { client, live } = await deployed();
    const before = client.objects(PODS)[0]?.metadata;
    const at = { namespace: 'a', name: before?.name ?? '' };
    await client.delete(PODS, at, {}, signal);
    await live();
    const uids = client.objects(PODS).map(({ metadata }) => metadata?.uid);
    expect(uids).toHaveLength(3);
    expect(uids).not.toContain(before?.uid);
  });

  it('deletes everything that it owns, unless orphaning is requested', async () => {
    const { client, live } = await deployed();
    await client.delete(DEPLOYMENTS, { namespace: 'a', name: 'web' }, {}, signal);
    await live();
    expect([...client.objects(REPLICA_SETS), ...client.objects(PODS)]).toEqual([]);
    await client.delete(SERVICES, { namespace: 'a', name: 'web' }, {}, signal);
    await live();
    expect(client.objects(ENDPOINT_SLICES)).toEqual([]);
  });

  it('leaves its ReplicaSet when orphaning is requested', async () => {
    const { client, live } = await deployed();
    const [deployment] = client.objects(DEPLOYMENTS);
    const finalizers = ['orphan'];
    client.seed(DEPLOYMENTS, {
      ...deployment!,
      metadata: { ...deployment?.metadata, finalizers, deletionTimestamp: '2026-01-01T00:00:00Z' },
    });
    await live();
    expect(client.objects(DEPLOYMENTS)).toEqual([]);
    expect(client.objects(REPLICA_SETS)[0]?.metadata?.ownerReferences).toEqual([]);
    expect(client.objects(PODS)).toHaveLength(3);
    const uids = client.objects(PODS).map(({ metadata }) => metadata?.uid);
    await client.create(DEPLOYMENTS, aDeployment(3), signal);
    await live();
    expect(client.objects(REPLICA_SETS)).toHaveLength(1);
    const owners = client.objects(REPLICA_SETS)[0]?.metadata?.ownerReferences;
    expect(owners?.map(({ kind, controller }) => `${kind} ${controller}`)).toEqual([
      'Deployment true',
    ]);
    expect(client.objects(PODS).map(({ metadata }) => metadata?.uid)).toEqual(uids);
  });
});

describe('a silent node', () => {
  it('becomes unknown after 40 s, loses its pods after their toleration, and comes back', async () => {
    const { client, clock, settle } = await start();
    const lease = (renewTime: string) => ({
      metadata: { namespace: 'kube-node-lease', name: 'n1' },
      spec: { holderIdentity: 'n1', renewTime },
    });
    client.seed(NODES, aNode('n1'));
    client.seed(LEASES, lease('2026-01-01T00:00:00.000000Z'));
    const toleration = {
      key: 'node.kubernetes.io/unreachable',
      operator: 'Exists',
      effect: 'NoExecute',
    };
    client.seed(PODS, {
      metadata: { namespace: 'a', name: 'p' },
      spec: {
        nodeName: 'n1',
        containers: [],
        tolerations: [{ ...toleration, tolerationSeconds: 300 }],
      },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    });
    await settle();
    await clock.advance(30_000);
    client.seed(LEASES, lease('2026-01-01T00:00:30.000000Z'));
    await settle();
    await clock.advance(39_999);
    await settle();
    expect(client.objects(NODES)[0]?.status?.conditions?.[0]?.status).toBe('True');
    await clock.advance(1);
    await settle();
    const [node] = client.objects(NODES);
    expect(node?.status?.conditions?.[0]).toMatchObject({
      type: 'Ready',
      status: 'Unknown',
      reason: 'NodeStatusUnknown',
      message: 'Kubelet stopped posting node status.',
    });
    expect(node?.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`)).toEqual([
      'node.kubernetes.io/unreachable:NoSchedule',
      'node.kubernetes.io/unreachable:NoExecute',
    ]);
    expect(client.objects(PODS)[0]?.status?.conditions?.[0]?.status).toBe('False');
    await clock.advance(299_000);
    await settle();
    expect(client.objects(PODS)[0]?.metadata?.deletionTimestamp).toBeUndefined();
    await clock.advance(1_000);
    await settle();
    expect(client.objects(PODS)[0]?.metadata?.deletionTimestamp).toBeDefined();
    const body = {
      status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: 'now' }] },
    };
    const patch = { type: 'strategic-merge', body, subresource: 'status' } as const;
    await client.patch(NODES, { name: 'n1' }, patch, signal);
    await settle();
    expect(client.objects(NODES)[0]?.spec?.taints).toEqual([]);
  });

  it('loses its pods when it is deleted, but not before it had time to register', async () => {
    const { client, clock, settle } = await start();
    client.seed(PODS, {
      metadata: { namespace: 'a', name: 'p' },
      spec: { nodeName: 'n9', containers: [] },
    });
    await settle();
    await clock.advance(39_000);
    await settle();
    expect(client.objects(PODS)).toHaveLength(1);
    await clock.advance(1_000);
    await settle();
    expect(client.objects(PODS)).toEqual([]);
  });
});

it('empties a deleted namespace, then lets it go', async () => {
  const { client, clock, live } = await start();
  client.seed(NODES, aNode('n1'));
  await client.create(NAMESPACES, { metadata: { name: 'a' } }, signal);
  await client.create(DEPLOYMENTS, aDeployment(2), signal);
  await live();
  expect(client.objects(PODS)).toHaveLength(2);
  await client.delete(NAMESPACES, { name: 'a' }, {}, signal);
  for (let second = 0; second < 5; second += 1) {
    await live(3);
    await clock.advance(1000);
  }
  await live(3);
  const left = client.objects(NAMESPACES).map(({ metadata }) => metadata?.name);
  expect(left).not.toContain('a');
  expect(client.objects(PODS)).toEqual([]);
  expect(client.objects(SERVICE_ACCOUNTS).map(({ metadata }) => metadata?.namespace)).not.toContain(
    'a',
  );
});
