import {
  DAEMON_SETS,
  type DaemonSet,
  type Node,
  NODES,
  type Pod,
  PODS,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { daemonPod, nodeOf } from '../../../src/controllers/plan/daemon-pod.js';
import { planDaemonSets } from '../../../src/controllers/plan/daemon-sets.js';
import { aNode, aPod, aView, NOW, type PodShape } from './builders.js';
import { startLiveCluster } from './live-cluster.js';

const signal = new AbortController().signal;
type Spec = NonNullable<DaemonSet['spec']>;

function aSet(pod: object = {}, more: Partial<Spec> = {}, image = 'v1'): DaemonSet {
  return {
    metadata: { namespace: 'a', name: 'proxy', uid: 'uid-proxy', generation: 1 },
    spec: {
      selector: { matchLabels: { app: 'proxy' } },
      template: {
        metadata: { labels: { app: 'proxy' } },
        spec: { containers: [{ name: 'c', image }], ...pod },
      },
      ...more,
    },
  };
}

/** A pod of the set, on its node unless the shape says otherwise. */
function podOf(set: DaemonSet, node: string, shape: PodShape = { ready: true }): Pod {
  const { metadata } = daemonPod(set, node);
  const owner = { kind: 'DaemonSet', uid: 'uid-proxy' };
  const labels = metadata?.labels ?? {};
  return aPod(`proxy-${node}`, { node, labels, owner, ...shape });
}

/** Returns the creations by node, and the deletions by pod. */
function writes(set: DaemonSet, nodes: readonly Node[], pods: readonly Pod[] = []): string[] {
  const view = aView({ daemonSets: [set], nodes, pods });
  return planDaemonSets(view, NOW).actions.flatMap((action) => {
    if (action.kind === 'create') return [`create on ${nodeOf(action.object)}`];
    return action.kind === 'delete' ? [`delete ${action.name.name}`] : [];
  });
}

const tainted = (name: string, key: string, effect: string): Node =>
  aNode(name, { spec: { taints: [{ key, effect }] } });
const [n1, n2] = [aNode('n1'), aNode('n2')];
const affinity = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'os', operator: 'In', values: ['linux'] }] }],
    },
  },
};
const linux = aNode('n2', { labels: { os: 'linux' } });

