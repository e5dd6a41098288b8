import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ManualClock } from '@nodeagent/base/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { createStorageFiles } from '../../src/disks/adapters/storage-files.js';
import type { StorageCommands } from '../../src/disks/ports.js';
import { createMounter } from '../../src/volumes/adapters/mounter.js';
import { podOf, textOf, useStorageNode } from '../support/storage-node.js';

const DEVICE = '/dev/disk-of-test';
const clock = new ManualClock();
const files = createStorageFiles();
/** Mount points that this machine has, and what it ran; a call with one of these words fails. */
const machine = { mounted: new Set<string>(), ran: [] as string[], failing: new Set<string>() };

const commands: StorageCommands = {
  run: async (argv) => {
    const line = argv.join(' ');
    machine.ran.push(line);
    if ([...machine.failing].some((word) => line.includes(word))) {
      return { exitCode: 32, output: 'not now' };
    }
    const at = argv.at(-1) ?? '';
    if (argv[0] === 'mount') machine.mounted.add(at);
    if (argv[0] === 'umount') machine.mounted.delete(at);
    return { exitCode: 0, output: argv[0] === 'blkid' ? 'TYPE=ext4\n' : '' };
  },
};

const node = useStorageNode({
  clock,
  commands,
  files: {
    ...files,
    kindOf: async (path) => (path === DEVICE ? 'block device' : files.kindOf(path)),
    realPath: async (path) => (path === DEVICE ? path : files.realPath(path)),
  },
  mounter: {
    ...createMounter(),
    list: async () =>
      [...machine.mounted].map((path) => ({
        path,
        device: '',
        root: path,
        fsType: '',
        options: [],
        isShared: false,
      })),
  },
});

beforeEach(() => {
  machine.mounted.clear();
  machine.failing.clear();
  machine.ran.length = 0;
});

const nfs = (path: string): object => ({ csi: undefined, nfs: { server: '10.0.0.1', path } });
const local = (path: string): object => ({ csi: undefined, local: { path } });

/** Programs that ran meanwhile. */
async function commandsOf(work: Promise<unknown>): Promise<readonly string[]> {
  machine.ran.length = 0;
  await textOf(work);
  return [...machine.ran];
}

it('a directory of a file server is mounted with its options sorted, each once', async () => {
  const mountOptions = ['vers=4.2', 'hard', 'nolock', 'hard'];
  await node.aBoundClaim('c', { spec: { ...nfs('/export'), mountOptions } });
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'c', readOnly: true } }];
  const at = await node.mount(podOf('u1', 'c', { volumes }));
  expect(machine.ran).toEqual([`mount -t nfs -o hard,nolock,ro,vers=4.2 10.0.0.1:/export ${at}`]);
  expect(await commandsOf(node.unmount('u1'))).toEqual([`umount ${at}`]);
});

const seconds = (operation: string, plugin: string): readonly string[] =>
  [...node.metrics.observations.keys()].filter(
    (key) => key.includes(`operation_name="${operation}"`) && key.includes(`"${plugin}"`),
  );

describe.each([
  { kind: 'nfs', plugin: 'kubernetes.io/nfs', backing: nfs, held: [] },
  { kind: 'local', plugin: 'kubernetes.io/local-volume', backing: local, held: ['u2'] },
])('a volume of kind $kind', ({ plugin, backing, held }) => {
  const pathOf = (name: string): string => join(node.dir, name);

  beforeEach(async () => {
    for (const name of ['bad', 'good']) {
      await mkdir(pathOf(name));
      await node.aBoundClaim(name, { spec: backing(pathOf(name)) });
    }
  });

  it('that cannot be mounted waits twice as long each time, by itself', async () => {
    machine.failing.add(pathOf('bad'));
    const again = (): Promise<readonly string[]> => commandsOf(node.mount(podOf('u1', 'bad')));
    expect(await again()).toHaveLength(1);
    for (const waitMs of [500, 1000, 2000]) {
      await clock.advance(waitMs - 1);
      expect(await again()).toEqual([]);
      await clock.advance(1);
      expect(await again()).toHaveLength(1);
    }
    await expect(node.mount(podOf('u1', 'bad'))).rejects.toMatchObject({ code: 'VOLUME_PENDING' });
    const other = await commandsOf(node.mount(podOf('u2', 'bad')));
    expect(other).toHaveLength(held.includes('u2') ? 0 : 1);
    expect(await commandsOf(node.mount(podOf('u3', 'good')))).toHaveLength(1);
    machine.failing.clear();
    await clock.advance(4000);
    expect(await again()).toHaveLength(1);
    expect(await again()).toEqual([]);
    expect(seconds('volume_mount', plugin)).toHaveLength(2); // succeeded and failed
  });

  it('that cannot be unmounted waits too, and holds up no other of its pod', async () => {
    const volumes = ['bad', 'good'].map((name) => ({
      name,
      persistentVolumeClaim: { claimName: name },
    }));
    const pod = podOf('u1', '', { volumes });
    const [bad, good] = volumes;
    const at = await node.mount({ ...pod, spec: { ...pod.spec!, volumes: [bad!] } });
    await node.mount({ ...pod, spec: { ...pod.spec!, volumes: [good!] } });
    machine.failing.add(`umount ${at}`).add(`umount -f ${at}`);
    expect(await commandsOf(node.unmount('u1'))).toHaveLength(3);
    expect([...machine.mounted]).toEqual([at]);
    expect(await commandsOf(node.unmount('u1'))).toEqual([]);
    machine.failing.clear();
    await clock.advance(500);
    expect(await textOf(node.unmount('u1'))).toBe('');
    expect([...machine.mounted]).toEqual([]);
    expect(seconds('volume_unmount', plugin)).toHaveLength(2);
  });
});

describe('a device of this node', () => {
  it('is checked at its second mount', async () => {
    await node.aBoundClaim('c', { spec: local(DEVICE) });
    await node.mount(podOf('u1', 'c'));
    expect(machine.ran).toContain(`fsck -a ${DEVICE}`);
    expect(machine.ran.filter((line) => line.startsWith('mkfs'))).toEqual([]);
    await node.unmount('u1');
  });

  it('that cannot be unmounted is found again with its pod', async () => {
    await node.aBoundClaim('c', { spec: local(DEVICE) });
    await node.mount(podOf('u1', 'c'));
    expect(machine.mounted.size).toBe(2);
    machine.failing.add('local-volume/mounts/pv-c');
    expect(await textOf(node.unmount('u1'))).not.toBe('');
    expect(machine.mounted.size).toBe(1);
    machine.failing.clear();
    await clock.advance(500);
    expect(await textOf(node.unmount('u1'))).toBe('');
    expect(machine.mounted.size).toBe(0);
  });

  it('whose mount for a pod fails is taken down with it', async () => {
    await node.aBoundClaim('c', { spec: local(DEVICE) });
    machine.failing.add('-o bind');
    expect(await textOf(node.mount(podOf('u1', 'c')))).not.toBe('');
    expect(machine.mounted.size).toBe(1);
    machine.failing.clear();
    expect(await textOf(node.unmount('u1'))).toBe('');
    expect(machine.mounted.size).toBe(0);
  });
});
