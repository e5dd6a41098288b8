import type { Pod, Volume } from '@nodeagent/kube-client';
import { ifStarted } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PodVolumes, toPodUid } from '../../src/pod/index.js';

export type Files = Readonly<Record<string, string>>;

/** The volumes of a node, and what happens to them beside the port. */
export interface VolumesScene {
  /** The running kubelet's; another after a restart. */
  volumes(): PodVolumes;
  /** An image with a shell. */
  readonly image: string;
  /** Creates, replaces or, without data, deletes a config map or a secret in the namespace `contract`. */
  put(kind: 'configMap' | 'secret', name: string, data: Files | undefined): Promise<void>;
  /** Starts the container of a pod, where there is a runtime. */
  run(pod: Pod): Promise<void>;
  /** Ends it. */
  end(pod: Pod): Promise<void>;
  /** Files of a volume as the pod's running container sees them, or else as the node does. */
  read(pod: Pod, volume: string): Promise<Files>;
  /** Files that the pod's directory on the node shows for a volume. */
  shown(pod: Pod, volume: string): Promise<Files>;
  /** Another kubelet makes the volume's directory in the pod's, where it has one, and mounts a memory file system there. */
  mountOver(pod: Pod, volume: string): Promise<void>;
  /** Puts a link to the volume's files, as earlier versions made it, or a file in place of that directory. */
  replace(pod: Pod, volume: string, by: 'link' | 'file'): Promise<void>;
  /** Another kubelet removes the pod's directory. */
  removeDir(pod: Pod): Promise<void>;
  /** Takes from the machine all that is only in memory, and ends the kubelet. No container runs. */
  reboot(): Promise<void>;
  /** The pod's container writes a file. */
  write(pod: Pod, volume: string, file: string, text: string): Promise<void>;
  /** Somebody mounts a file system in a directory of the volume, `inner`. */
  mountInside(pod: Pod, volume: string): Promise<void>;
  /** Keeps a volume from being unmounted. @returns what lets it go */
  hold(pod: Pod, volume: string): Promise<() => Promise<void>>;
  /** Paths below the kubelet's directory, and mounts, that have the text in their name. */
  traces(text: string): Promise<readonly string[]>;
  /** Makes `pods/<name>` with a file in it, as another kubelet would. */
  leave(name: string): Promise<void>;
  /** Ends the kubelet as a kill would, and starts another. */
  restart(): Promise<void>;
  /** Events of pods, oldest first. */
  events(): readonly string[];
  close(): Promise<void>;
}

const { signal } = new AbortController();

/** Makes pods of the volumes given, which their container mounts at `/<name>`. */
class World {
  readonly scene: VolumesScene;
  #serial = 0;

  constructor(scene: VolumesScene) {
    this.scene = scene;
  }

  pod(volumes: readonly Volume[], mounted = volumes): Pod {
    this.#serial += 1;
    const name = `v${this.#serial}`;
    const script = 'trap "exit 0" TERM; while :; do sleep 0.05; done';
    return {
      metadata: { name, namespace: 'contract', uid: `uid-of-${name}`, labels: { app: 'web' } },
      spec: {
        enableServiceLinks: false,
        volumes: [...volumes],
        containers: [
          {
            name: 'c',
            image: this.scene.image,
            imagePullPolicy: 'Never',
            command: ['sh', '-c', script],
            volumeMounts: mounted.map((one) => ({ name: one.name, mountPath: `/${one.name}` })),
          },
        ],
      },
    };
  }

  prepare(pod: Pod): Promise<void> {
    return this.scene.volumes().prepare(pod, signal);
  }

  teardown(pod: Pod): Promise<void> {
    return this.scene.volumes().teardown(uidOf(pod), signal);
  }

  async onDisk(): Promise<readonly string[]> {
    return this.scene.volumes().podsOnDisk(signal);
  }

  /** A pod whose volumes are ready and whose container runs. */
  async running(...volumes: readonly Volume[]): Promise<Pod> {
    const pod = this.pod(volumes);
    await this.prepare(pod);
    await this.scene.run(pod);
    return pod;
  }

  async end(pod: Pod): Promise<void> {
    await this.scene.end(pod);
    await this.teardown(pod);
  }

