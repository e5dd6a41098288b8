import type { Clock } from '@nodeagent/base';
import type { ConfigMap, Pod, Secret } from '@nodeagent/kube-client';

import { type PodEvents, type PodUid, podUid, type PodVolumes, toPodUid } from '../pod/index.js';
import { createFieldReader } from '../runtime/run/index.js';
import { podDir } from '../volumes/index.js';
import { createPodVolumes, type PodVolumesOptions } from '../volumes/run/index.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryMounts } from './memory-mounts.js';
import { createMemoryVolumeFiles } from './memory-volume-files.js';
import { noClaimedVolumes } from './no-claimed-volumes.js';

/** Share a disk between two kubelets to simulate a restart. */
export interface MemoryPodVolumesOptions {
  readonly clock: Clock;
  readonly events: PodEvents;
  /** Holds the files of an earlier kubelet; default empty. */
  readonly disk?: MemoryDisk;
  readonly mounts?: MemoryMounts;
  /** Counts emptyDirs; default none. */
  readonly counted?: PodVolumesOptions['counted'];
}

/** The kubelet's own volumes on a disk in memory, from config maps and secrets that a test sets. */
export class MemoryPodVolumes implements PodVolumes {
  readonly rootDir = '/var/lib/kubelet';
  readonly disk: MemoryDisk;
  readonly mounts: MemoryMounts;
  /** By `<namespace>/<name>`. */
  readonly configMaps = new Map<string, ConfigMap>();
  readonly secrets = new Map<string, Secret>();
  /** The error that calls of `prepare` fail with. */
  problem: Error | undefined;
  /** Number of calls of `prepare`. */
  prepared = 0;
  readonly #volumes: PodVolumes;

  constructor(options: MemoryPodVolumesOptions) {
    const { clock, events, disk = new MemoryDisk(), mounts, counted } = options;
    this.disk = disk;
    this.mounts = mounts ?? new MemoryMounts(disk);
    const object =
      <T>(objects: ReadonlyMap<string, T>) =>
      async (namespace: string, name: string): Promise<T | undefined> =>
        objects.get(`${namespace}/${name}`);
    this.#volumes = createPodVolumes({
      rootDir: this.rootDir,
      files: createMemoryVolumeFiles(disk, this.mounts),
      mounter: this.mounts,
      claimed: noClaimedVolumes,
      objects: { configMap: object(this.configMaps), secret: object(this.secrets) },
      tokens: { token: async (pod) => `token of ${podUid(pod)}`, forget: () => undefined },
      fields: createFieldReader({ node: () => ({ hostIps: [], allocatable: {} }) }),
      events,
      clock,
      counted,
    });
  }

  /** Creates the pod's directory too, as the start of a container does on a real node. */
  async prepare(pod: Pod, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.prepared += 1;
    if (this.problem !== undefined) throw this.problem;
    this.disk.makeDirectory(podDir(this.rootDir, toPodUid(podUid(pod))));
    await this.#volumes.prepare(pod, signal);
  }

  teardown(uid: PodUid, signal: AbortSignal): Promise<void> {
    return this.#volumes.teardown(uid, signal);
  }

  podsOnDisk(signal: AbortSignal): Promise<readonly PodUid[]> {
    return this.#volumes.podsOnDisk(signal);
  }
}
