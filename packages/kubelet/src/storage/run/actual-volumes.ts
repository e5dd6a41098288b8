import { type PathSegment, toPathSegment } from '@nodeagent/base';

import type { StorageFiles } from '../../disks/index.js';
import { parsePodUid, type PodUid } from '../../pod/index.js';
import { decodeVolData, type VolData } from '../codec/vol-data.js';
import {
  devicePlaces,
  devicesRoot,
  NOT_VOLUMES,
  podDeviceDir,
  podDevicePath,
} from '../model/csi-device-paths.js';
import {
  podCsiDir,
  stagingPath,
  stagingRoot,
  uniqueName,
  volDataPath,
} from '../model/csi-paths.js';

/** A CSI volume that a pod has on this node, or will have. */
export interface VolumeUse {
  readonly uid: PodUid;
  readonly driver: string;
  readonly volumeHandle: string;
  readonly lifecycle: 'Persistent' | 'Ephemeral';
  /** The PersistentVolume's name, which identifies devices; undefined for mounted volumes. */
  readonly device: PathSegment | undefined;
  /** The SELinux label in the options of its mounts; undefined or empty for none. */
  readonly label?: string | undefined;
}

/** A volume on this node, with or without pods. */
export type StagedVolume = Pick<VolumeUse, 'driver' | 'volumeHandle' | 'device' | 'label'>;

type ActualFiles = Pick<StorageFiles, 'names' | 'readText' | 'remove' | 'subdirectories'>;

/**
 * The actual state of the world: the CSI volumes of each pod, and the staged volumes. It is read
 * from the disk once, as any earlier kubelet left it. From then on, every change of the disk
 * updates it: a use is recorded before its driver is called, and forgotten after everything is
 * gone.
 */
export class ActualVolumes {
  readonly #rootDir: string;
  readonly #files: ActualFiles;
  readonly #onFound: (isKnown: boolean) => void;
  readonly #uses = new Map<string, Map<PodUid, VolumeUse>>();
  readonly #staged = new Map<string, StagedVolume>();
  /** Volumes of pods without a readable record, by their directory or the link to their device. */
  readonly #nameless = new Set<string>();
  #reading: Promise<void> | undefined;

  /** @param onFound called for each volume of a pod that an earlier kubelet left */
  constructor(rootDir: string, files: ActualFiles, onFound: (isKnown: boolean) => void) {
    this.#rootDir = rootDir;
    this.#files = files;
    this.#onFound = onFound;
  }

  /** Resolves when the volumes of earlier kubelets are known. */
  async ready(): Promise<void> {
    this.#reading ??= this.#read();
    try {
      await this.#reading;
    } catch (error) {
      this.#reading = undefined;
      throw error;
    }
  }

