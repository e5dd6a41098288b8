import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock } from '@nodeagent/base/testing';
import {
  type ConfigMap,
  KubeError,
  type Pod,
  type Secret,
  type Volume,
} from '@nodeagent/kube-client';
import { runCommand } from '@nodeagent/testbed';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { toPodUid } from '../../src/pod/index.js';
import { MemoryPodEvents, noClaimedVolumes } from '../../src/testing/index.js';
import { createMounter } from '../../src/volumes/adapters/mounter.js';
import { createSubPaths } from '../../src/volumes/adapters/sub-path.js';
import { createVolumeFiles } from '../../src/volumes/adapters/volume-files.js';
import {
  type ClaimedVolumes,
  managedKind,
  volumeDirs,
  VolumeError,
  volumeHostPath,
  volumeName,
} from '../../src/volumes/index.js';
import {
  createContainerVolumes,
  createPodVolumes,
  shareRootDir,
} from '../../src/volumes/run/index.js';

const { signal } = new AbortController();
const mounter = createMounter();
const clock = new ManualClock();

let rootDir: string;
beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), 'volumes-'));
});
afterEach(async () => {
  for (const { path } of [...(await mounter.list())].reverse()) {
    if (path.startsWith(rootDir)) await mounter.unmount(path, signal);
  }
  await rm(rootDir, { recursive: true });
});