  /** Prepares again, as each sync does, until the volume is as expected. */
  async becomes(pod: Pod, volume: string, files: Files): Promise<void> {
    const read = async (): Promise<Files> => {
      await this.prepare(pod);
      return this.scene.read(pod, volume);
    };
    await expect.poll(read).toEqual(files);
  }
}

function uidOf({ metadata }: Pod) {
  return toPodUid(metadata?.uid ?? '');
}

const DISK: Volume = { name: 'disk', emptyDir: {} };
const MEMORY: Volume = { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } };
const FIELDS: Volume = {
  name: 'fields',
  downwardAPI: { items: [{ path: 'app', fieldRef: { fieldPath: "metadata.labels['app']" } }] },
};
const configMap = (name: string, more: object = {}): Volume => ({
  name: `cm-${name}`,
  configMap: { name, ...more },
});
const secret = (name: string): Volume => ({ name: `s-${name}`, secret: { secretName: name } });
const projected = (name: string): Volume => ({
  name: `p-${name}`,
  projected: { sources: [{ configMap: { name } }, { secret: { name } }] },
});

/** The rules for every {@link PodVolumes}: in memory and on this machine's kernel. */
export function podVolumesContract(name: string, open: () => Promise<VolumesScene>): void {
  describe(`PodVolumes: ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      world = new World(await open());
    });
    afterAll(() => ifStarted(world)?.scene.close());
    describe('prepare', () => prepareRules(() => world));
    describe('prepare, repeated,', () => repeatRules(() => world));
    describe('prepare, when it fails,', () => failureRules(() => world));
    describe('teardown', () => teardownRules(() => world));
    describe('podsOnDisk', () => diskRules(() => world));
    describe('between kubelets,', () => handOverRules(() => world));
  });
}

function prepareRules(get: () => World): void {
  it('makes every volume that a container mounts, with its content', async () => {
    const world = get();
    await world.scene.put('configMap', 'all', { color: 'blue', size: 'L' });
    await world.scene.put('secret', 'all', { password: 'hunter2' });
    const volumes = [DISK, MEMORY, FIELDS, configMap('all'), secret('all'), projected('all')];
    const pod = await world.running(...volumes);
    const read = (volume: string): Promise<Files> => world.scene.read(pod, volume);
    expect(await read('disk')).toEqual({});
    expect(await read('memory')).toEqual({});
    expect(await read('fields')).toEqual({ app: 'web' });
    expect(await read('cm-all')).toEqual({ color: 'blue', size: 'L' });
    expect(await read('s-all')).toEqual({ password: 'hunter2' });
    expect(await read('p-all')).toEqual({ color: 'blue', size: 'L', password: 'hunter2' });
    await world.end(pod);
  });

  it('makes nothing of a volume that no container mounts', async () => {
    const world = get();
    const pod = world.pod([DISK, configMap('nowhere')], [DISK]);
    await world.prepare(pod);
    expect(await world.scene.traces('cm-nowhere')).toEqual([]);
    await world.teardown(pod);
  });

  it('makes an empty volume of what is missing and optional', async () => {
    const world = get();
    const pod = await world.running(configMap('absent', { optional: true }));
    expect(await world.scene.read(pod, 'cm-absent')).toEqual({});
    await world.scene.put('configMap', 'absent', { late: 'yes' });
    await world.becomes(pod, 'cm-absent', { late: 'yes' });
    await world.end(pod);
  });
}

function repeatRules(get: () => World): void {
  it('keeps what a container wrote', async () => {
    const world = get();
    const pod = await world.running(DISK, MEMORY);
    for (const volume of ['disk', 'memory']) await world.scene.write(pod, volume, 'kept', 'x');
    await world.prepare(pod);
    await world.scene.restart();
    await world.prepare(pod);
    for (const volume of ['disk', 'memory']) {
      expect(await world.scene.read(pod, volume)).toEqual({ kept: 'x' });
    }
    await world.end(pod);
  });

  it.each([
    ['config map', configMap('changing')],
    ['secret', secret('changing')],
    ['projection', projected('changing')],
  ] as const)('shows the changed content of a %s to containers that run', async (_, volume) => {
    const world = get();
    const put = async (data: Files): Promise<void> => {
      await world.scene.put('configMap', 'changing', data);
      await world.scene.put('secret', 'changing', data);
    };
    await put({ gone: 'soon', color: 'blue' });
    const pod = await world.running(volume);
    await world.becomes(pod, volume.name, { gone: 'soon', color: 'blue' });
    await put({ color: 'red', more: 'yes' });
    await world.becomes(pod, volume.name, { color: 'red', more: 'yes' });
    await world.end(pod);
  });

  it('keeps the content of a source that is gone', async () => {
    const world = get();
    await world.scene.put('secret', 'leaving', { password: 'hunter2' });
    const pod = await world.running(secret('leaving'));
    await world.scene.put('secret', 'leaving', undefined);
    const missing = 'secret "leaving" not found';
    const prepare = (): Promise<string> => world.prepare(pod).then(() => '', String);
    await expect.poll(prepare).toContain(missing);
    expect(await world.scene.read(pod, 's-leaving')).toEqual({ password: 'hunter2' });
    await world.end(pod);
  });

  it('makes again what was torn down', async () => {
    const world = get();
    await world.scene.put('configMap', 'again', { color: 'blue' });
    const pod = await world.running(DISK, MEMORY, configMap('again'));
    await world.scene.write(pod, 'disk', 'old', 'x');
    await world.end(pod);
    await world.prepare(pod);
    await world.scene.run(pod);
    expect(await world.scene.read(pod, 'disk')).toEqual({});
    expect(await world.scene.read(pod, 'cm-again')).toEqual({ color: 'blue' });
    await world.end(pod);
  });
}

function failureRules(get: () => World): void {
  const cases: readonly (readonly [string, Volume, string, string])[] = [
    ['source', configMap('nowhere'), 'VOLUME_SOURCE', 'configmap "nowhere" not found'],
    ['secret', secret('nowhere'), 'VOLUME_SOURCE', 'secret "nowhere" not found'],
    [
      ...([
        'path of the host',
        { name: 'h', hostPath: { path: '/no/such', type: 'Directory' } },
      ] as const),
      ...(['VOLUME_HOST_PATH', '/no/such is not a directory'] as const),
    ],
    [
      ...(['medium', { name: 'm', emptyDir: { medium: 'Tape' } }] as const),
      ...(['VOLUME_UNSUPPORTED', 'medium Tape is not supported'] as const),
    ],
    [
      ...(['kind', { name: 'k', flocker: {} } as Volume] as const),
      ...(['VOLUME_UNSUPPORTED', 'flocker volumes are not supported'] as const),
    ],
  ];
  it.each(cases)('for want of a %s says which volume and why', async (_, volume, code, why) => {
    const world = get();
    const pod = world.pod([volume]);
    await expect(world.prepare(pod)).rejects.toMatchObject({
      name: 'VolumeError',
      code,
      message: expect.stringContaining(why) as string,
    });
    const { name } = pod.metadata!;
    const told = world.scene.events().filter((line) => line.includes(`FailedMount ${name}: `));
    const step = `MountVolume.SetUp failed for volume "${volume.name}" : `;
    const unknown = `Unable to attach or mount volumes: unmounted volumes=[${volume.name}], unattached volumes=[], failed to process volumes=[${volume.name}]: `;
    const isUnknown = 'flocker' in volume;
    expect(told).toEqual([expect.stringContaining(isUnknown ? unknown : step)]);
    expect(told[0]).toContain(why);
    await world.teardown(pod);
  });

  it('makes the other volumes all the same, and the missing one later', async () => {
    const world = get();
    await world.scene.put('configMap', 'there', { color: 'blue' });
    const pod = world.pod([configMap('late'), configMap('there'), DISK]);
    await expect(world.prepare(pod)).rejects.toMatchObject({ code: 'VOLUME_SOURCE' });
    expect(await world.scene.read(pod, 'cm-there')).toEqual({ color: 'blue' });
    await world.scene.put('configMap', 'late', { color: 'red' });
    await expect.poll(() => world.prepare(pod).then(() => '', String)).toBe('');
    expect(await world.scene.read(pod, 'cm-late')).toEqual({ color: 'red' });
    await world.teardown(pod);
  });

  it('by a signal that has fired rejects with its reason', async () => {
    const reason = new Error('not wanted any more');
    const prepared = get()
      .scene.volumes()
      .prepare(get().pod([DISK]), AbortSignal.abort(reason));
    await expect(prepared).rejects.toBe(reason);
  });
}

function teardownRules(get: () => World): void {
  it('leaves nothing of the pod, and everything of the others', async () => {
    const world = get();
    await world.scene.put('configMap', 'two', { color: 'blue' });
    await world.scene.put('secret', 'two', { password: 'hunter2' });
    const volumes = [DISK, MEMORY, FIELDS, configMap('two'), secret('two'), projected('two')];
    const [going, staying] = [await world.running(...volumes), await world.running(...volumes)];
    await world.scene.write(staying, 'memory', 'kept', 'x');
    await world.end(going);
    expect(await world.scene.traces(uidOf(going))).toEqual([]);
    expect(await world.onDisk()).not.toContain(uidOf(going));
    expect(await world.onDisk()).toContain(uidOf(staying));
    expect(await world.scene.read(staying, 'memory')).toEqual({ kept: 'x' });
    expect(await world.scene.read(staying, 's-two')).toEqual({ password: 'hunter2' });
    await world.end(staying);
  });

  it('is repeated, and done for an unknown pod, without harm', async () => {
    const world = get();
    const pod = world.pod([DISK]);
    await world.teardown(pod);
    await world.prepare(pod);
    for (let i = 0; i < 2; i += 1) await world.teardown(pod);
    expect(await world.onDisk()).not.toContain(uidOf(pod));
  });

  it('unmounts what lies in a volume before the volume', async () => {
    const world = get();
    const pod = world.pod([MEMORY, DISK]);
    await world.prepare(pod);
    for (const volume of ['memory', 'disk']) await world.scene.mountInside(pod, volume);
    await world.teardown(pod);
    expect(await world.scene.traces(uidOf(pod))).toEqual([]);
  });

  it('unmounts the parts of volumes that a container was given', async () => {
    const world = get();
    const pod = world.pod([MEMORY, DISK]);
    const [container] = pod.spec!.containers;
    container!.volumeMounts = ['memory', 'disk'].map((volume) => {
      return { name: volume, mountPath: `/${volume}`, subPath: 'part/of/it' };
    });
    await world.prepare(pod);
    await world.scene.run(pod);
    await world.end(pod);
    expect(await world.scene.traces(uidOf(pod))).toEqual([]);
  });

  it('removes nothing of a pod while a volume cannot be unmounted', async () => {
    const world = get();
    const pod = world.pod([MEMORY, DISK]);
    await world.prepare(pod);
    for (const volume of ['memory', 'disk']) await world.scene.write(pod, volume, 'kept', 'x');
    const release = await world.scene.hold(pod, 'memory');
    await expect(world.teardown(pod)).rejects.toMatchObject({ code: 'VOLUME_MOUNT' });
    expect(await world.onDisk()).toContain(uidOf(pod));
    for (const volume of ['memory', 'disk']) {
      expect(await world.scene.read(pod, volume)).toEqual({ kept: 'x' });
    }
    await release();
    await world.teardown(pod);
    expect(await world.scene.traces(uidOf(pod))).toEqual([]);
  });

  it('takes down what an earlier kubelet made', async () => {
    const world = get();
    await world.scene.put('secret', 'earlier', { password: 'hunter2' });
    const pod = await world.running(DISK, MEMORY, secret('earlier'));
    await world.scene.restart();
    expect(await world.onDisk()).toContain(uidOf(pod));
    await world.end(pod);
    expect(await world.scene.traces(uidOf(pod))).toEqual([]);
  });
}

function diskRules(get: () => World): void {
  it('names pods that other kubelets left, which teardown removes', async () => {
    const world = get();
    await world.scene.leave('a-stranger');
    expect(await world.onDisk()).toContain('a-stranger');
    await world.scene.volumes().teardown(toPodUid('a-stranger'), signal);
    expect(await world.onDisk()).not.toContain('a-stranger');
    expect(await world.scene.traces('a-stranger')).toEqual([]);
  });

  it('does not name what no pod can have as its uid', async () => {
    const world = get();
    for (const name of ['.hidden', 'under_score']) await world.scene.leave(name);
    const names = await world.onDisk();
    expect(names.filter((name) => /hidden|score/.test(name))).toEqual([]);
    expect(await world.scene.traces('under_score')).not.toEqual([]);
  });
}

function handOverRules(get: () => World): void {
  const kinds: readonly (readonly [string, Volume])[] = [
    ['config map', configMap('shared')],
    ['secret', secret('shared')],
    ['projection', projected('shared')],
  ];
  const put = async ({ scene }: World, data: Files): Promise<void> => {
    await scene.put('configMap', 'shared', data);
    await scene.put('secret', 'shared', data);
  };
  /** Only for these, another kubelet mounts a file system. */
  const mounted = kinds.slice(1);

  it.each(kinds)('the directory of a %s in its pod’s shows the content', async (_, volume) => {
    const world = get();
    await put(world, { color: 'blue', gone: 'soon' });
    const pod = await world.running(volume);
    expect(await world.scene.shown(pod, volume.name)).toEqual({ color: 'blue', gone: 'soon' });
    await put(world, { color: 'red', more: 'yes' });
    await world.becomes(pod, volume.name, { color: 'red', more: 'yes' });
    expect(await world.scene.shown(pod, volume.name)).toEqual({ color: 'red', more: 'yes' });
    await world.end(pod);
  });

  it.each(mounted)('a %s that another one mounts there is kept current too', async (_, volume) => {
    const world = get();
    await put(world, { color: 'blue' });
    const pod = await world.running(volume);
    await world.scene.mountOver(pod, volume.name);
    expect(await world.scene.shown(pod, volume.name)).toEqual({});
    await world.scene.restart();
    await put(world, { color: 'red' });
    await world.becomes(pod, volume.name, { color: 'red' });
    expect(await world.scene.shown(pod, volume.name)).toEqual({ color: 'red' });
    await world.end(pod);
    expect(await world.scene.traces(uidOf(pod))).toEqual([]);
  });

  it.each(mounted)('a %s that another one has made first is used', async (_, volume) => {
    const world = get();
    await put(world, { color: 'blue' });
    const pod = world.pod([volume]);
    await world.scene.mountOver(pod, volume.name);
    await world.prepare(pod);
    await world.scene.run(pod);
    expect(await world.scene.read(pod, volume.name)).toEqual({ color: 'blue' });
    expect(await world.scene.shown(pod, volume.name)).toEqual({ color: 'blue' });
    await world.end(pod);
    expect(await world.scene.traces(uidOf(pod))).toEqual([]);
  });

  it.each(mounted)('a %s is made again after a reboot, and can be mounted', async (_, volume) => {
    const world = get();
    await put(world, { color: 'blue' });
    const pod = await world.running(volume);
    await world.scene.end(pod);
    await world.scene.reboot();
    expect(await world.scene.shown(pod, volume.name)).toEqual({});
    await world.scene.mountOver(pod, volume.name);
    await world.prepare(pod);
    expect(await world.scene.shown(pod, volume.name)).toEqual({ color: 'blue' });
    await world.scene.reboot();
    await world.prepare(pod);
    await world.scene.run(pod);
    expect(await world.scene.read(pod, volume.name)).toEqual({ color: 'blue' });
    expect(await world.scene.shown(pod, volume.name)).toEqual({ color: 'blue' });
    await world.end(pod);
  });

  it.each(['link', 'file'] as const)('a %s in a volume’s place is replaced', async (by) => {
    const world = get();
    await put(world, { color: 'blue' });
    const pod = await world.running(secret('shared'));
    await world.scene.replace(pod, 's-shared', by);
    await world.scene.restart();
    await put(world, { color: 'red' });
    await world.becomes(pod, 's-shared', { color: 'red' });
    await world.scene.mountOver(pod, 's-shared');
    await world.becomes(pod, 's-shared', { color: 'red' });
    await world.end(pod);
    expect(await world.scene.traces(uidOf(pod))).toEqual([]);
  });

  it('a pod that another one removed leaves nothing in memory', async () => {
    const world = get();
    await put(world, { color: 'blue' });
    const pod = await world.running(secret('shared'));
    await world.scene.end(pod);
    await world.scene.removeDir(pod);
    await world.scene.restart();
    expect(await world.onDisk()).toContain(uidOf(pod));
    await world.teardown(pod);
    expect(await world.scene.traces(uidOf(pod))).toEqual([]);
  });
}