  users(driver: string, volumeHandle: string): readonly PodUid[] {
    return [...(this.#uses.get(uniqueName(driver, volumeHandle))?.keys() ?? [])];
  }

  noteUse(use: VolumeUse): void {
    const key = uniqueName(use.driver, use.volumeHandle);
    const uses = this.#uses.get(key) ?? new Map<PodUid, VolumeUse>();
    this.#uses.set(key, uses.set(use.uid, use));
  }

  ofPod(uid: PodUid): readonly VolumeUse[] {
    return [...this.#uses.values()].flatMap((uses) => uses.get(uid) ?? []);
  }

  forgetUse({
    uid,
    driver,
    volumeHandle,
  }: Pick<VolumeUse, 'uid' | 'driver' | 'volumeHandle'>): void {
    const key = uniqueName(driver, volumeHandle);
    const uses = this.#uses.get(key);
    uses?.delete(uid);
    if (uses?.size === 0) this.#uses.delete(key);
  }

  /**
   * True, the first time, for a pod's volume that had no record when the kubelet started.
   *
   * @param path its directory, or the link to its device
   */
  takeNameless(path: string): boolean {
    return this.#nameless.delete(path);
  }

  /** The SELinux label with which the volume is mounted; undefined if it is not. */
  labelOf(driver: string, volumeHandle: string): string | undefined {
    const name = uniqueName(driver, volumeHandle);
    const found = this.#staged.get(name) ?? [...(this.#uses.get(name)?.values() ?? [])][0];
    return found && (found.label ?? '');
  }

  noteStaged(volume: StagedVolume): void {
    this.#staged.set(uniqueName(volume.driver, volume.volumeHandle), volume);
  }

  forgetStaged(driver: string, volumeHandle: string): void {
    this.#staged.delete(uniqueName(driver, volumeHandle));
  }

  staged(): readonly StagedVolume[] {
    return [...this.#staged.values()];
  }

  /** Unique names of all volumes that outlive pods. */
  persistent(): readonly string[] {
    const used = [...this.#uses].filter(([, uses]) =>
      [...uses.values()].some(({ lifecycle }) => lifecycle === 'Persistent'),
    );
    return [...new Set([...used.map(([name]) => name), ...this.#staged.keys()])];
  }

  /** The number of pods' volumes, by driver. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const uses of this.#uses.values()) {
      for (const { driver } of uses.values()) counts.set(driver, (counts.get(driver) ?? 0) + 1);
    }
    return counts;
  }

  async #read(): Promise<void> {
    await this.#readStaged();
    const names = await this.#files.subdirectories(`${this.#rootDir}/pods`);
    for (const uid of names.flatMap((name) => parsePodUid(name) ?? [])) {
      const parent = podCsiDir(this.#rootDir, uid);
      for (const name of await this.#files.subdirectories(parent)) {
        const data = await this.#dataIn(`${parent}/${name}`);
        this.#found(`${parent}/${name}`, data);
        this.#foundUse(uid, data, undefined);
      }
      for (const name of await this.#files.names(podDeviceDir(this.#rootDir, uid))) {
        const device = toPathSegment(name, 'volume name');
        const data = await this.#deviceData(device);
        this.#found(podDevicePath(this.#rootDir, uid, device), data);
        this.#foundUse(uid, data, device);
      }
    }
  }

  async #readStaged(): Promise<void> {
    const root = stagingRoot(this.#rootDir);
    for (const driver of await this.#files.subdirectories(root)) {
      for (const hashed of await this.#files.subdirectories(`${root}/${driver}`)) {
        const dir = `${root}/${driver}/${hashed}`;
        const data = await this.#dataIn(dir);
        if (data === undefined) await this.#clear([stagingPath(dir), dir]);
        if (data === undefined) continue;
        const { driverName, volumeHandle, seLinuxMountContext: label } = data;
        this.noteStaged({ driver: driverName, volumeHandle, device: undefined, label });
      }
    }
    for (const name of await this.#files.subdirectories(devicesRoot(this.#rootDir))) {
      const device = toPathSegment(name, 'volume name');
      if (NOT_VOLUMES.has(name)) continue;
      const data = await this.#deviceData(device);
      const { dir, dataDir } = devicePlaces(this.#rootDir, device);
      if (data === undefined) await this.#clear([dataDir, dir]);
      if (data === undefined) continue;
      const { driverName: driver, volumeHandle } = data;
      this.noteStaged({ driver, volumeHandle, device });
      const { publishDir, mapDir } = devicePlaces(this.#rootDir, device);
      for (const dir of [publishDir, mapDir]) {
        for (const uid of await this.#files.names(dir)) {
          const parsed = parsePodUid(uid);
          if (parsed !== undefined) this.#foundUse(parsed, data, device);
        }
      }
    }
  }

  /**
   * Removes the directories of a volume that no file describes: their kubelet was killed before it
   * called the driver, or after it had finished. A directory with content, or with a mount, stays.
   */
  async #clear(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      if ((await this.#files.names(path)).length > 0) return;
      const removed = await this.#files.remove(path).then(
        () => true,
        () => false, // busy: something is mounted there
      );
      if (!removed) return;
    }
  }

  #found(path: string, data: VolData | undefined): void {
    this.#onFound(data !== undefined);
    if (data === undefined) this.#nameless.add(path);
  }

  #foundUse(uid: PodUid, data: VolData | undefined, device: PathSegment | undefined): void {
    if (data === undefined) return;
    const { driverName: driver, volumeHandle, volumeLifecycleMode, seLinuxMountContext } = data;
    const lifecycle = volumeLifecycleMode === 'Ephemeral' ? 'Ephemeral' : 'Persistent';
    const label = seLinuxMountContext;
    this.noteUse({ uid, driver, volumeHandle, lifecycle, device, label });
  }

  #deviceData(specName: PathSegment): Promise<VolData | undefined> {
    return this.#dataIn(devicePlaces(this.#rootDir, specName).dataDir);
  }

  async #dataIn(dir: string): Promise<VolData | undefined> {
    const text = await this.#files.readText(volDataPath(dir));
    return text === undefined ? undefined : decodeVolData(text);
  }
}
