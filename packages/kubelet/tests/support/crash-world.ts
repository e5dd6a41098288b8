import { SILENT_LOGGER, toPathSegment } from '@nodeagent/base';
import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import { CsiError, type CsiErrorCode, type CsiServices } from '@nodeagent/csi';
import {
  CSI_DRIVERS,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type Pod,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';

import type { StorageFiles } from '../../src/disks/index.js';
import { toPodUid } from '../../src/pod/index.js';
import { openStorage, type Storage } from '../../src/storage/run/index.js';

export const ROOT = '/kubelet';
const never = new AbortController().signal;
const DRIVER = 'd.csi.example.com';

/** A call that changes the machine, as a process makes it: a fuse ends the process at one of them. */
export interface Fuse {
  /** Counted from 1. */
  readonly step: number;
  /** The call that ends it takes effect, or not: `before` means not. */
  readonly effect: 'before' | 'after';
}

type PathKind = NonNullable<Awaited<ReturnType<StorageFiles['kindOf']>>>;
type Entry = Readonly<{ kind: PathKind; text?: string; target?: string }>;
type Node = CsiServices['node'];

/**
 * A machine with one CSI driver, and one kubelet after another on it. The machine notices what must never
 * happen: a volume that is unstaged while it is published, a directory removed with a mount in it.
 */
export class CrashWorld {
  readonly entries = new Map<string, Entry>([[ROOT, { kind: 'directory' }]]);
  readonly mounts = new Set<string>();
  readonly loops = new Set<string>();
  readonly staged = new Set<string>();
  readonly published = new Set<string>();
  readonly wrongs: string[] = [];
  /** Calls of the driver, by name. */
  readonly calls: string[] = [];
  readonly #mode: 'Filesystem' | 'Block';
  readonly #clock = new ManualClock();
  readonly #api: MemoryKubeClient = createMemoryKubeClient({ clock: this.#clock });
  readonly #failures = new Map<string, CsiErrorCode[]>();
  #steps = 0;
  #fuse: Fuse | undefined;
  #isDead = false;

  constructor(mode: 'Filesystem' | 'Block') {
    this.#mode = mode;
  }

  /** The objects of one bound claim. */
  async open(): Promise<void> {
    const api = this.#api;
    await api.create(NODES, { metadata: { name: 'node-1' } }, never);
    const spec = { attachRequired: false };
    await api.create(CSI_DRIVERS, { metadata: { name: DRIVER }, spec }, never);
    const claim = await api.create(
      PERSISTENT_VOLUME_CLAIMS,
      {
        metadata: { name: 'c', namespace: 'ns' },
        spec: { volumeName: 'pv' },
        status: { phase: 'Bound', capacity: { storage: '1' } },
      },
      never,
    );
    const uid = claim.metadata?.uid ?? '';
    await api.create(
      PERSISTENT_VOLUMES,
      {
        metadata: { name: 'pv' },
        spec: {
          volumeMode: this.#mode,
          capacity: { storage: '1' },
          claimRef: { name: 'c', namespace: 'ns', uid },
          csi: { driver: DRIVER, volumeHandle: 'h' },
        },
      },
      never,
    );
  }

  get steps(): number {
    return this.#steps;
  }

  /** The next calls of this method fail, in this order. */
  failNext(method: string, ...codes: readonly CsiErrorCode[]): void {
    this.#failures.set(method, [...codes]);
  }

  /** A kubelet that starts on what is there. */
  boot(fuse?: Fuse): Kubelet {
    this.#fuse = fuse;
    this.#steps = 0;
    this.#isDead = false;
    const storage = openStorage({
      ...{ rootDir: ROOT, nodeName: 'node-1', client: this.#api, standalone: false },
      node: {
        registered: () => ({ metadata: { name: 'node-1' } }),
        known: async () => undefined,
        report: () => undefined,
      },
      onAttached: () => undefined,
      objects: { secret: async () => undefined },
      tokens: { dated: () => Promise.reject(new Error('no tokens')) },
      events: { normal: () => undefined, warning: () => undefined },
      recorder: { record: () => undefined },
      fileSystem: async () => undefined,
      asksHealth: false,
      selinux: { policy: undefined, everyMode: false },
      metrics: new MemoryMetrics(),
      sockets: {
        list: async () => [{ path: '/reg.sock', identity: '1' }],
        openRegistration: () => ({
          getInfo: async () => ({
            type: 'CSIPlugin',
            name: DRIVER,
            endpoint: '/csi.sock',
            supportedVersions: ['1.0.0'],
          }),
          notifyRegistrationStatus: async () => ({}),
          close: () => undefined,
        }),
        openDriver: () => ({ node: this.#driver(), close: () => undefined }),
      },
      files: this.#files(),
      loops: {
        attach: (path) => this.#change(() => void this.loops.add(path)).then(() => '/dev/loop0'),
        detach: (path) => this.#change(() => void this.loops.delete(path)),
      },
      commands: { run: async () => ({ exitCode: 0, output: '' }) },
      volumeFiles: {
        changeGroup: async () => undefined,
        checkHostPath: async () => undefined,
        removeTree: (path) => this.#change(() => this.#removeTree(path)),
      },
      mounter: {
        list: async () =>
          [...this.mounts].map((path) => ({
            ...{ path, device: '', root: path, fsType: '', options: [], isShared: false },
          })),
        bind: (_, target) =>
          this.#change(() => {
            this.mounts.add(target);
            this.entries.set(target, { kind: 'block device' });
          }),
        unmount: (path) =>
          this.#change(() => {
            this.mounts.delete(path);
            this.entries.set(path, { kind: 'file' });
          }),
      },
      clock: this.#clock,
      log: SILENT_LOGGER,
    });
    return new Kubelet(storage, this.#clock);
  }

  /** Everything that a volume leaves, beside the directories that stay for the next one. */
  leftovers(): readonly string[] {
    const shared = ['', '/staging', '/publish'].map(
      (name) => `${ROOT}/plugins/kubernetes.io/csi/volumeDevices${name}`,
    );
    const kept = new Set([...shared, `${ROOT}/plugins/kubernetes.io/csi/${DRIVER}`]);
    const below = `${ROOT}/plugins/kubernetes.io/csi/`;
    return [
      ...[...this.entries.keys()].filter((path) => path.startsWith(below) && !kept.has(path)),
      ...this.mounts,
      ...this.loops,
      ...[...this.staged].map((id) => `staged ${id}`),
      ...[...this.published].map((path) => `published ${path}`),
    ];
  }

  hasPodDir(uid: string): boolean {
    return this.entries.has(`${ROOT}/pods/${uid}`);
  }

  /** One step of the process: the effect is the machine's, whatever becomes of the process. */
  async #change(effect: () => void): Promise<void> {
    if (this.#isDead) throw new Error('killed');
    this.#steps += 1;
    const isLast = this.#fuse?.step === this.#steps;
    if (isLast) this.#isDead = true;
    if (isLast && this.#fuse?.effect === 'before') throw new Error('killed');
    effect();
    if (isLast) throw new Error('killed');
  }

  #driver(): Node {
    const answer = async (method: string, effect: () => void): Promise<Record<string, never>> => {
      this.calls.push(method);
      const code = this.#failures.get(method)?.shift();
      if (code !== undefined) throw new CsiError(code, `${method} fails`);
      await this.#change(effect);
      return {};
    };
    const isBlock = this.#mode === 'Block';
    return {
      getInfo: async () => ({
        nodeId: 'n',
        maxVolumesPerNode: 0,
        accessibleTopology: undefined,
      }),
      getCapabilities: async () => {
        const type = { kind: 'rpc', value: { type: 'stage-unstage-volume' } } as const;
        return { capabilities: [{ type }] };
      },
      getVolumeStats: async () => ({ usage: [], volumeCondition: undefined }),
      expandVolume: async () => ({ capacityBytes: 0 }),
      stageVolume: ({ volumeId = '', stagingTargetPath = '' }) =>
        answer('stage', () => {
          this.staged.add(volumeId);
          if (!isBlock) this.mounts.add(stagingTargetPath);
        }),
      publishVolume: ({ volumeId = '', targetPath = '' }) =>
        answer('publish', () => {
          if (!this.staged.has(volumeId)) this.wrongs.push(`${targetPath} published, not staged`);
          this.published.add(targetPath);
          this.mounts.add(targetPath);
          this.entries.set(targetPath, { kind: isBlock ? 'block device' : 'directory' });
        }),
      unpublishVolume: ({ targetPath = '' }) =>
        answer('unpublish', () => {
          this.published.delete(targetPath);
          this.mounts.delete(targetPath);
          this.entries.delete(targetPath);
        }),
      unstageVolume: ({ volumeId = '', stagingTargetPath = '' }) =>
        answer('unstage', () => {
          if (this.published.size > 0) this.wrongs.push('unstaged while published');
          this.staged.delete(volumeId);
          this.mounts.delete(stagingTargetPath);
        }),
    };
  }

  #files(): StorageFiles {
    const { entries } = this;
    const names = (path: string): readonly string[] => {
      const inside = [...entries.keys()].filter((one) => one.startsWith(`${path}/`));
      return [...new Set(inside.map((one) => one.slice(path.length + 1).split('/')[0] ?? ''))];
    };
    return {
      makeDirectory: (path) => this.#change(() => this.#makeDirectory(path)),
      makeFile: (path) =>
        this.#change(() => {
          if (!entries.has(path)) entries.set(path, { kind: 'file' });
        }),
      link: (path, target) =>
        this.#change(() => {
          this.#makeDirectory(path.slice(0, path.lastIndexOf('/')));
          entries.set(path, { kind: 'link', target });
        }),
      readText: async (path) => entries.get(path)?.text,
      writeText: (path, text) => this.#change(() => void entries.set(path, { kind: 'file', text })),
      removeText: (path) => this.#change(() => void entries.delete(path)),
      remove: (path) =>
        this.#change(() => {
          if (this.mounts.has(path)) this.wrongs.push(`${path} removed while mounted`);
          if (names(path).length > 0) throw new Error(`ENOTEMPTY: ${path}`);
          entries.delete(path);
        }),
      subdirectories: async (path) =>
        names(path).filter((name) => entries.get(`${path}/${name}`)?.kind === 'directory'),
      names: async (path) => names(path),
      kindOf: async (path) => entries.get(path)?.kind,
      groupOf: async () => 0,
      realPath: async (path) => entries.get(path)?.target ?? path,
    };
  }

  #makeDirectory(path: string): void {
    for (let at = ROOT.length; at > 0; at = path.indexOf('/', at + 1)) {
      const parent = path.slice(0, at);
      if (!this.entries.has(parent)) this.entries.set(parent, { kind: 'directory' });
    }
    if (!this.entries.has(path)) this.entries.set(path, { kind: 'directory' });
  }

  #removeTree(path: string): void {
    for (const one of [...this.mounts]) {
      if (one.startsWith(path)) this.wrongs.push(`${one} removed while mounted`);
    }
    for (const one of [...this.entries.keys()]) {
      if (one === path || one.startsWith(`${path}/`)) this.entries.delete(one);
    }
  }
}

