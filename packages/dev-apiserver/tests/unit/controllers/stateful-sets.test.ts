import {
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  type Pod,
  PODS,
  STATEFUL_SETS,
  type StatefulSet,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { planStatefulSets } from '../../../src/controllers/plan/stateful-sets.js';
import { aNode, aView, NOW } from './builders.js';
import { startLiveCluster } from './live-cluster.js';

const signal = new AbortController().signal;

function aSet(replicas: number, more: Partial<StatefulSet['spec']> = {}): StatefulSet {
  return {
    metadata: { namespace: 'a', name: 'db', uid: 'uid-db', generation: 1 },
    spec: {
      replicas,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: {
        metadata: { labels: { app: 'db' } },
        spec: { containers: [{ name: 'c', image: 'v1' }] },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
      ...more,
    },
  };
}

/** Returns the creations and deletions that a plan orders. */
function writes(
  set: StatefulSet,
  pods: readonly Pod[] = [],
  claims: readonly string[] = [],
): string[] {
  const persistentVolumeClaims = claims.map((name) => ({ metadata: { namespace: 'a', name } }));
  const view = aView({ statefulSets: [set], pods, persistentVolumeClaims });
  return planStatefulSets(view, NOW).actions.flatMap((action) => {
    if (action.kind === 'create') {
      const { name, generateName } = action.object.metadata ?? {};
      return [`create ${name ?? generateName}`];
    }
    return action.kind === 'delete' ? [`delete ${action.name.name}`] : [];
  });
}

function member(set: StatefulSet, ordinal: number, ready = true, image = 'v1'): Pod {
  const view = aView({
    statefulSets: [
      {
        ...set,
        spec: {
          ...set.spec!,
          replicas: ordinal + 1,
          podManagementPolicy: 'Parallel',
          template: { ...set.spec!.template, spec: { containers: [{ name: 'c', image }] } },
        },
      },
    ],
  });
  const made = planStatefulSets(view, NOW).actions.flatMap((action) =>
    action.kind === 'create' && action.resource === PODS ? [action.object as Pod] : [],
  );
  const pod = made[ordinal]!;
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  return {
    ...pod,
    metadata: { ...pod.metadata, uid: `uid-${ordinal}` },
    status: { phase: 'Running', conditions },
  };
}

describe('a stateful set', () => {
  const set = aSet(3);
  const allClaims = ['data-db-0', 'data-db-1', 'data-db-2'];
  const old = (ordinal: number) => member(set, ordinal, true, 'v0');
  const deleting = (pod: Pod): Pod => ({
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
  });
  const cases: readonly (readonly [string, string[], string[]])[] = [
    ['begins with the first pod and its claim', writes(set), ['create data-db-0', 'create db-0']],
    ['waits until a pod is ready', writes(set, [member(set, 0, false)], allClaims), []],
    ['goes on with the next', writes(set, [member(set, 0)], allClaims), ['create db-1']],
    ['makes a missing pod again first', writes(set, [member(set, 1)], allClaims), ['create db-0']],
    [
      'waits for a pod that is ending',
      writes(set, [deleting(member(set, 0)), member(set, 1)], allClaims),
      [],
    ],
    [
      'creates all at once if it may',
      writes(aSet(2, { podManagementPolicy: 'Parallel' })),
      ['create data-db-0', 'create db-0', 'create data-db-1', 'create db-1'],
    ],
    [
      'removes the last pod first',
      writes(
        aSet(1),
        [0, 1, 2].map((i) => member(set, i)),
        allClaims,
      ),
      ['delete db-2'],
    ],
    [
      'waits with that for unready pods',
      writes(aSet(1), [member(set, 0, false), member(set, 1)], allClaims),
      [],
    ],
    [
      'replaces the last pod of an older template',
      writes(set, [0, 1, 2].map(old), allClaims),
      ['delete db-2'],
    ],
    ['replaces one at a time', writes(set, [old(0), old(1), member(set, 2, false)], allClaims), []],
    [
      'keeps pods below the partition',
      writes(
        aSet(3, { updateStrategy: { rollingUpdate: { partition: 2 } } }),
        [old(0), old(1), member(set, 2)],
        allClaims,
      ),
      [],
    ],
    [
      'replaces none by itself with OnDelete',
      writes(aSet(3, { updateStrategy: { type: 'OnDelete' } }), [0, 1, 2].map(old), allClaims),
      [],
    ],
    [
      'counts from its first ordinal',
      writes(aSet(1, { ordinals: { start: 5 } })),
      ['create data-db-5', 'create db-5'],
    ],
    [
      'replaces a pod that has ended',
      writes(set, [{ ...member(set, 0), status: { phase: 'Failed' } }], allClaims),
      ['delete db-0'],
    ],
  ];
  it.each(cases)('%s', (_, have, want) => {
    expect(have).toEqual(want);
  });

  it('gives its pods a lasting name, host name, claims, and labels', () => {
    const pod = member(set, 1);
    expect(pod.metadata).toMatchObject({
      name: 'db-1',
      labels: {
        app: 'db',
        'statefulset.kubernetes.io/pod-name': 'db-1',
        'apps.kubernetes.io/pod-index': '1',
      },
    });
    expect(pod.spec).toMatchObject({
      hostname: 'db-1',
      subdomain: 'db',
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-1' } }],
    });
  });
});

describe('claims of a stateful set', () => {
  async function scaled(policy: object) {
    const cluster = await startLiveCluster();
    const { client, live } = cluster;
    client.seed(NODES, aNode('n1'));
    // pods are bound by hand: no volume exists for the claims
    const set = aSet(2, { persistentVolumeClaimRetentionPolicy: policy });
    await client.create(STATEFUL_SETS, set, signal);
    const settle = async (): Promise<void> => {
      for (let round = 0; round < 6; round += 1) {
        await live(2);
        for (const { metadata, spec } of client.objects(PODS)) {
          if (spec?.nodeName !== undefined) continue;
          const at = { namespace: 'a', name: metadata?.name ?? '' };
          await client.patch(
            PODS,
            at,
            { type: 'merge', body: { spec: { nodeName: 'n1' } } },
            signal,
          );
        }
      }
    };
    await settle();
    return { ...cluster, settle };
  }
  const claimsOf = ({ client }: Awaited<ReturnType<typeof scaled>>): string[] =>
    client.objects(PERSISTENT_VOLUME_CLAIMS).map(({ metadata }) => metadata?.name ?? '');
  const at = { namespace: 'a', name: 'db' };

  it('stay by default', async () => {
    const cluster = await scaled({});
    expect(claimsOf(cluster)).toEqual(['data-db-0', 'data-db-1']);
    await cluster.client.patch(
      STATEFUL_SETS,
      at,
      { type: 'merge', body: { spec: { replicas: 1 } } },
      signal,
    );
    await cluster.settle();
    expect(cluster.client.objects(PODS)).toHaveLength(1);
    expect(claimsOf(cluster)).toEqual(['data-db-0', 'data-db-1']);
    await cluster.client.delete(STATEFUL_SETS, at, {}, signal);
    await cluster.settle();
    expect(cluster.client.objects(PODS)).toEqual([]);
    expect(claimsOf(cluster)).toEqual(['data-db-0', 'data-db-1']);
  });

  it('go with their pods and their set where the policy says so', async () => {
    const cluster = await scaled({ whenScaled: 'Delete', whenDeleted: 'Delete' });
    await cluster.client.patch(
      STATEFUL_SETS,
      at,
      { type: 'merge', body: { spec: { replicas: 1 } } },
      signal,
    );
    await cluster.settle();
    expect(claimsOf(cluster)).toEqual(['data-db-0']);
    await cluster.client.delete(STATEFUL_SETS, at, {}, signal);
    await cluster.settle();
    expect(claimsOf(cluster)).toEqual([]);
  });
});
