import { expect, it } from 'vitest';

import { inlineHandle } from '../../src/storage/model/csi-paths.js';
import { DRIVER, podOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode();

it('a volume that a pod declares is only published, with the pod, its tokens and its secret', async () => {
  await node.driverObject({
    podInfoOnMount: true,
    volumeLifecycleModes: ['Ephemeral'],
    tokenRequests: [{ audience: 'vault' }],
  });
  node.secrets = { s: { data: { k: Buffer.from('v').toString('base64') } } };
  const staged: unknown[] = [];
  const published: unknown[] = [];
  await node.startDriver((driver) => ({
    ...driver,
    node: {
      ...driver.node!,
      stage: async (request) => void staged.push(request),
      publish: async (request, signal) => {
        published.push(request);
        return driver.node!.publish(request, signal);
      },
    },
  }));
  const csi = {
    driver: DRIVER,
    volumeAttributes: { a: 'b' },
    nodePublishSecretRef: { name: 's' },
  };
  const more = { volumes: [{ name: 'data', csi }], serviceAccountName: 'sa' };
  const targetPath = await node.mount(podOf('u1', '', more));
  expect(staged).toEqual([]);
  expect(published).toEqual([
    {
      volumeId: inlineHandle('u1', 'data'),
      publishContext: {},
      stagingTargetPath: '',
      targetPath,
      volumeCapability: {
        access: { kind: 'mount', value: { fsType: '', mountFlags: [], volumeMountGroup: '' } },
        accessMode: { mode: 'single-node-multi-writer' },
      },
      readonly: false,
      secrets: { k: 'v' },
      volumeContext: {
        a: 'b',
        'csi.storage.k8s.io/pod.name': 'pod-u1',
        'csi.storage.k8s.io/pod.namespace': 'ns',
        'csi.storage.k8s.io/pod.uid': 'u1',
        'csi.storage.k8s.io/serviceAccount.name': 'sa',
        'csi.storage.k8s.io/ephemeral': 'true',
        'csi.storage.k8s.io/serviceAccount.tokens':
          '{"vault":{"token":"pod-u1/vault/1","expirationTimestamp":"2026-01-01T00:00:00Z"}}',
      },
    },
  ]);
  expect(node.storage.volumesInUse()).toEqual([]);
  await node.unmount('u1');
  expect(await node.mounts()).toEqual([]);
});
