import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';

import type { Pod, PodSpec, VolumeMount } from '@nodeagent/kube-client';
import { ifStarted, runCommand, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { busybox, BusyboxPods, isRunning, statusOf } from './busybox-pods.js';
import { type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

let node: RealNode;
let kubelet: RunningKubelet;
let pods: BusyboxPods;

beforeAll(async () => {
  node = await startRealNode('kubelet-volumes');
  kubelet = node.startKubelet();
  pods = new BusyboxPods(node);
  await pods.nodeReady();
});

afterAll(async () => {
  await ifStarted(kubelet)?.stop();
  await ifStarted(node)?.stop();
});

const mount = (name: string, more: Partial<VolumeMount> = {}): VolumeMount => ({
  name,
  mountPath: `/${name}`,
  ...more,
});
const hostDir = (name: string): string => join(node.containerd.space.dir, name);
const podDir = (pod: Pod): string => hostDir(`kubelet/pods/${pod.metadata?.uid ?? ''}`);

describe('an emptyDir', () => {
  it('is shared by containers, outlives them, and is removed with the pod', async () => {
    const volumeMounts = [mount('disk'), mount('memory')];
    const limits = { limits: { memory: '32Mi' } };
    const spec = {
      volumes: [
        { name: 'disk', emptyDir: {} },
        { name: 'memory', emptyDir: { medium: 'Memory' } },
      ],
    };
    const pod = busybox('shares', { volumeMounts, resources: limits }, spec);
    pod.spec!.containers.push({ ...pod.spec!.containers[0]!, name: 'd' });
    const first = await pods.run(pod);
    await pods.until('shares', 'both to run', ({ status }) => {
      const all = status?.containerStatuses ?? [];
      return all.length === 2 && all.every(({ state }) => state?.running !== undefined);
    });
    await pods.exec(first, 'echo a > /disk/f; echo b > /memory/f; chmod 700 /disk');
    const look = 'stat -c %a /disk; cat /disk/f /memory/f; stat -f -c "%T %S %b" /memory';
    const seen = await pods.exec(first, look);
    const [mode, a, b, memory = ''] = seen.trim().split('\n');
    expect([mode, a, b]).toEqual(['700', 'a', 'b']);
    const [type, blockSize, blocks] = memory.split(' ');
    expect(type).toBe('tmpfs');
    expect(Number(blockSize) * Number(blocks)).toBe(64 * 2 ** 20); // of both containers together

    const id = statusOf(first)?.containerID?.replace('containerd://', '') ?? '';
    await node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', id);
    const again = await pods.until('shares', 'it to be restarted', (now) => {
      return isRunning(now) && statusOf(now)?.restartCount === 1;
    });
    expect(await pods.exec(again, look)).toBe(seen);
    const dir = podDir(again);
    expect(existsSync(dir)).toBe(true);
    await pods.remove('shares');
    await waitFor(async () => !existsSync(dir), { what: 'the directory of the pod to be gone' });
  });

  it('belongs to the group of the pod', async () => {
    const spec: Partial<PodSpec> = {
      volumes: [{ name: 'disk', emptyDir: {} }],
      securityContext: { runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000 },
    };
    const pod = await pods.run(busybox('group', { volumeMounts: [mount('disk')] }, spec));
    const script = 'echo x > /disk/f; stat -c "%a %g" /disk; stat -c "%u %g" /disk/f';
    expect(await pods.exec(pod, script)).toBe('2777 3000\n1000 3000\n');
    await pods.remove('group');
  });
});

describe('a hostPath', () => {
  it('of the wrong type keeps its pod waiting until it is right', async () => {
    const path = hostDir('wanted');
    const volume = { name: 'host', hostPath: { path, type: 'Directory' } };
    await pods.create(busybox('host', { volumeMounts: [mount('host')] }, { volumes: [volume] }));
    await pods.untilEvent(
      'host',
      `FailedMount: MountVolume.SetUp failed for volume "host" : hostPath type check failed: ${path} is not a directory`,
    );
    await mkdir(path);
    await writeFile(join(path, 'f'), 'of the host');
    const pod = await pods.until('host', 'it to run', isRunning);
    expect(await pods.exec(pod, 'cat /host/f; echo x > /host/g')).toBe('of the host');
    await pods.remove('host');
    expect(await readFile(join(path, 'g'), 'utf8')).toBe('x\n');
  });

  it('has the type that its volume requires, or is created with it', async () => {
    const dir = hostDir('types');
    await mkdir(dir);
    await writeFile(join(dir, 'file'), 'x');
    const socket = createServer().listen(join(dir, 'socket'));
    try {
      const types = [
        ['', dir],
        ['Directory', dir],
        ['DirectoryOrCreate', join(dir, 'made')],
        ['File', join(dir, 'file')],
        ['FileOrCreate', join(dir, 'made-file')],
        ['Socket', join(dir, 'socket')],
        ['CharDevice', '/dev/null'],
      ] as const;
      const volumes = types.map(([type, path], at) => ({
        name: `v${at}`,
        hostPath: { path, type },
      }));
      const pod = await pods.run(
        busybox('types', { volumeMounts: volumes.map(({ name }) => mount(name)) }, { volumes }),
      );
      const script =
        'for v in 0 1 2 3 4 5 6; do stat -c %F /v$v; done; stat -c %a /v2 /v4 | tr "\\n" " "';
      expect((await pods.exec(pod, script)).split('\n')).toEqual([
        'directory',
        'directory',
        'directory',
        'regular file',
        'regular empty file',
        'socket',
        'character special file',
        '755 644 ',
      ]);
      await pods.remove('types');
    } finally {
      socket.close();
    }
  });

  it('of any other type is reported with the expected type', async () => {
    const wrong = [
      ['Directory', '/dev/null', 'directory'],
      ['DirectoryOrCreate', '/dev/null', 'directory'],
      ['File', '/dev', 'file'],
      ['FileOrCreate', '/dev', 'file'],
      ['Socket', '/dev/null', 'socket file'],
      ['CharDevice', '/dev', 'character device'],
      ['BlockDevice', '/dev/null', 'block device'],
    ] as const;
    const nameOf = (type: string): string => `no-${type.toLowerCase()}`;
    for (const [type, path] of wrong) {
      const volume = { name: 'host', hostPath: { path, type } };
      const parts = { volumeMounts: [mount('host')] };
      await pods.create(busybox(nameOf(type), parts, { volumes: [volume] }));
    }
    for (const [type, path, what] of wrong) {
      await pods.untilEvent(
        nameOf(type),
        `FailedMount: MountVolume.SetUp failed for volume "host" : hostPath type check failed: ${path} is not a ${what}`,
      );
    }
    await Promise.all(wrong.map(([type]) => pods.remove(nameOf(type))));
  });

  it('propagates mounts of its container to the host if requested', async () => {
    const path = hostDir('passes-on');
    await mkdir(join(path, 'inside'), { recursive: true });
    await runCommand(['mount', '--bind', path, path]);
    try {
      await runCommand(['mount', '--make-shared', path]);
      const volumes = [{ name: 'host', hostPath: { path } }];
      const passing = mount('host', { mountPropagation: 'Bidirectional' });
      const securityContext = { privileged: true };
      const pod = await pods.run(
        busybox('passes-on', { volumeMounts: [passing], securityContext }, { volumes }),
      );
      await pods.exec(pod, 'mount -t tmpfs inside /host/inside && echo hello > /host/inside/f');
      expect(await readFile(join(path, 'inside/f'), 'utf8')).toBe('hello\n');
      await pods.remove('passes-on');
    } finally {
      await runCommand(['umount', '-R', path]);
    }
  });

  it('shows later mounts of the host if requested', async () => {
    const path = hostDir('propagates');
    await mkdir(join(path, 'later'), { recursive: true });
    // Mounts below this propagate, whatever the machine's root is.
    await runCommand(['mount', '--bind', path, path]);
    try {
      await runCommand(['mount', '--make-shared', path]);
      const volumes = [{ name: 'host', hostPath: { path } }];
      const follow = mount('host', { mountPropagation: 'HostToContainer' });
      const apart = mount('host', { mountPath: '/apart' });
      const pod = await pods.run(
        busybox('follows', { volumeMounts: [follow, apart] }, { volumes }),
      );
      await runCommand(['mount', '-t', 'tmpfs', 'later', join(path, 'later')]);
      const look = 'grep -c "/later " /proc/self/mounts; grep "/later " /proc/self/mounts';
      expect(await pods.exec(pod, look)).toMatch(/^1\nlater \/host\/later tmpfs /);
      await pods.remove('follows');
    } finally {
      await runCommand(['umount', '-R', path]);
    }
  });

  it('that requires an unsupported propagation shows the runtime’s error', async () => {
    const path = hostDir('alone');
    await mkdir(path);
    await runCommand(['mount', '--bind', path, path]);
    try {
      await runCommand(['mount', '--make-private', path]);
      const volumes = [{ name: 'host', hostPath: { path } }];
      const propagate = mount('host', { mountPropagation: 'Bidirectional' });
      const securityContext = { privileged: true };
      await pods.create(
        busybox('cannot', { volumeMounts: [propagate], securityContext }, { volumes }),
      );
      await pods.until('cannot', 'the container to be refused', (now) => {
        const { reason, message = '' } = statusOf(now)?.state?.waiting ?? {};
        return reason === 'CreateContainerError' && message.includes('not a shared mount');
      });
      await pods.remove('cannot');
    } finally {
      await runCommand(['umount', path]);
    }
  });
});

describe('a part of a volume', () => {
  const part = (subPath: string) => mount('disk', { mountPath: '/part', subPath });

  it('that leads out of it is refused, whatever a container changed', async () => {
    const spec: Partial<PodSpec> = {
      volumes: [{ name: 'disk', emptyDir: {} }],
      initContainers: [
        {
          name: 'trick',
          image: 'nodeagent.test/busybox:1',
          command: ['ln', '-s', '/', '/disk/way-out'],
          volumeMounts: [mount('disk')],
        },
      ],
    };
    await pods.create(busybox('tricks', { volumeMounts: [part('way-out/etc')] }, spec));
    const refused = await pods.until('tricks', 'the container to be refused', (pod) => {
      return statusOf(pod)?.state?.waiting?.reason === 'CreateContainerConfigError';
    });
    expect(statusOf(refused)?.state?.waiting?.message).toBe(
      'failed to prepare subPath for volumeMount "disk" of container "c"',
    );
    await pods.remove('tricks');
  });

  it('is created with the permissions of the volume, and found again after a restart', async () => {
    const env = [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
    const expr = mount('disk', { mountPath: '/part', subPathExpr: 'logs/$(POD)' });
    const volumeMounts = [mount('disk'), expr];
    const spec = { volumes: [{ name: 'disk', emptyDir: {} }] };
    const pod = await pods.run(busybox('parts', { env, volumeMounts }, spec));
    const script =
      'echo x > /part/f; stat -c %a /disk/logs /disk/logs/parts; cat /disk/logs/parts/f';
    expect(await pods.exec(pod, script)).toBe('777\n777\nx\n');
    const id = statusOf(pod)?.containerID?.replace('containerd://', '') ?? '';
    await node.containerd.ctr('tasks', 'kill', '--signal', 'SIGKILL', id);
    const again = await pods.until('parts', 'it to be restarted', (now) => {
      return isRunning(now) && statusOf(now)?.restartCount === 1;
    });
    expect(await pods.exec(again, 'cat /part/f')).toBe('x\n');
    await pods.remove('parts');
  });
});
