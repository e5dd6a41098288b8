import type { ScopeTask } from '@nodeagent/base';
import { isCsiError, leavesUncertain } from '@nodeagent/csi';
import type { Pod } from '@nodeagent/kube-client';

import type { StorageFiles } from '../../disks/index.js';
import {
  allDone,
  assertOnlyMount,
  type GroupChanges,
  isMounted,
  Turns,
  type VolumeOperations,
} from '../../disks/run/index.js';
import { messageOf, type PodUid, podUid } from '../../pod/index.js';
import { type Mounter, type TokenSource, VolumeError } from '../../volumes/index.js';
import { inStep } from '../../volumes/run/index.js';
import { decodeVolData, encodeVolData, type VolData } from '../codec/vol-data.js';
import {
  attachmentName,
  mountPath,
  podCsiDir,
  podVolumeName,
  publishDir,
  stagingDir,
  stagingPath,
  uniqueName,
  volDataPath,
} from '../model/csi-paths.js';
import type { CsiVolume } from '../model/csi-volume.js';
import { changesGroup, volumeContext } from '../plan/driver-rules.js';
import type { ActualVolumes } from './actual-volumes.js';
import type { DriverLookup } from './csi-drivers.js';
import { capabilitiesOf, type Mounting } from './csi-mounting.js';
import type { Releases } from './releases.js';
import { driverTokens } from './service-tokens.js';
import type { StorageApi } from './storage-api.js';
import { csiPlugin, type StorageMeter } from './storage-meter.js';

export interface CsiVolumesOptions {
  readonly rootDir: string;
  readonly nodeName: string;
  readonly drivers: DriverLookup;
  readonly api: Pick<StorageApi, 'secretValues'>;
  readonly actual: ActualVolumes;
  readonly releases: Pick<Releases, 'release'>;
  readonly operations: VolumeOperations;
  readonly files: StorageFiles;
  readonly groups: Pick<GroupChanges, 'give'>;
  readonly mounter: Pick<Mounter, 'list'>;
  readonly tokens: Pick<TokenSource, 'dated'>;
  readonly meter: StorageMeter;
}

type Held = Pick<CsiVolume, 'driver' | 'volumeHandle'>;

/** The paths of a volume, for calls that need both. */
export interface MountedVolume {
  readonly path: string;
  /** Empty for a driver that does not stage. */
  readonly stagingPath: string;
}

/**
 * Mounts the volumes of CSI drivers: staged once for the node, published once for each pod. Drivers
 * repeat calls safely, so memory serves only to avoid calls. The record for taking a volume down is
 * beside it on disk, where the next kubelet, even another implementation, finds it.
 */
export class CsiVolumes {
  readonly #options: CsiVolumesOptions;
  readonly #turns = new Turns();
  /** Paths that this process has seen staged or published. */
  readonly #mounted = new Set<string>();

  constructor(options: CsiVolumesOptions) {
    this.#options = options;
  }

