import { type CertificateSigningRequest, PODS, REPLICA_SETS } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { planApprovals } from '../../../src/controllers/plan/approve.js';
import { planEvictions } from '../../../src/controllers/plan/evict.js';
import { planGarbage } from '../../../src/controllers/plan/garbage.js';
import { noteHeartbeats, planNodeLifecycle } from '../../../src/controllers/plan/node-lifecycle.js';
import { planReplicas } from '../../../src/controllers/plan/replicas.js';
import { planRollouts } from '../../../src/controllers/plan/rollout.js';
import { bounds } from '../../../src/controllers/plan/rollout-bounds.js';
import { templateHash } from '../../../src/controllers/plan/template-hash.js';
import { aDeployment, aNode, aPod, aReplicaSet, aView, NOW, type PodShape } from './builders.js';

const owner = { kind: 'ReplicaSet', uid: 'uid-rs' };
const mine = (name: string, more: PodShape = {}) =>
  aPod(name, { owner, labels: { app: 'web' }, ...more });

describe(planReplicas, () => {
  function deleted(pods: ReturnType<typeof aPod>[], keep: number): string[] {
    const { actions } = planReplicas(aView({ pods, replicaSets: [aReplicaSet('rs', keep)] }), NOW);
    return actions.flatMap((action) => (action.kind === 'delete' ? [action.name.name] : []));
  }

  it.each<[string, ReturnType<typeof aPod>[], string]>([
    ['one without a node', [mine('a', { node: 'n1', ready: true }), mine('b')], 'b'],
    [
      'one that is not ready',
      [mine('a', { node: 'n1', ready: true }), mine('b', { node: 'n1', ready: false })],
      'b',
    ],
    [
      'one of two on the same node',
      [
        mine('a', { node: 'n1', ready: true }),
        mine('b', { node: 'n2', ready: true }),
        mine('c', { node: 'n2', ready: true }),
      ],
      'b',
    ],
    [
      'the younger',
      [
        mine('a', { node: 'n1', ready: true, created: '2025-12-30T00:00:00Z' }),
        mine('b', { node: 'n1', ready: true, created: '2025-12-31T00:00:00Z' }),
      ],
      'b',
    ],
  ])('deletes %s first', (_, pods, expected) => {
    expect(deleted(pods, pods.length - 1)).toEqual([expected]);
  });

  it('counts neither finished nor terminating pods', () => {
    const pods = [
      mine('a', { node: 'n1', phase: 'Failed' }),
      mine('b', { node: 'n1', deleting: true }),
    ];
    const { actions } = planReplicas(aView({ pods, replicaSets: [aReplicaSet('rs', 1)] }), NOW);
    expect(actions.filter(({ kind }) => kind === 'create')).toHaveLength(1);
  });

  it('adopts pods that it selects', () => {
    const pods = [aPod('orphan', { labels: { app: 'web' } })];
    const { actions } = planReplicas(aView({ pods, replicaSets: [aReplicaSet('rs', 1)] }), NOW);
    expect(actions[0]).toMatchObject({ kind: 'patch', name: { name: 'orphan' } });
    expect(actions.filter(({ kind }) => kind === 'create')).toEqual([]);
  });

  it('waits for minReadySeconds before a pod is available', () => {
    const set = aReplicaSet('rs', 1);
    const patient = { ...set, spec: { ...set.spec!, minReadySeconds: 86_400 + 10 } };
    const view = aView({ pods: [mine('a', { node: 'n1', ready: true })], replicaSets: [patient] });
    const plan = planReplicas(view, NOW);
    expect(plan.againInMs).toBe(10_000);
    expect(plan.actions[0]).toMatchObject({
      body: { status: { readyReplicas: 1, availableReplicas: 0 } },
    });
  });
});

