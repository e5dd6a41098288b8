import {
  CSI_NODES,
  EVENTS,
  type KubeObject,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PODS,
  STORAGE_CLASSES,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { planBinding } from '../../../src/controllers/plan/storage/bind-claims.js';
import { findVolume, mismatch } from '../../../src/controllers/plan/storage/match-volume.js';
import { aNode, aView } from './builders.js';
import { startLiveCluster } from './live-cluster.js';
import { aClaim, aClass, aVolume, user } from './storage-builders.js';

const signal = new AbortController().signal;

const nodeAffinity = (node: string) => ({
  required: {
    nodeSelectorTerms: [
      { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
    ],
  },
});

describe('the volume for a claim', () => {
  const tooSmall = aVolume('small', { capacity: { storage: '500Mi' } });
  const fits = aVolume('fits', { capacity: { storage: '2Gi' } });
  const larger = aVolume('larger', { capacity: { storage: '3Gi' } });
  const named = aVolume('named', {
    capacity: { storage: '9Gi' },
    claimRef: { namespace: 'a', name: 'c' },
  });
  const taken = aVolume('taken', { claimRef: { namespace: 'a', name: 'other', uid: 'x' } });
  const cases: readonly (readonly [
    string,
    PersistentVolumeClaim,
    PersistentVolume[],
    string | undefined,
  ])[] = [
    ['is the smallest that is large enough', aClaim('c'), [larger, tooSmall, fits], 'fits'],
    ['is the one that names the claim', aClaim('c'), [fits, named], 'named'],
    ['belongs to no other claim', aClaim('c'), [taken], undefined],
    ['has the claim’s class', aClaim('c'), [aVolume('v', { storageClassName: 'fast' })], undefined],
    ['has its access modes', aClaim('c', { accessModes: ['ReadWriteMany'] }), [fits], undefined],
    ['has its volume mode', aClaim('c', { volumeMode: 'Block' }), [fits], undefined],
    [
      'is selected',
      aClaim('c', { selector: { matchLabels: { tier: 'gold' } } }),
      [fits],
      undefined,
    ],
    ['is free', aClaim('c'), [{ ...fits, status: { phase: 'Released' } }], undefined],
    [
      'is not being deleted',
      aClaim('c'),
      [{ ...fits, metadata: { ...fits.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }],
      undefined,
    ],
  ];
  it.each(cases)('%s', (_, claim, volumes, want) => {
    expect(findVolume(claim, volumes)?.metadata?.name).toBe(want);
  });

  it('is reachable from the pod’s node', () => {
    const node = aNode('n1');
    const labelled = {
      ...node,
      metadata: { ...node.metadata, labels: { 'kubernetes.io/hostname': 'n1' } },
    };
    const [here, there] = [
      aVolume('here', { nodeAffinity: nodeAffinity('n1') }),
      aVolume('away', { nodeAffinity: nodeAffinity('n2') }),
    ];
    expect(findVolume(aClaim('c'), [there, here], { node: labelled })?.metadata?.name).toBe('here');
  });

  it('that the claim names must fit it, and is refused with a reason', () => {
    expect(mismatch(fits, aClaim('c'))).toBeUndefined();
    expect(mismatch(tooSmall, aClaim('c'))).toBe('requested PV is too small');
    expect(mismatch(fits, aClaim('c', { storageClassName: 'x' }))).toBe(
      'storageClassName does not match',
    );
    expect(mismatch(fits, aClaim('c', { volumeMode: 'Block' }))).toBe('incompatible volumeMode');
    expect(mismatch(fits, aClaim('c', { accessModes: ['ReadWriteMany'] }))).toBe(
      'incompatible accessMode',
    );
  });
});

it('two claims never get one volume in the same plan', () => {
  const view = aView({
    persistentVolumeClaims: [aClaim('one'), aClaim('two')],
    persistentVolumes: [aVolume('v')],
  });
  const writes = planBinding(view).actions.filter(({ kind }) => kind === 'patch');
  expect(writes.map(({ why }) => why)).toEqual(['fits claim a/one']);
});

async function phases(client: Awaited<ReturnType<typeof startLiveCluster>>['client']) {
  const of = ({ metadata, status }: KubeObject & { status?: { phase?: string } }): string =>
    `${metadata?.name} ${status?.phase}`;
  return [
    ...client.objects(PERSISTENT_VOLUME_CLAIMS).map(of),
    ...client.objects(PERSISTENT_VOLUMES).map(of),
  ];
}

describe('a claim', () => {
  it('is bound to a volume that was there, and both say so', async () => {
    const { client, live, log } = await startLiveCluster();
    client.seed(PERSISTENT_VOLUMES, aVolume('v'));
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c'), signal);
    await live(3);
    expect(await phases(client)).toEqual(['c Bound', 'v Bound']);
    const [claim] = client.objects(PERSISTENT_VOLUME_CLAIMS);
    expect(claim?.spec?.volumeName).toBe('v');
    expect(claim?.metadata?.annotations).toEqual({
      'pv.kubernetes.io/bind-completed': 'yes',
      'pv.kubernetes.io/bound-by-controller': 'yes',
    });
    expect(claim?.status).toEqual({
      phase: 'Bound',
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
    });
    expect(claim?.metadata?.finalizers).toEqual(['kubernetes.io/pvc-protection']);
    const [volume] = client.objects(PERSISTENT_VOLUMES);
    expect(volume?.spec?.claimRef).toMatchObject({
      namespace: 'a',
      name: 'c',
      uid: claim?.metadata?.uid,
    });
    expect(log.lines.filter(({ level }) => level !== 'debug')).toEqual([]);
  });

  it('asks the provisioner of its class for a volume', async () => {
    const { client, live } = await startLiveCluster();
    client.seed(STORAGE_CLASSES, aClass('fast'));
    await client.create(
      PERSISTENT_VOLUME_CLAIMS,
      aClaim('c', { storageClassName: 'fast' }),
      signal,
    );
    await live(3);
    const [claim] = client.objects(PERSISTENT_VOLUME_CLAIMS);
    expect(claim?.metadata?.annotations).toEqual({
      'volume.beta.kubernetes.io/storage-provisioner': 'd.example.com',
      'volume.kubernetes.io/storage-provisioner': 'd.example.com',
    });
    expect(client.objects(EVENTS).map(({ reason, count }) => `${reason} ${count}`)).toEqual([
      'ExternalProvisioning 1',
    ]);
  });

  it('that waits for its pod gets the pod’s node first, and the pod its node when it is bound', async () => {
    const { client, live } = await startLiveCluster();
    client.seed(NODES, aNode('n1'));
    client.seed(STORAGE_CLASSES, aClass('late', { volumeBindingMode: 'WaitForFirstConsumer' }));
    await client.create(
      PERSISTENT_VOLUME_CLAIMS,
      aClaim('c', { storageClassName: 'late' }),
      signal,
    );
    await live(2);
    expect(client.objects(PERSISTENT_VOLUME_CLAIMS)[0]?.metadata?.annotations).toBeUndefined();
    await client.create(PODS, user('p', 'c'), signal);
    await live(3);
    const [claim] = client.objects(PERSISTENT_VOLUME_CLAIMS);
    expect(claim?.metadata?.annotations?.['volume.kubernetes.io/selected-node']).toBe('n1');
    expect(claim?.metadata?.annotations?.['volume.kubernetes.io/storage-provisioner']).toBe(
      'd.example.com',
    );
    expect(client.objects(PODS)[0]?.spec?.nodeName).toBeUndefined();
    const claimRef = { namespace: 'a', name: 'c', uid: claim?.metadata?.uid ?? '' };
    client.seed(PERSISTENT_VOLUMES, aVolume('made', { storageClassName: 'late', claimRef }));
    await live(3);
    expect(client.objects(PODS)[0]?.spec?.nodeName).toBe('n1');
    expect(await phases(client)).toEqual(['c Bound', 'made Bound']);
  });

  it('stays while a pod on a node uses it, and its volume is released after it', async () => {
    const { client, live } = await startLiveCluster();
    client.seed(NODES, aNode('n1'));
    client.seed(PERSISTENT_VOLUMES, aVolume('v'));
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c'), signal);
    await client.create(PODS, user('p', 'c'), signal);
    await live(3);
    await client.delete(PERSISTENT_VOLUME_CLAIMS, { namespace: 'a', name: 'c' }, {}, signal);
    await live(3);
    expect(await phases(client)).toEqual(['c Bound', 'v Bound']);
    await client.delete(PODS, { namespace: 'a', name: 'p' }, { gracePeriodSeconds: 0 }, signal);
    await live(3);
    expect(await phases(client)).toEqual(['v Released']);
    await client.delete(PERSISTENT_VOLUMES, { name: 'v' }, {}, signal);
    await live(3);
    expect(await phases(client)).toEqual([]);
  });

  it('is lost with its volume', async () => {
    const { client, live } = await startLiveCluster();
    const claim = aClaim('c', { volumeName: 'gone' });
    const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
    client.seed(PERSISTENT_VOLUME_CLAIMS, {
      ...claim,
      metadata: { ...claim.metadata, annotations },
      status: { phase: 'Bound' },
    });
    await live(3);
    expect(await phases(client)).toEqual(['c Lost']);
    expect(client.objects(EVENTS).map(({ reason, message }) => `${reason}: ${message}`)).toEqual([
      'ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!',
    ]);
  });
});

describe('a pod', () => {
  const refusal = async (claim: PersistentVolumeClaim | undefined, volume?: PersistentVolume) => {
    const { client, live } = await startLiveCluster();
    client.seed(NODES, aNode('n1'));
    if (claim !== undefined) client.seed(PERSISTENT_VOLUME_CLAIMS, claim);
    if (volume !== undefined) client.seed(PERSISTENT_VOLUMES, volume);
    await client.create(PODS, user('p', 'c'), signal);
    await live(3);
    return client.objects(PODS)[0]?.status?.conditions?.[0]?.message;
  };

  it('is not scheduled before its claims are there and bound, and not away from their volumes', async () => {
    expect(await refusal(undefined)).toBe(
      '0/1 nodes are available: persistentvolumeclaim "c" not found.',
    );
    expect(await refusal(aClaim('c'))).toBe(
      '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.',
    );
    expect(await refusal(aClaim('c'), aVolume('v', { nodeAffinity: nodeAffinity('n2') }))).toBe(
      "0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity.",
    );
  });

  it('goes where a volume for its claim is, which is then bound', async () => {
    const { client, live } = await startLiveCluster();
    for (const name of ['n1', 'n2']) {
      const node = aNode(name);
      const labels = { 'kubernetes.io/hostname': name };
      client.seed(NODES, { ...node, metadata: { ...node.metadata, labels } });
    }
    const provisioner = 'kubernetes.io/no-provisioner';
    client.seed(
      STORAGE_CLASSES,
      aClass('local', { provisioner, volumeBindingMode: 'WaitForFirstConsumer' }),
    );
    const here = { storageClassName: 'local', nodeAffinity: nodeAffinity('n2') };
    client.seed(PERSISTENT_VOLUMES, aVolume('v', here));
    await client.create(
      PERSISTENT_VOLUME_CLAIMS,
      aClaim('c', { storageClassName: 'local' }),
      signal,
    );
    await client.create(PODS, user('p', 'c'), signal);
    await live(4);
    expect(client.objects(PODS)[0]?.spec?.nodeName).toBe('n2');
    expect(await phases(client)).toEqual(['c Bound', 'v Bound']);
    await client.create(
      PERSISTENT_VOLUME_CLAIMS,
      aClaim('d', { storageClassName: 'local' }),
      signal,
    );
    await client.create(PODS, user('q', 'd'), signal);
    await live(4);
    expect(client.objects(PODS)[1]?.status?.conditions?.[0]?.message).toBe(
      "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.",
    );
  });

  it('is not put where its driver has no room for another volume', async () => {
    const { client, live } = await startLiveCluster();
    client.seed(NODES, aNode('n1'));
    const drivers = [{ name: 'd.example.com', nodeID: 'n1', allocatable: { count: 1 } }];
    client.seed(CSI_NODES, { metadata: { name: 'n1' }, spec: { drivers } });
    for (const name of ['one', 'two']) {
      client.seed(PERSISTENT_VOLUMES, aVolume(`v-${name}`));
      const claim = aClaim(name, { volumeName: `v-${name}` });
      await client.create(PERSISTENT_VOLUME_CLAIMS, claim, signal);
      await client.create(PODS, user(`p-${name}`, name), signal);
      await live(4);
    }
    const [first, second] = client.objects(PODS);
    expect(first?.spec?.nodeName).toBe('n1');
    expect(second?.status?.conditions?.[0]?.message).toBe(
      '0/1 nodes are available: 1 node(s) exceed max volume count.',
    );
  });

  it('has a claim that only one pod may have for itself', async () => {
    const { client, live } = await startLiveCluster();
    client.seed(NODES, aNode('n1'));
    const accessModes = ['ReadWriteOncePod'];
    client.seed(PERSISTENT_VOLUMES, aVolume('v', { accessModes }));
    await client.create(PERSISTENT_VOLUME_CLAIMS, aClaim('c', { accessModes }), signal);
    await client.create(PODS, user('p', 'c'), signal);
    await live(4);
    await client.create(PODS, user('q', 'c'), signal);
    await live(4);
    const [first, second] = client.objects(PODS);
    expect(first?.spec?.nodeName).toBe('n1');
    expect(second?.status?.conditions?.[0]?.message).toContain(
      'ReadWriteOncePod access mode already in-use by another pod',
    );
  });

  it('gets a claim for each volume that it declares with a template, which goes with it', async () => {
    const { client, live } = await startLiveCluster();
    client.seed(NODES, aNode('n1'));
    client.seed(PERSISTENT_VOLUMES, aVolume('v'));
    const volumeClaimTemplate = { metadata: { labels: { x: 'y' } }, spec: aClaim('t').spec ?? {} };
    const volumes = [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }];
    await client.create(
      PODS,
      { metadata: { namespace: 'a', name: 'p' }, spec: { containers: [], volumes } },
      signal,
    );
    await live(4);
    const [claim] = client.objects(PERSISTENT_VOLUME_CLAIMS);
    expect(claim?.metadata).toMatchObject({ name: 'p-scratch', labels: { x: 'y' } });
    expect(client.objects(PODS)[0]?.spec?.nodeName).toBe('n1');
    await client.delete(PODS, { namespace: 'a', name: 'p' }, { gracePeriodSeconds: 0 }, signal);
    await live(4);
    expect(await phases(client)).toEqual(['v Released']);
  });
});