  /** The mount that this process has made for the pod, if any. */
  mountedAt(pod: Pod, volume: CsiVolume): MountedVolume | undefined {
    const { rootDir } = this.#options;
    const path = mountPath(publishDir(rootDir, podUid(pod), volume.specName));
    if (!this.#mounted.has(path)) return undefined;
    const staging = stagingPath(stagingDir(rootDir, volume.driver, volume.volumeHandle));
    return { path, stagingPath: this.#mounted.has(staging) ? staging : '' };
  }

  /**
   * If the volume is already published, it is published again, with new tokens. The caller has
   * recorded the pod's use, so the volume is not unstaged between the two calls.
   *
   * @throws {VolumeError} while it cannot be mounted; {CsiError} from the driver
   */
  async setUp(mounting: Mounting, signal: AbortSignal): Promise<MountedVolume> {
    const { pod, volume } = mounting;
    const dir = publishDir(this.#options.rootDir, podUid(pod), volume.specName);
    const staging = await inStep('MountVolume', 'MountDevice', volume.specName, () =>
      this.#turns.take(turnOf(volume), () => this.#stage(mounting, signal)),
    );
    const path = await this.#turns.take(dir, () => this.#publish(mounting, staging, signal));
    return { path, stagingPath: staging };
  }

  /**
   * Unmounts all CSI volumes of a pod, and unstages those that no other pod has. Safe to repeat.
   *
   * @throws if a volume is still mounted for the pod; a failed unstaging is repeated without it
   */
  async tearDown(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { files, rootDir, actual } = this.#options;
    const parent = podCsiDir(rootDir, uid);
    await actual.ready();
    const names = await files.subdirectories(parent);
    await allDone(names.map((name) => this.#takeDown(uid, `${parent}/${name}`, signal)));
    // Staged for the pod, but not published.
    const staged = actual.ofPod(uid).filter(({ device }) => device === undefined);
    for (const use of staged) actual.forgetUse(use);
    await allDone(staged.map((use) => this.release(use, signal)));
  }

  /** Unstages the volume, unless a pod uses it; after a failure, it is released again later. */
  async release(volume: Held, signal: AbortSignal): Promise<void> {
    const { driver, volumeHandle } = volume;
    const work: ScopeTask = (inner) => this.#release(volume, inner);
    await this.#options.releases.release({ driver, volumeHandle, device: undefined }, work, signal);
  }

  async #takeDown(uid: PodUid, dir: string, signal: AbortSignal): Promise<void> {
    const data = await this.#turns.take(dir, () => this.#unpublish(uid, dir, signal));
    if (data === undefined) return;
    const volume = { driver: data.driverName, volumeHandle: data.volumeHandle };
    this.#options.actual.forgetUse({ uid, ...volume });
    if (data.volumeLifecycleMode !== 'Ephemeral') await this.release(volume, signal);
  }

  /** @returns the staging path; empty for a driver that does not stage */
  async #stage(mounting: Mounting, signal: AbortSignal): Promise<string> {
    const { volume, label, node, capabilities, capability, publishContext } = mounting;
    const { rootDir, files, api, actual } = this.#options;
    if (volume.lifecycle === 'Ephemeral') return '';
    const { driver, volumeHandle } = volume;
    if (!capabilities.has('stage-unstage-volume')) return '';
    const dir = stagingDir(rootDir, driver, volumeHandle);
    const path = stagingPath(dir);
    if (this.#mounted.has(path)) return path;
    const secrets = await api.secretValues(volume.stageSecret, 'NodeStageSecretRef', signal);
    await files.makeDirectory(path);
    actual.noteStaged({ driver, volumeHandle, device: undefined, label });
    const data = { driverName: driver, volumeHandle, ...labelled(label) };
    await files.writeText(volDataPath(dir), encodeVolData(data));
    const request = {
      volumeId: volumeHandle,
      publishContext,
      stagingTargetPath: path,
      volumeCapability: capability,
      secrets,
      volumeContext: volume.attributes,
    };
    try {
      await node.stageVolume(request, signal);
    } catch (error) {
      if (await this.#forgetUnlessMounted(error, dir, path)) {
        actual.forgetStaged(driver, volumeHandle);
      }
      throw error;
    }
    this.#mounted.add(path);
    return path;
  }

  async #publish(mounting: Mounting, staging: string, signal: AbortSignal): Promise<string> {
    const { pod, volume, rules, label, node, capability, publishContext } = mounting;
    const { rootDir, files, api, nodeName } = this.#options;
    const dir = publishDir(rootDir, podUid(pod), volume.specName);
    const path = mountPath(dir);
    const isFirst = !this.#mounted.has(path);
    if (!isFirst && !rules.requiresRepublish) return path; // another sync of the pod was faster
    const secrets = await api.secretValues(volume.publishSecret, 'NodePublishSecretRef', signal);
    const tokens = await driverTokens(this.#options.tokens, pod, rules, signal);
    const { driver, volumeHandle } = volume;
    if (isFirst) {
      await files.makeDirectory(dir);
      const data: VolData = {
        driverName: driver,
        volumeHandle,
        nodeName,
        attachmentID: attachmentName(volumeHandle, driver, nodeName),
        specVolID: volume.specName,
        volumeLifecycleMode: volume.lifecycle,
        ...labelled(label),
      };
      await files.writeText(volDataPath(dir), encodeVolData(data));
    }
    const request = {
      volumeId: volumeHandle,
      publishContext,
      stagingTargetPath: staging,
      targetPath: path,
      volumeCapability: capability,
      readonly: volume.readOnly,
      secrets: { ...secrets, ...tokens.secrets },
      volumeContext: { ...volumeContext(volume, rules, pod), ...tokens.context },
    };
    try {
      await node.publishVolume(request, signal);
    } catch (error) {
      // The driver may have lost what it staged; staging is safe to repeat.
      if (isCsiError(error, 'CSI_FAILED_PRECONDITION')) this.#mounted.delete(staging);
      if (isFirst) await this.#forgetUnlessMounted(error, dir, path);
      throw error;
    }
    if (isFirst) {
      await this.#assertThere(path);
      await this.#giveToGroup(mounting, path, signal);
    }
    this.#mounted.add(path);
    return path;
  }

  /** The runtime would create a missing directory, and the pod would write to the node's disk. */
  async #assertThere(path: string): Promise<void> {
    if ((await this.#options.files.kindOf(path)) !== undefined) return;
    const text = `the driver has published the volume, but there is nothing at ${path}`;
    throw new VolumeError('VOLUME_MOUNT', text);
  }

  async #giveToGroup(
    { pod, volume, rules, capabilities }: Mounting,
    path: string,
    signal: AbortSignal,
  ): Promise<void> {
    const hasGroup = pod.spec?.securityContext?.fsGroup !== undefined;
    if (!hasGroup || !changesGroup(volume, rules, capabilities)) return;
    const { meter, groups } = this.#options;
    const operation = {
      plugin: csiPlugin(volume.driver),
      name: 'volume_apply_access_control',
    } as const;
    try {
      await meter.operation(operation, () => groups.give(pod, path, signal));
    } catch (cause) {
      signal.throwIfAborted();
      const text = `applyFSGroup failed for vol ${volume.volumeHandle}: ${messageOf(cause)}`;
      throw new VolumeError('VOLUME_MOUNT', text, { cause });
    }
  }

  /** @returns the record of the publication; undefined for a directory that names no driver */
  async #unpublish(uid: PodUid, dir: string, signal: AbortSignal): Promise<VolData | undefined> {
    const { drivers, operations, actual, meter } = this.#options;
    const path = mountPath(dir);
    const data = await this.#dataOf(dir);
    if (data === undefined) {
      const clean = (): Promise<void> => this.#forgetNameless(dir, path);
      await (actual.takeNameless(dir) ? meter.forcedCleaning(clean) : clean());
      return undefined;
    }
    const request = { volumeId: data.volumeHandle, targetPath: path };
    const operation = { plugin: csiPlugin(data.driverName), name: 'volume_unmount' } as const;
    const unmount = async (): Promise<void> => {
      await drivers.node(data.driverName).unpublishVolume(request, signal);
      await this.#forget(dir, path);
    };
    const volume = podVolumeName(uid, { driver: data.driverName, volumeHandle: data.volumeHandle });
    await operations.attempt({ ...operation, volume }, unmount, signal);
    return data;
  }

  async #forgetNameless(dir: string, path: string): Promise<void> {
    if (await this.#isMounted(path)) {
      const text = `${volDataPath(dir)} does not say which driver mounted ${path}`;
      throw new VolumeError('VOLUME_IO', text);
    }
    await this.#forget(dir, path);
  }

  async #release({ driver, volumeHandle }: Held, signal: AbortSignal): Promise<void> {
    await this.#turns.take(turnOf({ driver, volumeHandle }), async () => {
      const { rootDir, drivers, actual, meter } = this.#options;
      if (actual.users(driver, volumeHandle).length > 0) return;
      const dir = stagingDir(rootDir, driver, volumeHandle);
      const path = stagingPath(dir);
      if ((await this.#dataOf(dir)) !== undefined) {
        const request = { volumeId: volumeHandle, stagingTargetPath: path };
        const operation = { plugin: csiPlugin(driver), name: 'unmount_device' } as const;
        await meter.operation(operation, async () => {
          await assertOnlyMount(path, this.#options, (other) => this.#mounted.has(other));
          this.#mounted.delete(path); // after a failure, the next pod has it staged again
          const node = drivers.node(driver);
          // A later version of the driver may not stage any more.
          if (!(await capabilitiesOf(node, signal)).has('stage-unstage-volume')) return;
          await node.unstageVolume(request, signal);
        });
      }
      await this.#forget(dir, path);
      actual.forgetStaged(driver, volumeHandle);
    });
  }

  async #dataOf(dir: string): Promise<VolData | undefined> {
    const text = await this.#options.files.readText(volDataPath(dir));
    return text === undefined ? undefined : decodeVolData(text);
  }

  /** Removes the record beside a removed mount; other content stays, and is an error. */
  async #forget(dir: string, path: string): Promise<void> {
    const { files } = this.#options;
    this.#mounted.delete(path);
    if (await this.#isMounted(path)) {
      throw new VolumeError(
        'VOLUME_MOUNT',
        `${path} is still mounted after its driver took it down`,
      );
    }
    await files.remove(path);
    await files.removeText(volDataPath(dir));
    await files.remove(dir);
  }

  /**
   * Keeps the record if the mount of an earlier kubelet is still there.
   *
   * @returns true if nothing is left
   */
  async #forgetUnlessMounted(error: unknown, dir: string, path: string): Promise<boolean> {
    if (leavesUncertain(error) || (await this.#isMounted(path))) return false;
    await this.#forget(dir, path);
    return true;
  }

  #isMounted(path: string): Promise<boolean> {
    return isMounted(path, this.#options);
  }
}

function labelled(label: string): Pick<VolData, 'seLinuxMountContext'> {
  return label === '' ? {} : { seLinuxMountContext: label };
}

function turnOf({ driver, volumeHandle }: Held): string {
  return uniqueName(driver, volumeHandle);
}
