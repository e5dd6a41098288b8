import { CsiError, type Driver } from '@nodeagent/csi';
import { CSI_NODES, NODES } from '@nodeagent/kube-client';
import { beforeEach, expect, it } from 'vitest';

import {
  devicePodOf,
  DRIVER,
  forever,
  plain,
  podOf,
  textOf,
  useStorageNode,
} from '../support/storage-node.js';

const node = useStorageNode();
const patient = { timeout: 10_000 };
const calls: string[] = [];
const refused = { publish: false };

/** Notes its calls, in their order. */
function noting(driver: Driver): Driver {
  const own = driver.node!;
  const noted =
    <Request, Reply>(name: string, call: (request: Request, signal: AbortSignal) => Reply) =>
    (request: Request, signal: AbortSignal): Reply => {
      calls.push(name);
      if (name === 'publish' && refused.publish) throw new CsiError('CSI_UNAVAILABLE', 'busy');
      return call(request, signal);
    };
  return {
    ...driver,
    node: {
      ...own,
      stage: noted('stage', (...of) => own.stage!(...of)),
      publish: noted('publish', (...of) => own.publish(...of)),
      unpublish: noted('unpublish', (...of) => own.unpublish(...of)),
      unstage: noted('unstage', (...of) => own.unstage!(...of)),
    },
  };
}

beforeEach(() => {
  calls.length = 0;
  refused.publish = false;
});

it('a volume is staged, published for each pod, unpublished, and unstaged', async () => {
  await node.driverObject(plain);
  await node.startDriver(noting);
  await node.aBoundClaim('c');
  for (const uid of ['u1', 'u2']) await node.mount(podOf(uid, 'c'));
  for (const uid of ['u1', 'u2']) await node.unmount(uid);
  const expected = ['stage', 'publish', 'publish', 'unpublish', 'unpublish', 'unstage'];
  expect(calls).toEqual(expected);
});

it('a device is staged once for two pods too', async () => {
  await node.driverObject(plain);
  await node.startDriver(noting);
  await node.aBoundClaim('c', { block: true });
  for (const uid of ['u1', 'u2']) await node.mount(devicePodOf(uid, 'c'));
  for (const uid of ['u1', 'u2']) await node.unmount(uid);
  const expected = ['stage', 'publish', 'publish', 'unpublish', 'unpublish', 'unstage'];
  expect(calls).toEqual(expected);
});

it('a publication by a busy driver is tried again, without another stage', async () => {
  await node.driverObject(plain);
  await node.startDriver(noting);
  await node.aBoundClaim('c');
  refused.publish = true;
  expect(await textOf(node.mount(podOf('u1', 'c')))).toContain('code = Unavailable');
  refused.publish = false;
  await expect.poll(() => textOf(node.mount(podOf('u1', 'c'))), patient).toBe('');
  expect(calls).toEqual(['stage', 'publish', 'publish']);
  await node.unmount('u1');
});

it('a restarted kubelet says nothing of volumes in use until it has read its disk', async () => {
  await node.startDriver();
  const handle = await node.anAttachedClaim('c');
  await node.mount(podOf('u1', 'c'));
  await node.stopKubelet();
  await node.startKubelet();
  const seen: (readonly string[] | undefined)[] = [];
  const look = () => {
    const now = node.storage.volumesInUse();
    seen.push(now);
    return now;
  };
  expect(look()).toBeUndefined();
  await expect.poll(look).toBeDefined();
  expect(seen.at(-1)).toEqual([`kubernetes.io/csi/${DRIVER}^${handle}`]);
  await expect.poll(() => node.verdicts.length).toBe(2);
  await node.unmount('u1');
});

it('a CSINode that an earlier node of this name left is replaced', async () => {
  const { metadata } = await node.api.get(NODES, { name: 'node-1' }, forever);
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'node-1' };
  const uidOf = async (): Promise<string | undefined> => {
    const { items } = await node.api.list(CSI_NODES, {}, forever);
    return items[0]?.metadata?.ownerReferences?.[0]?.uid;
  };
  await node.stopKubelet();
  const { items } = await node.api.list(CSI_NODES, {}, forever);
  for (const { metadata: found } of items) {
    await node.api.delete(CSI_NODES, { name: found?.name ?? '' }, {}, forever);
  }
  await node.api.create(
    CSI_NODES,
    {
      metadata: { name: 'node-1', ownerReferences: [{ ...owner, uid: 'of-another-node' }] },
      spec: { drivers: [{ name: 'old.example.com', nodeID: 'old', topologyKeys: [] }] },
    },
    forever,
  );
  await node.startKubelet();
  await node.startDriver();
  await expect.poll(uidOf, patient).toBe(metadata?.uid);
  const { spec } = await node.api.get(CSI_NODES, { name: 'node-1' }, forever);
  expect(spec.drivers.map(({ name }) => name)).toEqual([DRIVER]);
});
