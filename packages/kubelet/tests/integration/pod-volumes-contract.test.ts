import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { parseMountinfo } from '@nodeagent/base';
import { containerId } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';
import { runCommand } from '@nodeagent/testbed';

import { toPodUid } from '../../src/pod/index.js';
import { managedKind, volumeDirs, volumeHostPath, volumeName } from '../../src/volumes/index.js';
import { type Files, podVolumesContract } from '../contract/pod-volumes-contract.js';
import { openContainerdNode } from '../support/containerd-node.js';
import { runPod, stopPod } from '../support/one-container.js';
import type { OpenedNode } from '../support/opened-node.js';
import { putObject } from '../support/put-object.js';

/** Prints the files of a directory as `name=content`, a line each. */
const PRINT = 'cd "$1" && for f in *; do [ -f "$f" ] && echo "$f=$(cat "$f")"; done; true';

function filesOf(printed: string): Files {
  const lines = printed.split('\n').filter((line) => line !== '');
  return Object.fromEntries(lines.map((line) => line.split('=') as [string, string]));
}

podVolumesContract('on containerd', async () => {
  const first = await openContainerdNode({ name: 'volumes-contract' });
  const { rootDir, api } = first;
  const { runtime: cri } = first.cri;
  const { signal } = new AbortController();
  const earlier: string[] = [];
  let node: OpenedNode = first;
  const placeOf = ({ metadata, spec }: Pod, name: string): string => {
    const volume = spec?.volumes?.find((one) => one.name === name);
    const uid = toPodUid(metadata?.uid ?? '');
    return (volume && volumeHostPath(rootDir, uid, volume)) ?? '';
  };
  const visibleOf = ({ metadata, spec }: Pod, name: string): string => {
    const volume = spec!.volumes!.find((one) => one.name === name)!;
    const place = { kind: managedKind(volume)!, name: volumeName(volume) };
    return volumeDirs(rootDir, toPodUid(metadata?.uid ?? ''), place).visible;
  };
  const mountsBelowRoot = async (): Promise<readonly string[]> => {
    const mounts = parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
    return mounts.map(({ path }) => path).filter((path) => path.startsWith(`${rootDir}/`));
  };
  const restart = async (): Promise<void> => {
    await node.close();
    earlier.push(...node.events);
    node = await first.reopen();
  };
  /** In the pod's container; on this machine where it has none. */
  const sh = async (pod: Pod, name: string, script: string, ...more: string[]): Promise<string> => {
    const labels = { 'io.kubernetes.pod.uid': pod.metadata?.uid ?? '' };
    const [running] = await cri.listContainers({ labels, state: 'running' }, signal);
    const place = running === undefined ? placeOf(pod, name) : `/${name}`;
    const command = ['sh', '-c', script, 'sh', place, ...more];
    if (running === undefined) return runCommand(command);
    const { stdout } = await cri.execSync(
      { containerId: containerId(running.id), command },
      signal,
    );
    return Buffer.from(stdout).toString();
  };
  return {
    image: 'nodeagent.test/busybox:1',
    volumes: () => node.volumes,
    put: (kind, name, data) => putObject(api, kind, name, data),
    run: (pod) => runPod(node, pod),
    end: (pod) => stopPod(node, pod),
    read: async (pod, name) => filesOf(await sh(pod, name, PRINT)),
    shown: async (pod, name) =>
      filesOf(await runCommand(['sh', '-c', PRINT, 'sh', visibleOf(pod, name)])),
    mountOver: async (pod, name) => {
      const dir = visibleOf(pod, name);
      await runCommand(['mkdir', '-p', dir]);
      await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', dir]);
    },
    replace: async (pod, name, by) => {
      const dir = visibleOf(pod, name);
      await rm(dir, { recursive: true });
      if (by === 'link') await symlink(relative(join(dir, '..'), placeOf(pod, name)), dir);
      else await writeFile(dir, '');
    },
    removeDir: ({ metadata }) =>
      rm(join(rootDir, 'pods', metadata?.uid ?? ''), { recursive: true }),
    write: async (pod, name, file, text) => {
      await sh(pod, name, 'printf %s "$3" > "$1/$2"', file, text);
    },
    mountInside: async (pod, name) => {
      const inner = join(placeOf(pod, name), 'inner');
      await mkdir(inner);
      await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', inner]);
    },
    hold: async (pod, name) => {
      const child = spawn('sleep', ['3600'], { cwd: placeOf(pod, name) });
      await once(child, 'spawn');
      return async () => {
        child.kill('SIGKILL');
        await once(child, 'exit');
      };
    },
    traces: async (text) => {
      const mounted = await mountsBelowRoot();
      const files = await readdir(rootDir, { recursive: true });
      return [...mounted, ...files].filter((path) => path.includes(text));
    },
    leave: async (name) => {
      await mkdir(join(rootDir, 'pods', name), { recursive: true });
      await writeFile(join(rootDir, 'pods', name, 'file'), 'x');
    },
    restart,
    reboot: async () => {
      const mounts = await mountsBelowRoot();
      for (const path of mounts.toReversed()) await runCommand(['umount', path]);
      await restart();
    },
    events: () => [...earlier, ...node.events],
    close: async () => {
      await node.close();
      await first.stop();
    },
  };
});
