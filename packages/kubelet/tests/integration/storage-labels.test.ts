import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Driver, VolumeCapability } from '@nodeagent/csi';
import { CsiError } from '@nodeagent/csi';
import type { Pod } from '@nodeagent/kube-client';
import { beforeEach, expect, it } from 'vitest';

import { plain, podOf, textOf, useStorageNode } from '../support/storage-node.js';

const node = useStorageNode({
  selinux: {
    policy: { process: 'u:r:container_t:s0', file: 'u:object_r:container_file_t:s0' },
    everyMode: true,
  },
});
const LEVEL = 's0:c1,c2';
const LABEL = `u:object_r:container_file_t:${LEVEL}`;
const WAITING = 'because it is already mounted to a different pod with a different SELinux label';

/** The flags of each call to the driver. */
const flags: [call: string, flags: readonly string[]][] = [];
const broken = { unpublish: false, unstage: false };

function flagsOf(capability: VolumeCapability | undefined): readonly string[] {
  return capability?.access?.kind === 'mount' ? capability.access.value.mountFlags : [];
}

/** Shows the flags, and mounts without those of SELinux, which this kernel does not have. */
function labelling(driver: Driver): Driver {
  const plainly = <Request extends { readonly volumeCapability: VolumeCapability | undefined }>(
    call: string,
    request: Request,
  ): Request => {
    const { volumeCapability: capability } = request;
    flags.push([call, flagsOf(capability)]);
    if (capability?.access?.kind !== 'mount') return request;
    const access = {
      kind: 'mount',
      value: { ...capability.access.value, mountFlags: [] },
    } as const;
    return { ...request, volumeCapability: { ...capability, access } };
  };
  const { node: calls } = driver;
  return {
    ...driver,
    node: {
      ...calls!,
      stage: (request, signal) => calls!.stage!(plainly('stage', request), signal),
      publish: (request, signal) => calls!.publish(plainly('publish', request), signal),
      unpublish: (request, signal) => {
        if (broken.unpublish) throw new CsiError('CSI_INTERNAL', 'not now');
        return calls!.unpublish(request, signal);
      },
      unstage: (request, signal) => {
        if (broken.unstage) throw new CsiError('CSI_INTERNAL', 'not now');
        return calls!.unstage!(request, signal);
      },
    },
  };
}

const labelled = (uid: string, level = LEVEL): Pod =>
  podOf(uid, 'c', { securityContext: { seLinuxOptions: { level } } });

const managed = (uid: string): boolean | undefined =>
  node.storage.volumes.placeOf(uid, 'data')?.managed;

async function recorded(path: string): Promise<unknown> {
  const data = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  return data['seLinuxMountContext'];
}

async function restartKubelet(): Promise<void> {
  await node.stopKubelet();
  await node.startKubelet();
  await expect.poll(() => node.verdicts.length).toBe(2);
}

/** Mounts with a level after what is in the way is gone. */
async function mountsAtLast(uid: string, level: string): Promise<void> {
  flags.length = 0;
  const mounted = () => node.mount(labelled(uid, level)).catch(String);
  await expect.poll(mounted, { timeout: 10_000 }).toMatch(/^\//);
  expect(flags[0]?.[1]).toContain(`context="u:object_r:container_file_t:${level}"`);
  await node.unmount(uid);
}

beforeEach(async () => {
  flags.length = 0;
  [broken.unpublish, broken.unstage] = [false, false];
  await node.driverObject({ ...plain, seLinuxMount: true });
  await node.startDriver(labelling);
  await node.aBoundClaim('c', { spec: { mountOptions: ['noatime'] } });
});

it('a volume with a label is mounted with it, recorded, and not relabelled by the runtime', async () => {
  const path = await node.mount(labelled('u1'));
  const expected = ['noatime', `context="${LABEL}"`];
  expect(flags).toEqual([
    ['stage', expected],
    ['publish', expected],
  ]);
  expect(managed('u1')).toBe(false);
  expect(await recorded(join(path, '../vol_data.json'))).toBe(LABEL);
  await node.unmount('u1');
});

it('a volume of a pod without a label is relabelled by the runtime', async () => {
  const path = await node.mount(podOf('u1', 'c'));
  expect(flags.map(([, of]) => of)).toEqual([['noatime'], ['noatime']]);
  expect(managed('u1')).toBe(true);
  expect(await recorded(join(path, '../vol_data.json'))).toBeUndefined();
  await node.unmount('u1');
});

it('a volume that is still mounted with another label is waited for, also by the next kubelet', async () => {
  await node.mount(labelled('u1'));
  broken.unstage = true;
  await node.unmount('u1');
  await expect(node.mount(labelled('u2', 's0:c3'))).rejects.toThrow(WAITING);
  await restartKubelet();
  await expect(node.mount(labelled('u2', 's0:c3'))).rejects.toThrow(WAITING);
  broken.unstage = false;
  await mountsAtLast('u2', 's0:c3');
});

it('a pod keeps the volume that an earlier kubelet mounted for it without a label', async () => {
  await node.mount(podOf('u1', 'c'));
  await restartKubelet();
  flags.length = 0;
  await node.mount(labelled('u1'));
  for (const [call, of] of flags) expect(of, call).toEqual(['noatime']);
  expect(managed('u1')).toBe(true);
  await node.unmount('u1');
});

it('a pod with another label waits for one that a driver does not let go', async () => {
  await node.mount(labelled('u1'));
  const conflict = `conflicting SELinux labels of volume pv-c: "${LABEL}"`;
  await expect(node.mount(labelled('u2', 's0:c3'))).rejects.toThrow(conflict);
  broken.unpublish = true;
  await expect(node.unmount('u1')).rejects.toThrow('not now');
  await expect(node.mount(labelled('u2', 's0:c3'))).rejects.toThrow(WAITING);
  broken.unpublish = false;
  await expect.poll(() => textOf(node.unmount('u1')), { timeout: 10_000 }).toBe('');
  await mountsAtLast('u2', 's0:c3');
});

it('a pod keeps its volume if a pod with another label is first at the next kubelet', async () => {
  const path = await node.mount(labelled('u1'));
  await restartKubelet();
  await expect(node.mount(labelled('u2', 's0:c3'))).rejects.toThrow(WAITING);
  expect(await node.mount(labelled('u1'))).toBe(path);
  expect(managed('u1')).toBe(false);
  await node.unmount('u1');
  await mountsAtLast('u2', 's0:c3');
});

it('a volume that no driver mounts is relabelled by the runtime, and has one label as any', async () => {
  const path = join(node.dir, 'disk');
  await mkdir(path);
  await node.aBoundClaim('c2', { spec: { csi: undefined, local: { path } } });
  const options = (level: string) => ({ securityContext: { seLinuxOptions: { level } } });
  await node.mount(podOf('u1', 'c2', options(LEVEL)));
  expect(managed('u1')).toBe(true);
  const volumeMounts = [{ name: 'data', mountPath: '/data' }];
  const containers = ['s0:c3', LEVEL].map((level, at) => {
    return { name: `c${at}`, volumeMounts, ...options(level) };
  });
  const message = `multiple SELinux labels found: ${LABEL},u:object_r:container_file_t:s0:c3`;
  await expect(node.mount(podOf('u2', 'c2', { containers }))).rejects.toThrow(message);
  const figure = 'volume_manager_selinux_pod_context_mismatch_errors_total{access_mode="RWO"}';
  expect(node.metrics.values.get(figure)).toBe(1);
  await node.unmount('u1');
});
