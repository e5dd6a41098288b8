import {
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  VOLUME_ATTACHMENTS,
} from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { planAttachments } from '../../../src/controllers/plan/storage/attachments.js';
import { aNode, aView } from './builders.js';
import { startLiveCluster } from './live-cluster.js';
import { aClaim, aVolume, user } from './storage-builders.js';

const signal = new AbortController().signal;

describe('attachments', () => {
  const managed = (name: string, status: object = {}) => {
    const node = aNode(name);
    const annotations = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' };
    return {
      ...node,
      metadata: { ...node.metadata, annotations },
      status: { ...node.status, ...status },
    };
  };
  const claim = (() => {
    const one = aClaim('c', { volumeName: 'v' });
    const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
    return { ...one, metadata: { ...one.metadata, annotations }, status: { phase: 'Bound' } };
  })();
  const claimRef = { namespace: 'a', name: 'c', uid: 'uid-c' };
  const name = 'kubernetes.io/csi/d.example.com^handle-v';

  it('are made for drivers that need them, and told to the node once they are attached', async () => {
    const { client, live } = await startLiveCluster();
    client.seed(NODES, managed('n1'));
    client.seed(PERSISTENT_VOLUMES, aVolume('v', { claimRef }));
    client.seed(PERSISTENT_VOLUME_CLAIMS, claim);
    await client.create(PODS, user('p', 'c', { nodeName: 'n1' }), signal);
    await live(3);
    const [attachment] = client.objects(VOLUME_ATTACHMENTS);
    expect(attachment?.spec).toEqual({
      attacher: 'd.example.com',
      nodeName: 'n1',
      source: { persistentVolumeName: 'v' },
    });
    const at = { name: attachment?.metadata?.name ?? '' };
    const body = { status: { attached: true } };
    await client.patch(
      VOLUME_ATTACHMENTS,
      at,
      { type: 'merge', subresource: 'status', body },
      signal,
    );
    await live(3);
    expect(client.objects(NODES)[0]?.status?.volumesAttached).toEqual([{ name, devicePath: '' }]);
    const inUse = { status: { volumesInUse: [name] } };
    const patch = { type: 'merge', subresource: 'status' } as const;
    await client.patch(NODES, { name: 'n1' }, { ...patch, body: inUse }, signal);
    await client.delete(PODS, { namespace: 'a', name: 'p' }, { gracePeriodSeconds: 0 }, signal);
    await live(3);
    expect(client.objects(VOLUME_ATTACHMENTS)).toHaveLength(1);
    expect(client.objects(NODES)[0]?.status?.volumesAttached).toHaveLength(1);
    await client.patch(
      NODES,
      { name: 'n1' },
      { ...patch, body: { status: { volumesInUse: null } } },
      signal,
    );
    await live(3);
    expect(client.objects(VOLUME_ATTACHMENTS)).toEqual([]);
    expect(client.objects(NODES)[0]?.status?.volumesAttached).toBeUndefined();
  });

  it('are never made to two nodes for a volume that only one may have', () => {
    const attachment = {
      metadata: { name: 'csi-other' },
      spec: { attacher: 'd.example.com', nodeName: 'n2', source: { persistentVolumeName: 'v' } },
      status: { attached: true },
    };
    const view = aView({
      nodes: [
        managed('n1'),
        managed('n2', { volumesInUse: [name], volumesAttached: [{ name, devicePath: '' }] }),
      ],
      pods: [user('p', 'c', { nodeName: 'n1' })],
      persistentVolumeClaims: [claim],
      persistentVolumes: [aVolume('v', { claimRef })],
      volumeAttachments: [attachment],
    });
    const { actions } = planAttachments(view);
    expect(
      actions.map((action) => (action.kind === 'note' ? action.event.message : action.kind)),
    ).toEqual([
      'Multi-Attach error for volume "v" Volume is already exclusively attached to one node and can\'t be attached to another',
    ]);
  });

  it('are not needed for drivers that say so', () => {
    const view = aView({
      nodes: [managed('n1')],
      pods: [user('p', 'c', { nodeName: 'n1' })],
      persistentVolumeClaims: [claim],
      persistentVolumes: [aVolume('v', { claimRef })],
      csiDrivers: [{ metadata: { name: 'd.example.com' }, spec: { attachRequired: false } }],
    });
    expect(planAttachments(view).actions).toEqual([]);
  });
});