/** One run of a kubelet's storage; a killed one fails every call from then on. */
export class Kubelet {
  readonly #storage: Storage;
  readonly #stop = new AbortController();
  readonly #clock: ManualClock;

  constructor(storage: Storage, clock: ManualClock) {
    this.#storage = storage;
    this.#clock = clock;
    for (const task of storage.tasks) void task(this.#stop.signal).catch(() => undefined);
  }

  /** @returns the path that containers get */
  async mount(uid: string, mode: 'Filesystem' | 'Block'): Promise<string | undefined> {
    await this.#registered();
    return this.mountNow(uid, mode);
  }

  /** Without the second in which drivers are registered. */
  async mountNow(uid: string, mode: 'Filesystem' | 'Block'): Promise<string | undefined> {
    const use =
      mode === 'Block'
        ? { volumeDevices: [{ name: 'data', devicePath: '/dev/data' }] }
        : { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
    const volume = { name: 'data', persistentVolumeClaim: { claimName: 'c' } };
    const pod: Pod = {
      metadata: { name: uid, namespace: 'ns', uid },
      spec: { volumes: [volume], containers: [{ name: 'c', ...use }] },
    };
    await this.#storage.volumes.prepare(pod, volume, never);
    return this.placeOf(uid);
  }

  async wait(ms: number): Promise<void> {
    await this.#clock.advance(ms);
    await settled();
  }

  placeOf(uid: string): string | undefined {
    const { volumes } = this.#storage;
    return (volumes.placeOf(uid, 'data') ?? volumes.deviceOf(uid, 'data'))?.hostPath;
  }

  async unmount(uid: string): Promise<void> {
    await this.#registered();
    await this.#storage.volumes.teardown(toPodUid(toPathSegment(uid, 'uid')), never);
  }

  /** Resolves after one search for unused volumes. */
  async sweep(): Promise<void> {
    await this.#registered();
    await this.#clock.advance(61_000);
    await settled();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #registered(): Promise<void> {
    await settled();
    await this.#clock.advance(1000);
    await settled();
  }
}

/** Everything that can go on has gone on: nothing here waits for more than its turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
}
