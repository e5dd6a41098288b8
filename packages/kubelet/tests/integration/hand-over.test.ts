import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parseMountinfo } from '@nodeagent/base';
import { containerId } from '@nodeagent/cri-client';
import { type Pod, SECRETS, type Volume } from '@nodeagent/kube-client';
import { ifStarted, runCommand, waitFor } from '@nodeagent/testbed';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { busybox, BusyboxPods, named } from './busybox-pods.js';
import { type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

/** The volumes for which every other kubelet mounts a memory file system. */
const VOLUMES: readonly Volume[] = [
  { name: 'pass', secret: { secretName: 'pass' } },
  { name: 'all', projected: { sources: [{ secret: { name: 'pass' } }] } },
];
const DIRS = ['kubernetes.io~secret/pass', 'kubernetes.io~projected/all'];

const { signal } = new AbortController();
let node: RealNode;
let root: string;
let kubelet: RunningKubelet | undefined;
let pods: BusyboxPods;

beforeAll(async () => {
  node = await startRealNode('kubelet-hand-over');
  root = join(node.containerd.space.dir, 'kubelet');
  pods = new BusyboxPods(node);
  await mkdir(root, { recursive: true });
  await shareRoot();
});
beforeEach(async () => {
  await putSecret('old');
  kubelet = node.startKubelet();
  await pods.nodeReady();
});
afterEach(async () => {
  await kubelet?.stop();
  kubelet = undefined;
});
afterAll(async () => {
  await ifStarted(node)?.stop();
});

async function putSecret(value: string): Promise<void> {
  const object = { metadata: named('pass'), stringData: { value } };
  const { items } = await node.user.list(SECRETS, { namespace: 'default' }, signal);
  if (items.some(({ metadata }) => metadata?.name === 'pass')) {
    await node.user.replace(SECRETS, object, {}, signal);
  } else await node.user.create(SECRETS, object, signal);
}

/** Starts a pod with two containers that mount the volumes. */
async function startPod(name: string): Promise<Pod> {
  const volumeMounts = VOLUMES.map((volume) => ({
    name: volume.name,
    mountPath: `/${volume.name}`,
  }));
  const pod = busybox(name, { volumeMounts });
  const [container] = pod.spec!.containers;
  pod.spec!.containers.push({ ...container!, name: 'second' });
  pod.spec!.volumes = [...VOLUMES];
  await pods.create(pod);
  return untilBothRun(name);
}

function untilBothRun(name: string): Promise<Pod> {
  return pods.until(name, 'both containers to run', ({ status }) => {
    const running = status?.containerStatuses?.filter(({ state }) => state?.running !== undefined);
    return running?.length === 2;
  });
}

/** As kubelets bind the root directory onto itself: pkg/kubelet/kubelet.go, setupDataDirs. */
async function shareRoot(): Promise<void> {
  await runCommand(['mount', '--bind', root, root]);
  await runCommand(['mount', '--make-rshared', root]);
}

function placesOf({ metadata }: Pod): readonly string[] {
  return DIRS.map((dir) => join(root, 'pods', metadata?.uid ?? '', 'volumes', dir));
}

/** Mounts and fills a volume: pkg/volume/emptydir, setupTmpfs; pkg/volume/util/atomic_writer.go. */
async function mountElsewhere(dir: string, value: string): Promise<void> {
  await runCommand(['mkdir', '-p', dir]);
  await runCommand(['mount', '-t', 'tmpfs', '-o', 'size=1048576,noswap', 'tmpfs', dir]).catch(() =>
    runCommand(['mount', '-t', 'tmpfs', '-o', 'size=1048576', 'tmpfs', dir]),
  );
  await writeElsewhere(dir, { time: '..2026_01_01_00_00_00.1234567890', value });
  await symlink('..data/value', join(dir, 'value'));
}

async function writeElsewhere(
  dir: string,
  { time, value }: Readonly<{ time: string; value: string }>,
): Promise<void> {
  await mkdir(join(dir, time));
  await writeFile(join(dir, time, 'value'), value);
  await symlink(time, join(dir, '..data_tmp'));
  await runCommand(['mv', '-T', join(dir, '..data_tmp'), join(dir, '..data')]);
}

interface Running {
  readonly id: string;
  readonly container: string;
}

async function runningOf(pod: Pod): Promise<readonly Running[]> {
  const labels = { 'io.kubernetes.pod.uid': pod.metadata?.uid ?? '' };
  const found = await node.cri.runtime.listContainers({ labels, state: 'running' }, signal);
  return found
    .map(({ id, metadata }) => ({ id, container: metadata?.name ?? '' }))
    .sort((a, b) => a.container.localeCompare(b.container));
}

/** Another kubelet replaces a container that ended; its volumes are where that kubelet has them. */
async function restartElsewhere(pod: Pod, container: string): Promise<void> {
  const { runtime } = node.cri;
  const uid = pod.metadata?.uid ?? '';
  const before = (await runningOf(pod)).find((one) => one.container === container)!;
  const status = await runtime.containerStatus(containerId(before.id), signal);
  await runtime.stopContainer(containerId(before.id), 0, signal);
  const labels = { 'io.kubernetes.pod.uid': uid };
  const [sandbox] = await runtime.listPodSandbox({ labels }, signal);
  const sandboxConfig = {
    metadata: sandbox!.metadata!,
    logDirectory: join(
      node.containerd.space.dir,
      'logs/pods',
      `default_${pod.metadata?.name}_${uid}`,
    ),
    labels: sandbox!.labels,
    annotations: sandbox!.annotations,
  };
  const places = placesOf(pod);
  const config = {
    metadata: { name: container, attempt: 1 },
    image: { image: 'nodeagent.test/busybox:1' },
    command: ['sh', '-c', 'while :; do sleep 0.1; done'],
    logPath: `${container}/1.log`,
    labels: status.labels,
    annotations: { ...status.annotations, 'io.kubernetes.container.restartCount': '1' },
    mounts: VOLUMES.map(({ name }, at) => {
      return { containerPath: `/${name}`, hostPath: places[at]!, readonly: true };
    }),
  };
  const id = await runtime.createContainer(
    { sandboxId: sandbox!.id, config, sandboxConfig },
    signal,
  );
  await runtime.startContainer(id, signal);
}

async function seenBy({ id }: Running): Promise<string> {
  const command = ['sh', '-c', 'cat /pass/value /all/value'];
  const { stdout } = await node.cri.runtime.execSync(
    { containerId: containerId(id), command },
    signal,
  );
  return Buffer.from(stdout).toString();
}

async function mountsOf(text: string): Promise<readonly string[]> {
  const mounts = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
  return mounts
    .map(({ path }) => path)
    .filter((path) => path.startsWith(`${root}/`) && path.includes(text));
}

/** Everything that runs or is in memory is gone. */
async function reboot(pod: Pod): Promise<void> {
  const labels = { 'io.kubernetes.pod.uid': pod.metadata?.uid ?? '' };
  for (const { id } of await node.cri.runtime.listPodSandbox({ labels }, signal)) {
    await node.cri.runtime.stopPodSandbox(id, signal);
  }
  for (const path of [...(await mountsOf(''))].reverse()) await runCommand(['umount', path]);
}

/** Deletes a pod, and waits until neither files nor mounts are left of it. */
async function remove(pod: Pod): Promise<void> {
  await pods.remove(pod.metadata?.name ?? '');
  const uid = pod.metadata?.uid ?? '';
  const isGone = async (): Promise<boolean> => {
    const names = await readdir(root, { recursive: true });
    return ![...names, ...(await mountsOf(uid))].some((name) => name.includes(uid));
  };
  await waitFor(isGone, { what: `files and mounts of ${uid} to go` });
}

describe('a node that goes to another kubelet and back', () => {
  it('keeps the containers of both running, with current content', async () => {
    const pod = await startPod('both');
    for (const dir of placesOf(pod)) expect(await readFile(join(dir, 'value'), 'utf8')).toBe('old');
    await kubelet?.stop();

    for (const dir of placesOf(pod)) await mountElsewhere(dir, 'elsewhere');
    await restartElsewhere(pod, 'second');
    const running = await runningOf(pod);
    expect(await Promise.all(running.map(seenBy))).toEqual(['oldold', 'elsewhereelsewhere']);

    await putSecret('new');
    kubelet = node.startKubelet();
    await waitFor(async () => (await Promise.all(running.map(seenBy))).join() === 'newnew,newnew', {
      what: 'both containers to see the new content',
    });
    expect(await runningOf(pod)).toEqual(running);

    // Once more: the other one finds its mounts, and writes what is newer.
    await kubelet.stop();
    for (const dir of placesOf(pod)) {
      await writeElsewhere(dir, { time: '..2027_01_01_00_00_00.1234567890', value: 'elsewhere' });
    }
    await putSecret('newest');
    kubelet = node.startKubelet();
    const newest = 'newestnewest,newestnewest';
    await waitFor(async () => (await Promise.all(running.map(seenBy))).join() === newest, {
      what: 'both containers to see the newest content',
    });
    expect(await runningOf(pod)).toEqual(running);
    await remove(pod);
  });

  it('starts its pods again after a reboot, whichever kubelet comes first', async () => {
    const pod = await startPod('rebooted');
    await kubelet?.stop();
    await reboot(pod);
    for (const dir of placesOf(pod)) {
      await expect(readFile(join(dir, 'value'))).rejects.toMatchObject({ code: 'ENOENT' });
      await mountElsewhere(dir, 'elsewhere');
    }
    await reboot(pod);
    kubelet = node.startKubelet();
    await waitFor(async () => (await runningOf(pod)).length === 2, {
      what: 'both containers to run again',
    });
    const seen = await Promise.all((await runningOf(pod)).map(seenBy));
    expect(seen).toEqual(['oldold', 'oldold']);
    for (const dir of placesOf(pod)) expect(await readFile(join(dir, 'value'), 'utf8')).toBe('old');
    await remove(pod);
  });

  it('starts pods even if the other one hid all mounts below the root directory', async () => {
    const pod = await startPod('hidden');
    const running = await runningOf(pod);
    await kubelet?.stop();
    await runCommand(['mount', '--make-private', root]);
    await shareRoot();
    kubelet = node.startKubelet();
    const more = await startPod('more');
    expect(await Promise.all((await runningOf(more)).map(seenBy))).toEqual(['oldold', 'oldold']);
    expect(await runningOf(pod)).toEqual(running);
    await remove(more);
    await remove(pod);
  });
});
