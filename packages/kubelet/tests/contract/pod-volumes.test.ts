import { containerId } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import { toPodUid } from '../../src/pod/index.js';
import {
  createMemoryNode,
  createMemoryNodeFiles,
  type MemoryDisk,
  MemoryMounts,
  MemoryPodEvents,
  MemoryPodVolumes,
} from '../../src/testing/index.js';
import { managedKind, volumeDirs, volumeHostPath, volumeName } from '../../src/volumes/index.js';
import { runPod, stopPod } from '../support/one-container.js';
import { openNode } from '../support/opened-node.js';
import { putObject } from '../support/put-object.js';
import { startRunningClock } from '../support/running-clock.js';
import { type Files, podVolumesContract, type VolumesScene } from './pod-volumes-contract.js';

const IMAGE = 'nodeagent.test/busybox:1';
const ROOT = '/var/lib/kubelet';

/** A scene's access to a disk in memory, independent of the volumes' creator. */
function onDisk(
  disk: MemoryDisk,
  mounts: MemoryMounts,
): Omit<
  VolumesScene,
  'volumes' | 'image' | 'put' | 'run' | 'end' | 'reboot' | 'restart' | 'events' | 'close'
> {
  return {
    shown: async (pod, name) => {
      const dir = visibleOf(pod, name);
      const files = disk.names(dir).flatMap((file): readonly (readonly [string, string])[] => {
        const text = disk.read(disk.resolve(`${dir}/${file}`));
        return text === undefined ? [] : [[file, text]];
      });
      return Object.fromEntries(files);
    },
    mountOver: async (pod, name) => {
      const dir = visibleOf(pod, name);
      disk.makeDirectory(dir);
      await mounts.mountTmpfs(dir);
    },
    replace: async (pod, name, by) => {
      const dir = visibleOf(pod, name);
      disk.remove(dir);
      if (by === 'link') disk.link(dir, placeOf(pod, name));
      else disk.write(dir, '');
    },
    removeDir: async ({ metadata }) => disk.remove(`${ROOT}/pods/${metadata?.uid}`),
    read: async (pod, name) => filesIn(disk, placeOf(pod, name)),
    write: async (pod, name, file, text) => {
      disk.write(`${disk.resolve(placeOf(pod, name))}/${file}`, text);
    },
    mountInside: async (pod, name) => {
      const inner = `${placeOf(pod, name)}/inner`;
      disk.makeDirectory(inner);
      await mounts.mountTmpfs(inner);
    },
    hold: async (pod, name) => {
      const release = mounts.hold(placeOf(pod, name));
      return async () => release();
    },
    traces: async (text) => {
      const mounted = (await mounts.list()).map(({ path }) => path);
      return [...disk.below(ROOT), ...mounted].filter((path) => path.includes(text));
    },
    leave: async (name) => disk.write(`${ROOT}/pods/${name}/file`, 'x'),
  };
}

function placeOf({ metadata, spec }: Pod, name: string): string {
  const volume = spec?.volumes?.find((one) => one.name === name);
  const uid = toPodUid(metadata?.uid ?? '');
  return (volume && volumeHostPath(ROOT, uid, volume)) ?? '';
}

function visibleOf({ metadata, spec }: Pod, name: string): string {
  const volume = spec!.volumes!.find((one) => one.name === name)!;
  const uid = toPodUid(metadata?.uid ?? '');
  return volumeDirs(ROOT, uid, { kind: managedKind(volume)!, name: volumeName(volume) }).visible;
}

/** Mounts do not survive, and what is in them is gone. */
async function unmountAll(mounts: MemoryMounts): Promise<void> {
  for (const { path } of [...(await mounts.list())].reverse()) await mounts.unmount(path);
}

function filesIn(disk: MemoryDisk, path: string): Files {
  const place = `${disk.resolve(path)}/`;
  const inside = [...disk.files()].filter(([file]) => file.startsWith(place));
  return Object.fromEntries(inside.map(([file, text]) => [file.slice(place.length), text]));
}

podVolumesContract('in memory', async () => {
  const { clock, stop } = startRunningClock();
  const events = new MemoryPodEvents();
  let volumes = new MemoryPodVolumes({ clock, events });
  const { disk, mounts } = volumes;
  const restart = async (): Promise<void> => {
    const before = volumes;
    volumes = new MemoryPodVolumes({ clock, events, disk, mounts });
    for (const [key, object] of before.configMaps) volumes.configMaps.set(key, object);
    for (const [key, object] of before.secrets) volumes.secrets.set(key, object);
  };
  return {
    ...onDisk(disk, mounts),
    image: IMAGE,
    volumes: () => volumes,
    put: async (kind, name, data) => {
      const key = `contract/${name}`;
      const objects = kind === 'secret' ? volumes.secrets : volumes.configMaps;
      if (data === undefined) objects.delete(key);
      else objects.set(key, { data: kind === 'secret' ? encoded(data) : data });
    },
    run: async () => undefined,
    end: async () => undefined,
    restart,
    reboot: async () => {
      await unmountAll(mounts);
      await restart();
    },
    events: () => events.lines,
    close: async () => stop(),
  };
});

function encoded(data: Files): Files {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, btoa(text)]));
}

podVolumesContract('on a node in memory', async () => {
  const { clock, stop } = startRunningClock();
  const { adapters, runtime: cri, disk } = createMemoryNode({ clock });
  const mounts = new MemoryMounts(disk);
  cri.images.add(IMAGE);
  const options = {
    adapters: { ...adapters, files: createMemoryNodeFiles(disk, ROOT, mounts) },
    config: {},
    identity: { nodeName: 'n1', rootDir: ROOT },
    cri: { runtime: cri, images: cri.images, close: () => undefined },
  };
  let node = await openNode(options);
  const { api } = node;
  const events = [...node.events];
  const there = onDisk(disk, mounts);
  const { signal } = new AbortController();
  const restart = async (): Promise<void> => {
    await node.close();
    events.push(...node.events);
    node = await openNode({ ...options, api });
  };
  /** As the container sees it: where its mount leads. */
  const mountedAt = async (pod: Pod, name: string): Promise<string | undefined> => {
    const labels = { 'io.kubernetes.pod.uid': pod.metadata?.uid ?? '' };
    const [running] = await cri.listContainers({ labels, state: 'running' }, signal);
    if (running === undefined) return undefined;
    const { mounts: made } = await cri.containerStatus(containerId(running.id), signal);
    return made.find(({ containerPath }) => containerPath === `/${name}`)?.hostPath;
  };
  return {
    ...there,
    read: async (pod, name) => {
      const path = await mountedAt(pod, name);
      return path === undefined ? there.read(pod, name) : filesIn(disk, path);
    },
    image: IMAGE,
    volumes: () => node.volumes,
    put: (kind, name, data) => putObject(api, kind, name, data),
    run: (pod) => runPod(node, pod),
    end: (pod) => stopPod(node, pod),
    restart,
    reboot: async () => {
      await unmountAll(mounts);
      await restart();
    },
    events: () => [...events, ...node.events],
    close: async () => {
      await node.close();
      stop();
    },
  };
});