describe('planDaemonSets', () => {
  const one = aSet();
  const twoAtOnce = { updateStrategy: { rollingUpdate: { maxUnavailable: '100%' } } } as const;
  it.each<[string, DaemonSet, readonly Node[], readonly Pod[], readonly string[]]>([
    ['a pod on each node', one, [n2, n1], [], ['create on n1', 'create on n2']],
    ['nothing twice', one, [n1], [podOf(one, 'n1')], []],
    ['a node selector', aSet({ nodeSelector: { os: 'linux' } }), [n1, linux], [], ['create on n2']],
    ['a required affinity', aSet({ affinity }), [n1, linux], [], ['create on n2']],
    ['a taint', one, [tainted('n1', 'x', 'NoSchedule')], [], []],
    [
      'a taint stays where the pod is',
      one,
      [tainted('n1', 'x', 'NoSchedule')],
      [podOf(one, 'n1')],
      [],
    ],
    [
      'a taint that drives away',
      one,
      [tainted('n1', 'x', 'NoExecute')],
      [podOf(one, 'n1')],
      ['delete proxy-n1'],
    ],
    [
      'a tolerated taint',
      aSet({ tolerations: [{ key: 'x', operator: 'Exists' }] }),
      [tainted('n1', 'x', 'NoSchedule')],
      [],
      ['create on n1'],
    ],
    [
      'a node that is not ready, and one that is full',
      one,
      [
        tainted('n1', 'node.kubernetes.io/unreachable', 'NoExecute'),
        tainted('n2', 'node.kubernetes.io/disk-pressure', 'NoSchedule'),
      ],
      [],
      ['create on n1', 'create on n2'],
    ],
    [
      'a node without network, for pods of the host’s',
      aSet({ hostNetwork: true }),
      [tainted('n1', 'node.kubernetes.io/network-unavailable', 'NoSchedule')],
      [],
      ['create on n1'],
    ],
    [
      'the same for other pods',
      one,
      [tainted('n1', 'node.kubernetes.io/network-unavailable', 'NoSchedule')],
      [],
      [],
    ],
    ['a node that is gone', one, [], [podOf(one, 'n1')], ['delete proxy-n1']],
    [
      'a failed pod goes before the next comes',
      one,
      [n1],
      [podOf(one, 'n1', { phase: 'Failed' })],
      ['delete proxy-n1'],
    ],
    ['and so does a deleted one', one, [n1], [podOf(one, 'n1', { deleting: true })], []],
    [
      'the younger of two on a node',
      one,
      [n1],
      [
        {
          ...podOf(one, 'n1'),
          metadata: {
            ...podOf(one, 'n1').metadata,
            name: 'a',
            creationTimestamp: '2026-01-01T00:00:00Z',
          },
        },
        podOf(one, 'n1'),
      ],
      ['delete a'],
    ],
    [
      'one pod of an old template at a time',
      aSet({}, {}, 'v2'),
      [n1, n2],
      [podOf(one, 'n1'), podOf(one, 'n2')],
      ['delete proxy-n1'],
    ],
    [
      'none while another is not available',
      aSet({}, {}, 'v2'),
      [n1, n2],
      [podOf(aSet({}, {}, 'v2'), 'n1', { ready: false }), podOf(one, 'n2')],
      [],
    ],
    [
      'old pods that are not available first',
      aSet({}, {}, 'v2'),
      [n1, n2],
      [podOf(one, 'n1'), podOf(one, 'n2', { ready: false })],
      ['delete proxy-n2'],
    ],
    [
      'as many as may be unavailable',
      aSet({}, twoAtOnce, 'v2'),
      [n1, n2],
      [podOf(one, 'n1'), podOf(one, 'n2')],
      ['delete proxy-n1', 'delete proxy-n2'],
    ],
    [
      'no replacement with OnDelete',
      aSet({}, { updateStrategy: { type: 'OnDelete' } }, 'v2'),
      [n1],
      [podOf(one, 'n1')],
      [],
    ],
  ])('%s', (_, set, nodes, pods, want) => {
    expect(writes(set, nodes, pods)).toEqual(want);
  });

  it('adopts pods without a controller before it creates any', () => {
    const orphan = aPod('orphan', { node: 'n1', labels: { app: 'proxy' } });
    const view = aView({ daemonSets: [one], nodes: [n1], pods: [orphan] });
    const [adoption, ...others] = planDaemonSets(view, NOW).actions;
    expect(adoption).toMatchObject({ kind: 'patch', name: { name: 'orphan' } });
    expect(others.map(({ kind }) => kind)).not.toContain('create');
  });

  it('waits for minReadySeconds', () => {
    const set = aSet({}, { minReadySeconds: 2 * 86_400 });
    const view = aView({ daemonSets: [set], nodes: [n1], pods: [podOf(set, 'n1')] });
    const { actions, againInMs } = planDaemonSets(view, NOW);
    expect(againInMs).toBe(86_400_000);
    expect(actions).toMatchObject([
      { body: { status: { numberReady: 1, numberAvailable: 0, numberUnavailable: 1 } } },
    ]);
  });

  it('reports where pods are, once', () => {
    const pods = [podOf(one, 'n1'), podOf(aSet({}, {}, 'v0'), 'n2', { ready: false })];
    const nodes = [n1, n2, aNode('n3')];
    const [, action] = planDaemonSets(aView({ daemonSets: [one], nodes, pods }), NOW).actions;
    const status = {
      currentNumberScheduled: 2,
      numberMisscheduled: 0,
      desiredNumberScheduled: 3,
      numberReady: 1,
      observedGeneration: 1,
      updatedNumberScheduled: 1,
      numberAvailable: 1,
      numberUnavailable: 2,
    };
    expect(action).toMatchObject({ kind: 'patch', subresource: 'status', body: { status } });
    const again = aView({ daemonSets: [{ ...one, status }], nodes, pods });
    expect(planDaemonSets(again, NOW).actions.map(({ kind }) => kind)).toEqual(['create']);
  });
});

describe('a DaemonSet', () => {
  it('gets a pod on each node by the scheduler, also on one that joins', async () => {
    const { client, live } = await startLiveCluster();
    const nodes = (): readonly (string | undefined)[] =>
      client.objects(PODS).map(({ spec }) => spec?.nodeName);
    client.seed(NODES, aNode('n1'));
    await client.create(DAEMON_SETS, aSet(), signal);
    await live(3);
    expect(nodes()).toEqual(['n1']);
    client.seed(NODES, aNode('n2'));
    await live(3);
    expect(nodes().toSorted()).toEqual(['n1', 'n2']);
    const [{ status } = {}] = client.objects(DAEMON_SETS);
    expect(status).toMatchObject({ desiredNumberScheduled: 2, numberAvailable: 2 });
  });
});
