import { execFile } from 'node:child_process';
import { appendFile, mkdir, open, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { LEASES, NODES, PODS } from '@nodeagent/kube-client';
import { ifStarted, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { busybox, BusyboxPods, isRunning, named, statusOf } from './busybox-pods.js';
import { NODE_NAME, type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

const run = promisify(execFile);
const { signal } = new AbortController();
const MIB = 2 ** 20;
const config = { evictionHard: {}, nodeStatusUpdateFrequency: '1s', nodeLeaseDurationSeconds: 4 };
const isFull = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOSPC';

/** Leaves no byte, or no inode. */
async function fill(what: 'bytes' | 'inodes', dir: string): Promise<void> {
  await mkdir(dir);
  try {
    if (what === 'inodes') {
      for (let at = 0; ; at += 1) await (await open(join(dir, String(at)), 'wx')).close();
    }
    for (const size of [MIB, 4096, 1]) {
      const block = Buffer.alloc(size);
      try {
        for (;;) await appendFile(join(dir, 'all'), block);
      } catch (error) {
        if (!isFull(error)) throw error;
      }
    }
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}

/** Puts a small file system in a directory's place, with what is in it. */
async function makeSmall(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const [kib = ''] = (await run('du', ['-sk', dir])).stdout.split('\t');
  const [inodes = ''] = (await run('du', ['-s', '--inodes', dir])).stdout.split('\t');
  const [image, old] = [`${dir}.ext4`, `${dir}.old`];
  await writeFile(image, '');
  await truncate(image, Number(kib) * 1024 + 16 * MIB);
  await run('mkfs.ext4', ['-q', '-m', '0', '-N', String(Number(inodes) + 512), image]);
  await run('mv', [dir, old]);
  await mkdir(dir);
  await run('mount', ['-o', 'loop', image, dir]);
  await run('cp', ['-a', `${old}/.`, dir]);
}

const PLACES = [
  ['the kubelet', 'kubelet'],
  ['the logs of pods', 'logs/pods'],
  ['containerd', 'containerd/root'],
] as const;

describe.each(PLACES)('on a node where the disk of %s is full', (_, place) => {
  let node: RealNode;
  let kubelet: RunningKubelet;
  let pods: BusyboxPods;
  let disk: string | undefined;

  /** Nothing is evicted. */
  beforeAll(async () => {
    node = await startRealNode('kubelet-full-disk');
    disk = join(node.containerd.space.dir, place);
    await node.containerd.kill9();
    await makeSmall(disk);
    await node.containerd.restart();
    pods = new BusyboxPods(node);
    kubelet = node.startKubelet({ config });
    await pods.nodeReady();
  });

  afterAll(async () => {
    await ifStarted(kubelet)?.stop();
    if (disk !== undefined) await run('umount', ['-R', '-l', disk]).catch(() => undefined);
    await ifStarted(node)?.stop();
  });

  /** The node renews its lease, and is ready. */
  async function nodeIsAlive(): Promise<void> {
    const renewed = async (): Promise<string | undefined> => {
      const lease = { namespace: 'kube-node-lease', name: NODE_NAME };
      return (await node.user.get(LEASES, lease, signal)).spec?.renewTime;
    };
    const before = await renewed();
    await waitFor(async () => (await renewed()) !== before, { what: 'the lease to be renewed' });
    const { status } = await node.user.get(NODES, { name: NODE_NAME }, signal);
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  }

  it.each(['bytes', 'inodes'] as const)(
    'keeps its pods and its status without any %s, even over a restart, and recovers by itself',
    { timeout: 300_000 },
    async (what) => {
      const [old, fresh] = [`old-${what}`, `fresh-${what}`];
      await pods.create(busybox(old));
      const before = statusOf(await pods.until(old, 'it to run', isRunning));
      const filler = join(disk ?? '', 'filler');
      await fill(what, filler);
      const { bavail, ffree } = await statfs(disk ?? '');
      expect(what === 'bytes' ? bavail : ffree).toBe(0);

      const volumes = [{ name: 'v', emptyDir: {} }];
      const volumeMounts = [{ name: 'v', mountPath: '/v' }];
      await pods.create(busybox(fresh, { volumeMounts }, { volumes }));
      await nodeIsAlive();
      await kubelet.stop();
      kubelet = node.startKubelet({ config });
      await nodeIsAlive();
      await nodeIsAlive();
      const after = statusOf(await node.user.get(PODS, named(old), signal));
      expect(after?.containerID).toBe(before?.containerID);
      expect(after?.restartCount).toBe(0);
      expect(after?.state?.running).toBeDefined();
      expect(isRunning(await node.user.get(PODS, named(fresh), signal))).toBe(false);

      await rm(filler, { recursive: true });
      await pods.until(fresh, 'it to run once there is room', isRunning);
      for (const name of [old, fresh]) await node.user.delete(PODS, named(name), {}, signal);
      // what is removed later would make room again in the next test
      const nothingLeft = async () =>
        (await node.cri.runtime.listPodSandbox({}, signal)).length === 0;
      await waitFor(nothingLeft, { what: 'the sandboxes of the pods to be removed' });
    },
  );
});