describe('rollouts', () => {
  it.each([
    [10, undefined, { most: 13, fewest: 8 }],
    [3, { maxSurge: '25%', maxUnavailable: '25%' }, { most: 4, fewest: 3 }],
    [4, { maxSurge: 0, maxUnavailable: 1 }, { most: 4, fewest: 3 }],
    [4, { maxSurge: 0, maxUnavailable: 0 }, { most: 4, fewest: 3 }],
    [2, { maxSurge: '100%', maxUnavailable: '100%' }, { most: 4, fewest: 0 }],
  ])('%s replicas with %j have bounds %j', (replicas, rollingUpdate, expected) => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: rollingUpdate as never };
    expect(bounds(aDeployment(replicas, { strategy }))).toEqual(expected);
  });

  const old = () => ({
    ...aReplicaSet('web-old', 3),
    metadata: {
      ...aReplicaSet('web-old', 3).metadata,
      annotations: { 'deployment.kubernetes.io/revision': '1' },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          name: 'web',
          uid: 'uid-web',
          controller: true,
        },
      ],
    },
    status: { replicas: 3, availableReplicas: 3 },
  });
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'v2' }] } };
  const summary = (
    deployment: ReturnType<typeof aDeployment>,
    pods: ReturnType<typeof aPod>[] = [],
  ) =>
    planRollouts(
      aView({ deployments: [deployment], replicaSets: [old()], pods }),
      NOW,
    ).actions.flatMap((action) => {
      if (action.kind === 'create')
        return [`create ${(action.object as { spec: { replicas: number } }).spec.replicas}`];
      return action.why.startsWith('scale') ? [action.why] : [];
    });

  it('surges first', () => expect(summary(aDeployment(3, { template }))).toEqual(['create 1']));

  it('ends all old pods before the first new one with strategy Recreate', () => {
    const deployment = aDeployment(3, { template, strategy: { type: 'Recreate' } });
    expect(summary(deployment)).toEqual(['create 0', 'scale from 3 to 0']);
  });

  it('does nothing while paused', () => {
    expect(summary(aDeployment(3, { template, paused: true }))).toEqual([]);
  });

  it('reports no progress after its deadline', () => {
    const started = '2025-12-31T23:49:59Z';
    const progressing = {
      type: 'Progressing',
      status: 'True',
      reason: 'ReplicaSetUpdated',
      lastUpdateTime: started,
    };
    const current = { ...old(), status: { replicas: 3, availableReplicas: 0 } };
    const deployment = {
      ...aDeployment(3),
      status: { replicas: 3, updatedReplicas: 3, conditions: [progressing] },
    };
    const view = aView({ deployments: [deployment], replicaSets: [current] });
    const status = planRollouts(view, NOW).actions.find(
      (a) => a.kind === 'patch' && a.subresource === 'status',
    );
    expect(status).toMatchObject({
      body: {
        status: { conditions: [{}, { status: 'False', reason: 'ProgressDeadlineExceeded' }] },
      },
    });
  });

  it('gives equal templates equal hashes', () => {
    expect(templateHash({ a: 1, b: { c: [1, 2] } }, 0)).toBe(
      templateHash({ b: { c: [1, 2] }, a: 1, d: undefined }, 0),
    );
    expect(templateHash({ a: 1 }, 0)).not.toBe(templateHash({ a: 2 }, 0));
    expect(templateHash({ a: 1 }, 0)).not.toBe(templateHash({ a: 1 }, 1));
    expect(templateHash({ a: 1 }, 0)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{5,10}$/);
  });
});

describe(planNodeLifecycle, () => {
  const taints = (node: ReturnType<typeof aNode>): string[] => {
    const view = aView({ nodes: [node] });
    const heartbeats = noteHeartbeats(new Map(), view, 0);
    const { actions } = planNodeLifecycle(view, { heartbeats, monotonicMs: 0, nowMs: NOW });
    const patch = actions.find(({ kind }) => kind === 'patch') as
      { body: { spec: { taints: { key: string; effect: string }[] } } } | undefined;
    return (patch?.body.spec.taints ?? []).map(
      ({ key, effect }) => `${key.split('/')[1]}:${effect}`,
    );
  };
  const withConditions = (...conditions: [string, string][]) => ({
    ...aNode('n1'),
    status: { conditions: conditions.map(([type, status]) => ({ type, status })) },
  });

  it.each<[string, ReturnType<typeof aNode>, string[]]>([
    ['is ready', aNode('n1'), []],
    [
      'is not ready',
      withConditions(['Ready', 'False']),
      ['not-ready:NoSchedule', 'not-ready:NoExecute'],
    ],
    [
      'never reported',
      { metadata: { name: 'n1' } },
      ['not-ready:NoSchedule', 'not-ready:NoExecute'],
    ],
    [
      'runs out of memory',
      withConditions(['Ready', 'True'], ['MemoryPressure', 'True']),
      ['memory-pressure:NoSchedule'],
    ],
    ['is cordoned', aNode('n1', { spec: { unschedulable: true } }), ['unschedulable:NoSchedule']],
  ])('a node that %s', (_, node, expected) => {
    expect(taints(node)).toEqual(expected);
  });

  it.each([
    [39_999, undefined, false],
    [40_000, undefined, true],
    [9999, 10_000, false],
    [10_000, 10_000, true],
  ])(
    'a node that is silent for %i ms of %s counts as lost: %s',
    (monotonicMs, graceMs, expected) => {
      const view = aView({ nodes: [withConditions(['Ready', 'True'])] });
      const heartbeats = noteHeartbeats(new Map(), view, 0);
      const times = { heartbeats, monotonicMs, nowMs: NOW, ...(graceMs && { graceMs }) };
      const { actions } = planNodeLifecycle(view, times);
      expect(JSON.stringify(actions).includes('"Unknown"')).toBe(expected);
    },
  );

  it('keeps the taints of others', () => {
    const spec = {
      taints: [{ key: 'example.com/mine', effect: 'NoSchedule' }],
      unschedulable: true,
    };
    expect(taints(aNode('n1', { spec }))).toEqual(['mine:NoSchedule', 'unschedulable:NoSchedule']);
  });
});