const podWith = (...volumes: readonly Volume[]): Pod => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u1', labels: { app: 'web' } },
  spec: {
    volumes: [...volumes],
    containers: [
      { name: 'c', volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/${name}` })) },
    ],
  },
});

describe(createPodVolumes, () => {
  let configMaps: Record<string, ConfigMap>;
  let secrets: Record<string, Secret>;
  let tokens: number;
  let events: MemoryPodEvents;
  beforeEach(() => {
    events = new MemoryPodEvents();
    configMaps = { settings: { data: { color: 'blue' }, binaryData: { bin: 'AAE=' } } };
    secrets = { password: { data: { value: Buffer.from('hunter2').toString('base64') } } };
    tokens = 0;
  });

  let newToken: () => string;
  beforeEach(() => {
    newToken = () => `token-${(tokens += 1)}`;
  });

  const volumes = (claimed: ClaimedVolumes = noClaimedVolumes) =>
    createPodVolumes({
      rootDir,
      files: createVolumeFiles(),
      mounter,
      claimed,
      clock,
      events,
      nodeMemoryBytes: () => 64 * 2 ** 20,
      objects: {
        configMap: async (_, name) => configMaps[name],
        secret: async (_, name) => secrets[name],
      },
      tokens: { token: async () => newToken(), forget: () => undefined },
      fields: {
        field: (pod, path) => (path === 'metadata.name' ? pod.metadata?.name : undefined),
        resource: (_, { resource }) => (resource === 'limits.cpu' ? '2' : undefined),
      },
    });
  const pathOf = (volume: Volume): string => volumeHostPath(rootDir, toPodUid('u1'), volume) ?? '';
  /** The directory where other kubelets have the volume. */
  const visibleOf = (volume: Volume): string => {
    const place = { kind: managedKind(volume)!, name: volumeName(volume) };
    return volumeDirs(rootDir, toPodUid('u1'), place).visible;
  };
  const fsTypeOf = async (path: string): Promise<string | undefined> =>
    (await mounter.list()).find((mount) => mount.path === path)?.fsType;
  const sharedMemory = (): string => join(rootDir, 'volumes-in-memory');
  const isInSharedMemory = async (path: string): Promise<boolean> =>
    (await stat(path)).dev === (await stat(sharedMemory())).dev;

  it('reports no event for a missing token if the API no longer has the pod', async () => {
    const status = { kind: 'Status', details: { kind: 'pod', name: 'p' } };
    newToken = () => {
      throw new KubeError('KUBE_NOT_FOUND', 'pod "p" not found', { status });
    };
    const serviceAccountToken = { path: 'token', expirationSeconds: 3607 };
    const pod = podWith({ name: 'api', projected: { sources: [{ serviceAccountToken }] } });
    await expect(volumes().prepare(pod, signal)).rejects.toThrow('pod "p" not found');
    expect(events.lines).toEqual([]);
  });

  it('prepares every kind of volume, repeatedly, and leaves nothing behind', async () => {
    const disk: Volume = { name: 'disk', emptyDir: {} };
    const memory: Volume = { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } };
    const config: Volume = { name: 'config', configMap: { name: 'settings' } };
    const secret: Volume = {
      name: 'secret',
      secret: { secretName: 'password', defaultMode: 0o400 },
    };
    const projected: Volume = {
      name: 'api',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
          { configMap: { name: 'settings', items: [{ key: 'color', path: 'color' }] } },
          {
            downwardAPI: {
              items: [
                { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
                { path: 'cpu', resourceFieldRef: { resource: 'limits.cpu', containerName: 'c' } },
              ],
            },
          },
        ],
      },
    };
    const pod = podWith(disk, memory, config, secret, projected);
    const all = volumes();
    await all.prepare(pod, signal);
    await writeFile(join(pathOf(disk), 'kept'), 'x');
    await clock.advance(10_000);
    await all.prepare(pod, signal);

    expect((await stat(pathOf(disk))).mode & 0o7777).toBe(0o777);
    expect((await stat(pathOf(memory))).mode & 0o7777).toBe(0o1777);
    expect((await stat(pathOf(secret))).mode & 0o7777).toBe(0o1777);
    expect(await readdir(pathOf(disk))).toEqual(['kept']);
    expect(await fsTypeOf(pathOf(memory))).toBe('tmpfs');
    expect(await fsTypeOf(pathOf(config))).toBeUndefined();
    expect(await fsTypeOf(sharedMemory())).toBe('tmpfs');
    expect(await isInSharedMemory(pathOf(secret))).toBe(true);
    expect(await isInSharedMemory(pathOf(projected))).toBe(true);
    expect(await isInSharedMemory(pathOf(config))).toBe(false);
    expect(await readFile(join(pathOf(config), 'bin'))).toEqual(Buffer.from([0, 1]));
    expect(await readFile(join(pathOf(secret), 'value'), 'utf8')).toBe('hunter2');
    const api = (name: string) => readFile(join(pathOf(projected), name), 'utf8');
    expect(await Promise.all(['token', 'color', 'name', 'cpu'].map(api))).toEqual([
      'token-2',
      'blue',
      'p',
      '2',
    ]);
    expect(await all.podsOnDisk(signal)).toEqual(['u1']);

    await all.teardown(toPodUid('u1'), signal);
    await all.teardown(toPodUid('u1'), signal);
    expect(await all.podsOnDisk(signal)).toEqual([]);
    expect(await readdir(join(sharedMemory(), 'pods'))).toEqual([]);
    const mounts = (await mounter.list()).map(({ path }) => path);
    expect(mounts.filter((path) => path.startsWith(rootDir))).toEqual([sharedMemory()]);
  });

  it('lays out its files as every kubelet expects them', async () => {
    const items = [
      { key: 'color', path: 'color' },
      { key: 'bin', path: 'deep/bin', mode: 0o400 },
    ];
    const pod = podWith(
      { name: 'disk', emptyDir: {} },
      { name: 'config', configMap: { name: 'settings', items } },
      { name: 'secret', secret: { secretName: 'password' } },
      { name: 'all', projected: { sources: [{ configMap: { name: 'settings', items } }] } },
    );
    await volumes().prepare(pod, signal);
    const found = await runCommand(['find', rootDir, '-mindepth', '1', '-printf', '%P %M %l\\n']);
    const times = /\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\w{6}/g;
    const lines = found.replaceAll(times, '<time>').split('\n').filter(Boolean).sort();
    await expect(lines.map((line) => `${line.trimEnd()}\n`).join('')).toMatchFileSnapshot(
      './volume-layout.txt',
    );
    await volumes().teardown(toPodUid('u1'), signal);
  });

  describe('content that must not touch a disk', () => {
    const secret: Volume = { name: 'secret', secret: { secretName: 'password' } };
    const content = () => readFile(join(pathOf(secret), 'value'), 'utf8');
    const anew = async () => {
      await clock.advance(10_000);
      await volumes().prepare(podWith(secret), signal);
    };

    it('is in one file system that only root can read, no larger than the node’s memory', async () => {
      const other: Volume = { name: 'other', secret: { secretName: 'password' } };
      await volumes().prepare(podWith(secret, other), signal);
      const mounts = (await mounter.list()).filter(({ path }) => path.startsWith(rootDir));
      expect(mounts).toHaveLength(1);
      expect((await stat(sharedMemory())).mode & 0o7777).toBe(0o750);
      const { bsize, blocks } = await statfs(sharedMemory());
      expect(bsize * blocks).toBe(64 * 2 ** 20);
    });

    it('is shown by links in the directory of other kubelets, wherever the root is mounted', async () => {
      await anew();
      const dir = visibleOf(secret);
      expect((await readdir(dir)).sort()).toEqual(['..data', 'value']);
      expect(await readlink(join(dir, '..data'))).toBe(
        '../../../../../volumes-in-memory/pods/u1/kubernetes.io~secret/secret/..data',
      );
      expect(await readlink(join(dir, 'value'))).toBe('..data/value');
      const shown = join(rootDir, 'shown');
      await mkdir(shown);
      await runCommand(['mount', '--rbind', rootDir, shown]);
      const path = join(dir.replace(rootDir, shown), 'value');
      expect(await realpath(path)).toContain('/shown/volumes-in-memory/');
      expect(await readFile(path, 'utf8')).toBe('hunter2');
      await runCommand(['umount', '--recursive', shown]);
    });

    it('is nowhere else on the disk', async () => {
      await anew();
      await mounter.unmount(sharedMemory(), signal);
      await runCommand(['sh', '-c', '! grep -r hunter2 "$1"', 'sh', rootDir]);
    });

    it('is there again after a reboot, and after another program unmounted it', async () => {
      await anew();
      await mounter.unmount(sharedMemory(), signal);
      await expect(content()).rejects.toMatchObject({ code: 'ENOENT' });
      await anew();
      expect(await content()).toBe('hunter2');
      await mounter.unmount(sharedMemory(), signal);
      expect(await readdir(sharedMemory())).toEqual([]);
    });

    it('is not left on a disk by a copy of the root directory', async () => {
      const copy = join(sharedMemory(), 'pods/u1/kubernetes.io~secret/secret');
      await mkdir(copy, { recursive: true });
      await writeFile(join(copy, 'old'), 'x');
      await anew();
      expect(await fsTypeOf(sharedMemory())).toBe('tmpfs');
      expect(await readdir(pathOf(secret))).not.toContain('old');
      await mounter.unmount(sharedMemory(), signal);
      expect(await readdir(sharedMemory())).toEqual([]);
    });

    it('replaces the remains of another kubelet’s volume', async () => {
      await mkdir(join(visibleOf(secret), '..2026/old'), { recursive: true });
      await writeFile(join(visibleOf(secret), 'value'), 'old');
      await symlink('..2026', join(visibleOf(secret), '..data'));
      await anew();
      expect((await readdir(visibleOf(secret))).sort()).toEqual(['..data', 'value']);
      expect(await readFile(join(visibleOf(secret), 'value'), 'utf8')).toBe('hunter2');
      expect(await isInSharedMemory(pathOf(secret))).toBe(true);
    });

    it('is also written where another kubelet mounted it for its containers', async () => {
      await mkdir(visibleOf(secret), { recursive: true });
      await mounter.mountTmpfs(visibleOf(secret), {}, signal);
      await anew();
      expect(await content()).toBe('hunter2');
      expect(await readFile(join(visibleOf(secret), 'value'), 'utf8')).toBe('hunter2');
      expect(await fsTypeOf(visibleOf(secret))).toBe('tmpfs');
      await volumes().teardown(toPodUid('u1'), signal);
      expect(await fsTypeOf(visibleOf(secret))).toBeUndefined();
    });

    it('stays with a pod whose directory another kubelet removed, until the pod is taken down', async () => {
      await anew();
      await rm(join(rootDir, 'pods/u1'), { recursive: true });
      expect(await volumes().podsOnDisk(signal)).toEqual(['u1']);
      await volumes().teardown(toPodUid('u1'), signal);
      expect(await volumes().podsOnDisk(signal)).toEqual([]);
    });

    it('is created again if another kubelet mounts the root directory onto itself', async () => {
      await anew();
      await runCommand(['mount', '--bind', rootDir, rootDir]);
      await expect(content()).rejects.toMatchObject({ code: 'ENOENT' });
      await anew();
      expect(await content()).toBe('hunter2');
      expect(await isInSharedMemory(pathOf(secret))).toBe(true);
      expect((await stat(sharedMemory())).dev).not.toBe((await stat(rootDir)).dev);
    });

    it('is removed with the pod even if another kubelet mounted its own volume through a link', async () => {
      await anew();
      await rm(visibleOf(secret), { recursive: true });
      await symlink(pathOf(secret), visibleOf(secret)); // as earlier versions made it
      await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', visibleOf(secret)]);
      await anew();
      expect(await content()).toBe('hunter2');
      const all = volumes();
      await all.teardown(toPodUid('u1'), signal);
      expect(await all.podsOnDisk(signal)).toEqual([]);
      expect(await readdir(join(sharedMemory(), 'pods'))).toEqual([]);
    });

    it('does not follow a link that leads elsewhere', async () => {
      const elsewhere = join(rootDir, 'elsewhere');
      await mkdir(elsewhere);
      await mkdir(join(visibleOf(secret), '..'), { recursive: true });
      await symlink(elsewhere, visibleOf(secret));
      await anew();
      expect((await lstat(visibleOf(secret))).isDirectory()).toBe(true);
      expect(await readdir(elsewhere)).toEqual([]);
      expect(await isInSharedMemory(pathOf(secret))).toBe(true);
    });
  });

  describe('in a root directory that is not shared', () => {
    const secret: Volume = { name: 'secret', secret: { secretName: 'password' } };
    const memory: Volume = { name: 'memory', emptyDir: { medium: 'Memory' } };
    const ports = { mounter, files: createVolumeFiles() };
    const own = async () => {
      return (await mounter.list()).filter(({ path }) => path.startsWith(rootDir));
    };
    let above: string;
    beforeEach(async () => {
      above = rootDir;
      await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', above]);
      await runCommand(['mount', '--make-private', above]);
      rootDir = join(above, 'kubelet');
      await mkdir(rootDir);
    });
    afterEach(() => {
      rootDir = above;
    });

    it('are visible in the shared mount', async () => {
      const all = volumes();
      await all.prepare(podWith(secret, memory), signal);
      await writeFile(join(pathOf(memory), 'kept'), 'x');
      const before = (await own()).map(({ path }) => path);
      await shareRootDir(rootDir, ports, signal);
      const mounts = await own();
      expect(mounts.map(({ path }) => path).sort()).toEqual([rootDir, ...before].sort());
      expect(mounts.every(({ isShared }) => isShared)).toBe(true);
      expect(await readFile(join(pathOf(secret), 'value'), 'utf8')).toBe('hunter2');
      expect(await readdir(pathOf(memory))).toEqual(['kept']);
      await all.teardown(toPodUid('u1'), signal);
      expect(await all.podsOnDisk(signal)).toEqual([]);
    });

    it('are shared once, even if the kubelet starts repeatedly', async () => {
      for (let start = 1; start <= 3; start += 1) await shareRootDir(rootDir, ports, signal);
      expect((await own()).map(({ path }) => path)).toEqual([rootDir]);
    });

    it('are not mounted again if the directory already is a mount', async () => {
      await runCommand(['mount', '--bind', rootDir, rootDir]);
      await shareRootDir(rootDir, ports, signal);
      expect(await own()).toMatchObject([{ path: rootDir, isShared: true }]);
    });
  });

  it('shows changes of an object in the files', async () => {
    const config: Volume = { name: 'config', configMap: { name: 'settings' } };
    const all = volumes();
    await all.prepare(podWith(config), signal);
    configMaps['settings'] = { data: { color: 'red' } };
    await clock.advance(10_000);
    await all.prepare(podWith(config), signal);
    expect(await readFile(join(pathOf(config), 'color'), 'utf8')).toBe('red');
    expect((await readdir(pathOf(config))).filter((name) => !name.startsWith('..'))).toEqual([
      'color',
    ]);
  });

  it.each([
    { volume: { configMap: { name: 'nope' } }, message: 'configmap "nope" not found' },
    { volume: { secret: { secretName: 'nope' } }, message: 'secret "nope" not found' },
    { volume: { emptyDir: { medium: 'Tape' } }, message: 'medium Tape is not supported' },
    {
      volume: { hostPath: { path: '/nope', type: 'Directory' } },
      message: '/nope is not a directory',
    },
    {
      volume: { downwardAPI: { items: [{ path: 'x', fieldRef: { fieldPath: 'spec.x' } }] } },
      message: 'downward API file x: unsupported field spec.x',
    },
  ])('names the problem: $message', async ({ volume, message }) => {
    const prepared = volumes().prepare(podWith({ name: 'v', ...volume }), signal);
    await expect(prepared).rejects.toThrow(message);
    expect(events.lines).toEqual([
      expect.stringMatching(/^Warning FailedMount p: MountVolume.SetUp failed for volume "v" : /),
    ]);
    expect(events.lines[0]).toContain(message);
  });

  it('reports a volume of an unknown kind together with its pod’s', async () => {
    const volume: Volume = { name: 'v', nfs: { server: 's', path: '/' } };
    const why = 'volume "v": nfs volumes are not supported';
    await expect(volumes().prepare(podWith(volume), signal)).rejects.toThrow(why);
    expect(events.lines).toEqual([
      `Warning FailedMount p: Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: ${why}`,
    ]);
  });

  it('reports each missing volume at every attempt, and never all of them together', async () => {
    const pod = podWith(
      { name: 'w', secret: { secretName: 'nope' } },
      { name: 'v', configMap: { name: 'nope' } },
      { name: 'fine', emptyDir: {} },
    );
    const all = volumes();
    const text =
      'unmounted volumes=[v w], unattached volumes=[], failed to process volumes=[]: secret "nope" not found';
    for (const told of [2, 4]) {
      await expect(all.prepare(pod, signal)).rejects.toThrow(text);
      expect(events.lines).toHaveLength(told);
      await clock.advance(123_000);
    }
    expect(events.lines.filter((line) => line.includes('Unable to attach'))).toEqual([]);
  });

  describe('of a driver that the node has no room for', () => {
    const volume: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'c' } };
    let problem: VolumeError | undefined;
    const all = () =>
      volumes({
        ...noClaimedVolumes,
        prepare: async () => {
          if (problem !== undefined) throw problem;
          return true;
        },
      });
    beforeEach(() => {
      const step = { operation: 'MountVolume', name: 'WaitForAttach', volume: 'pv' } as const;
      problem = new VolumeError('VOLUME_LIMIT', 'no free slot', { step });
    });

    it('are waited for, and then reject the pod', async () => {
      const mine = all();
      const prepared = () => mine.prepare(podWith(volume), signal);
      for (let waited = 0; waited < 2; waited += 1) {
        await expect(prepared()).rejects.toMatchObject({ code: 'VOLUME_LIMIT' });
        await clock.advance(61_500);
      }
      await expect(prepared()).rejects.toMatchObject({
        name: 'PodRejected',
        reason: 'VolumeAttachmentLimitExceeded',
        message:
          'Node has reached its volume attachment limit, rejecting pod. unmounted volumes=[data], unattached volumes=[data], failed to process volumes=[]: no free slot',
      });
    });

    it('do not reject it if there was room meanwhile', async () => {
      const mine = all();
      const prepared = () => mine.prepare(podWith(volume), signal);
      await expect(prepared()).rejects.toMatchObject({ code: 'VOLUME_LIMIT' });
      await clock.advance(122_000);
      const missing = problem;
      problem = undefined;
      await prepared();
      problem = missing;
      await clock.advance(20_000);
      await expect(prepared()).rejects.toMatchObject({ code: 'VOLUME_LIMIT' });
    });
  });

  it('keeps the files of a deleted object', async () => {
    const config: Volume = { name: 'config', configMap: { name: 'settings' } };
    const all = volumes();
    await all.prepare(podWith(config), signal);
    delete configMaps['settings'];
    all.expire('u1');
    await expect(all.prepare(podWith(config), signal)).rejects.toThrow('not found');
    expect(await readFile(join(pathOf(config), 'color'), 'utf8')).toBe('blue');
  });

  it('gives volumes to the group of the pod only once', async () => {
    const disk: Volume = { name: 'disk', emptyDir: {} };
    const config: Volume = { name: 'config', configMap: { name: 'settings', defaultMode: 0o400 } };
    const token: Volume = {
      name: 'token',
      projected: { sources: [{ serviceAccountToken: { path: 'token' } }] },
    };
    const pod = podWith(disk, config, token);
    pod.spec!.securityContext = { fsGroup: 3000 };
    const all = volumes();
    await all.prepare(pod, signal);
    const seen = async (volume: Volume, path = '.') => {
      const { uid, gid, mode } = await stat(join(pathOf(volume), path));
      return [uid, gid, (mode & 0o7777).toString(8)];
    };
    expect(await seen(disk)).toEqual([0, 3000, '2777']);
    expect(await seen(config, 'color')).toEqual([0, 3000, '440']);
    expect(await seen(token, 'token')).toEqual([0, 3000, '640']);

    await chmod(pathOf(disk), 0o700); // a container that closes its directory
    await clock.advance(10_000);
    await all.prepare(pod, signal);
    expect(await seen(disk)).toEqual([0, 3000, '700']);
  });

  it('lets only the user of all containers read its tokens', async () => {
    const token: Volume = {
      name: 'token',
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token' } },
          { configMap: { name: 'settings', items: [{ key: 'color', path: 'color' }] } },
        ],
      },
    };
    const pod = podWith(token);
    pod.spec!.securityContext = { runAsUser: 1000 };
    await volumes().prepare(pod, signal);
    const seen = async (path: string) => {
      const { uid, mode } = await stat(join(pathOf(token), path));
      return [uid, (mode & 0o777).toString(8)];
    };
    expect(await seen('token')).toEqual([1000, '600']);
    expect(await seen('color')).toEqual([0, '644']);
  });

  it('limits memory to that of the node', async () => {
    const memory: Volume = { name: 'memory', emptyDir: { medium: 'Memory' } };
    await volumes().prepare(podWith(memory), signal);
    const { bsize, blocks } = await statfs(pathOf(memory));
    expect(bsize * blocks).toBe(64 * 2 ** 20);
  });

  it('reports a full disk, and continues when there is room again', async () => {
    const disk = join(rootDir, 'small');
    await mkdir(disk);
    await mounter.mountTmpfs(disk, { sizeBytes: 64 * 1024 }, signal);
    rootDir = disk;
    configMaps['settings'] = { data: { large: 'x'.repeat(128 * 1024) } };
    const config: Volume = { name: 'config', configMap: { name: 'settings' } };
    const all = volumes();
    await expect(all.prepare(podWith(config), signal)).rejects.toMatchObject({ code: 'VOLUME_IO' });
    expect(events.lines[0]).toContain('ENOSPC');
    configMaps['settings'] = { data: { small: 'x' } };
    await all.prepare(podWith(config), signal);
    expect((await readdir(pathOf(config))).sort()).toEqual([
      expect.stringMatching(/^\.\.\d{4}_/) as string,
      '..data',
      'small',
    ]);
    await all.teardown(toPodUid('u1'), signal);
    rootDir = join(disk, '..');
  });

  it('treats a missing optional object as empty', async () => {
    const volume: Volume = { name: 'v', configMap: { name: 'nope', optional: true } };
    await volumes().prepare(podWith(volume), signal);
    expect((await readdir(pathOf(volume))).filter((name) => !name.startsWith('..'))).toEqual([]);
  });

  it.each(['DirectoryOrCreate', 'FileOrCreate'])('creates a hostPath of type %s', async (type) => {
    const path = join(rootDir, 'made');
    await volumes().prepare(podWith({ name: 'v', hostPath: { path, type } }), signal);
    expect((await stat(path)).isDirectory()).toBe(type === 'DirectoryOrCreate');
  });

  it('never empties a directory that it could not unmount', async () => {
    const memory: Volume = { name: 'memory', emptyDir: { medium: 'Memory' } };
    const all = volumes();
    await all.prepare(podWith(memory), signal);
    const file = join(pathOf(memory), 'data');
    await writeFile(file, 'precious');
    const busy = await import('node:fs/promises').then(({ open }) => open(file, 'r'));
    await expect(all.teardown(toPodUid('u1'), signal)).rejects.toMatchObject({
      code: 'VOLUME_MOUNT',
    });
    expect(await readFile(file, 'utf8')).toBe('precious');
    await busy.close();
    await all.teardown(toPodUid('u1'), signal);
  });

  it('unmounts below a root directory that is a link', async () => {
    const memory: Volume = { name: 'memory', emptyDir: { medium: 'Memory' } };
    const real = rootDir;
    rootDir = join(real, 'link');
    await mkdir(join(real, 'there'));
    await symlink('there', rootDir);
    const all = volumes();
    await all.prepare(podWith(memory), signal);
    await all.teardown(toPodUid('u1'), signal);
    rootDir = real;
    expect((await mounter.list()).filter(({ path }) => path.startsWith(real))).toEqual([]);
  });
});

describe(createContainerVolumes, () => {
  const volumeDir = (): string => join(rootDir, 'volume');
  const bind = async (subPath: string) => {
    await mkdir(volumeDir(), { recursive: true });
    const volumes = createContainerVolumes({
      rootDir,
      subPaths: createSubPaths(mounter),
      claimed: noClaimedVolumes,
    });
    const pod = podWith({ name: 'v', hostPath: { path: volumeDir() } });
    const container = pod.spec!.containers[0]!;
    return (await volumes.source({ pod, container, index: 0, subPath }, signal))?.hostPath ?? '';
  };

  it('yields the whole volume', async () => expect(await bind('')).toBe(volumeDir()));

  it('binds a directory that it creates, and does not mount it twice', async () => {
    const target = await bind('a/b');
    await writeFile(join(volumeDir(), 'a/b/file'), 'x');
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('x');
    await bind('a/b');
    expect((await mounter.list()).filter(({ path }) => path === target)).toHaveLength(1);
  });

  it('binds a single file', async () => {
    await mkdir(volumeDir());
    await writeFile(join(volumeDir(), 'file'), 'x');
    expect(await readFile(await bind('file'), 'utf8')).toBe('x');
  });

  it('creates missing directories with the volume’s permissions', async () => {
    await mkdir(volumeDir());
    await chmod(volumeDir(), 0o2770);
    await bind('a/b');
    const modes = ['a', 'a/b'].map(async (path) => (await stat(join(volumeDir(), path))).mode);
    expect((await Promise.all(modes)).map((mode) => mode & 0o7777)).toEqual([0o2770, 0o2770]);
  });

  it('follows links that stay inside, such as those to the keys of a config map', async () => {
    await mkdir(join(volumeDir(), '..old'), { recursive: true });
    await writeFile(join(volumeDir(), '..old/key'), 'first');
    await symlink('..old', join(volumeDir(), '..data'));
    await symlink('..data/key', join(volumeDir(), 'key'));
    expect(await readFile(await bind('key'), 'utf8')).toBe('first');
  });

  it('replaces an earlier bind mount if the name now means another place', async () => {
    await mkdir(join(volumeDir(), 'a'), { recursive: true });
    await bind('a');
    await rm(join(volumeDir(), 'a'), { recursive: true });
    await writeFile(join(volumeDir(), 'a'), 'a file now');
    const target = await bind('a');
    expect(await readFile(target, 'utf8')).toBe('a file now');
    expect((await mounter.list()).filter(({ path }) => path === target)).toHaveLength(1);
  });

  it('never shows another place, even while a container swaps names', async () => {
    const outside = join(rootDir, 'outside');
    await mkdir(join(outside, 'x'), { recursive: true });
    await mkdir(join(volumeDir(), 'dir/x'), { recursive: true });
    await writeFile(join(volumeDir(), 'dir/x/mine'), '');
    const [dir, hidden] = ['dir', 'hidden'].map((name) => join(volumeDir(), name)) as [
      string,
      string,
    ];
    const swap = async (): Promise<void> => {
      await rename(dir, hidden);
      await symlink(outside, dir);
      await unlink(dir);
      await rename(hidden, dir);
    };
    // The kubelet may have created a directory in place of `dir`.
    const recover = async (): Promise<void> => {
      await rm(dir, { recursive: true, force: true });
      await rename(hidden, dir);
    };
    const failed = () => false;
    const over = new AbortController();
    let swaps = 0;
    const attacker = (async () => {
      while (!over.signal.aborted) {
        // Either call may fail at any time: the kubelet creates directories in between.
        if (await swap().then(() => true, failed)) swaps += 1;
        else await recover().catch(failed);
      }
    })();
    try {
      for (let i = 0; i < 60; i += 1) {
        const target = await bind('dir/x').catch(() => undefined);
        if (target === undefined) continue;
        // A directory that was created while `dir` was away is in the volume too.
        expect((await stat(target)).ino).not.toBe((await stat(join(outside, 'x'))).ino);
        await mounter.unmount(target, signal);
      }
    } finally {
      over.abort();
      await attacker;
    }
    expect(swaps).toBeGreaterThan(0);
    expect(await readdir(join(outside, 'x'))).toEqual([]);
    expect(await readdir(outside)).toEqual(['x']);
  });

  it('reads the text of a file for the kubelet, but nothing outside', async () => {
    const dir = volumeDir();
    await mkdir(join(dir, 'a'), { recursive: true });
    await writeFile(join(dir, 'a/env'), "A='x'");
    await symlink('a/env', join(dir, 'inside'));
    await symlink('/etc/hostname', join(dir, 'outside'));
    await symlink('nowhere', join(dir, 'dangling'));
    await runCommand(['mkfifo', join(dir, 'pipe')]);
    await writeFile(join(dir, 'large'), Buffer.alloc(2 ** 20 + 1));
    const volumes = createContainerVolumes({
      rootDir,
      subPaths: createSubPaths(mounter),
      claimed: noClaimedVolumes,
    });
    const pod = podWith({ name: 'v', hostPath: { path: dir } });
    const read = (path: string, volume = 'v') => volumes.readFile(pod, volume, path);
    expect(await read('a/env')).toBe("A='x'");
    expect(await read('inside')).toBe("A='x'");
    for (const [path, code] of [
      ['outside', 'VOLUME_SUB_PATH'],
      ['../volume/a/env', 'VOLUME_SUB_PATH'],
      ['a', 'VOLUME_SUB_PATH'],
      ['pipe', 'VOLUME_SUB_PATH'],
      ['dangling', 'VOLUME_IO'],
      ['none', 'VOLUME_IO'],
      ['large', 'VOLUME_IO'],
    ] as const) {
      await expect(read(path)).rejects.toMatchObject({ code });
    }
    await expect(read('a/env', 'other')).rejects.toMatchObject({ code: 'VOLUME_SOURCE' });
    expect((await readdir(dir)).sort()).not.toContain('none');
  });

  it.each(['../x', '/etc', 'escape', 'escape/passwd', 'escape/new', 'dangling', 'dangling/new'])(
    'refuses to leave the volume by %s',
    async (subPath) => {
      await mkdir(volumeDir());
      await symlink('/etc', join(volumeDir(), 'escape'));
      await symlink(join(rootDir, 'nowhere'), join(volumeDir(), 'dangling'));
      await expect(bind(subPath)).rejects.toMatchObject({
        reason: 'CreateContainerConfigError',
        cause: { code: 'VOLUME_SUB_PATH' },
      });
    },
  );
});