describe(planEvictions, () => {
  const taint = { key: 'k', effect: 'NoExecute', timeAdded: '2025-12-31T23:59:00Z' };
  const toleration = { key: 'k', operator: 'Exists' };

  it.each<[string, object[], string | number | undefined]>([
    ['does not tolerate', [], 'evicted'],
    ['tolerates for ever', [toleration], undefined],
    ['has tolerated long enough', [{ ...toleration, tolerationSeconds: 60 }], 'evicted'],
    ['tolerates for a while', [{ ...toleration, tolerationSeconds: 90 }], 30_000],
    ['tolerates another effect', [{ ...toleration, effect: 'NoSchedule' }], 'evicted'],
  ])('a pod that %s', (_, tolerations, expected) => {
    const nodes = [aNode('n1', { spec: { taints: [taint] } })];
    const plan = planEvictions(
      aView({ nodes, pods: [aPod('p', { node: 'n1', spec: { tolerations } })] }),
      NOW,
    );
    expect(plan.actions.length > 0 ? 'evicted' : plan.againInMs).toBe(expected);
  });
});

describe(planGarbage, () => {
  const kindsOf = (objects: Parameters<typeof aView>[0]) => {
    const { pods, replicaSets } = aView(objects);
    return [
      { resource: PODS, objects: pods },
      { resource: REPLICA_SETS, objects: replicaSets },
    ];
  };
  const gone = { kind: 'ReplicaSet', uid: 'uid-gone' };

  it('collects objects that have lost all owners, and spares those with an owner of an unknown kind', () => {
    const stranger = aPod('s', { owner: { kind: 'CronJob', uid: 'uid-x' } });
    const pods = [aPod('p', { owner: gone }), stranger, mine('m'), aPod('free')];
    const { actions } = planGarbage(kindsOf({ pods, replicaSets: [aReplicaSet('rs', 1)] }));
    expect(actions).toMatchObject([{ kind: 'collect', name: { name: 'p' } }]);
  });

  it("deletes what blocks an owner's foreground deletion, then releases the owner", () => {
    const set = aReplicaSet('rs', 1);
    const deletion = {
      deletionTimestamp: '2026-01-01T00:00:00Z',
      finalizers: ['foregroundDeletion'],
    };
    const deleting = { ...set, metadata: { ...set.metadata, ...deletion } };
    const pod = mine('m', { node: 'n1' });
    const references = pod.metadata?.ownerReferences?.map((ref) => ({
      ...ref,
      blockOwnerDeletion: true,
    }));
    const blocking = { ...pod, metadata: { ...pod.metadata, ownerReferences: references! } };
    const first = planGarbage(kindsOf({ pods: [blocking], replicaSets: [deleting] })).actions;
    expect(first).toMatchObject([{ kind: 'delete', name: { name: 'm' } }]);
    const then = planGarbage(kindsOf({ replicaSets: [deleting] })).actions;
    expect(then).toMatchObject([{ kind: 'patch', body: { metadata: { finalizers: [] } } }]);
  });
});

describe(planApprovals, () => {
  const request = (
    name: string,
    spec: object = {},
    conditions: readonly object[] = [],
  ): CertificateSigningRequest => ({
    metadata: { name, uid: `uid-${name}` },
    spec: {
      request: '',
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
      groups: ['system:bootstrappers', 'system:authenticated'],
      ...spec,
    },
    status: { conditions } as never,
  });

  it('approves only requests of nodes and of machines that register as nodes', () => {
    const view = aView({
      signingRequests: [
        request('new'),
        request('renewed', { groups: ['system:nodes'] }),
        request('stranger', { groups: ['system:authenticated'] }),
        request('serving', { signerName: 'kubernetes.io/kubelet-serving' }),
        request('server', { usages: ['client auth', 'server auth'] }),
        request('denied', {}, [{ type: 'Denied', status: 'True' }]),
      ],
    });
    const { actions } = planApprovals(view, NOW);
    expect(actions).toMatchObject([
      { kind: 'patch', name: { name: 'new' }, subresource: 'approval' },
      { kind: 'patch', name: { name: 'renewed' }, subresource: 'approval' },
    ]);
  });
});
