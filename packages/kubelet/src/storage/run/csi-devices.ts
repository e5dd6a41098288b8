import { type PathSegment, type ScopeTask, toPathSegment } from '@nodeagent/base';
import { leavesUncertain } from '@nodeagent/csi';
import type { Pod } from '@nodeagent/kube-client';

import type { StorageFiles } from '../../disks/index.js';
import { allDone, type DeviceMaps, Turns, type VolumeOperations } from '../../disks/run/index.js';
import { type PodUid, podUid } from '../../pod/index.js';
import { VolumeError, type VolumeFiles } from '../../volumes/index.js';
import { inStep } from '../../volumes/run/index.js';
import { decodeVolData, encodeVolData, type VolData } from '../codec/vol-data.js';
import { devicePlaces, podDeviceDir, podDevicePath } from '../model/csi-device-paths.js';
import { attachmentName, podVolumeName, volDataPath } from '../model/csi-paths.js';
import type { CsiVolume } from '../model/csi-volume.js';
import { volumeContext } from '../plan/driver-rules.js';
import type { ActualVolumes, StagedVolume } from './actual-volumes.js';
import type { DriverLookup } from './csi-drivers.js';
import { capabilitiesOf, type Mounting } from './csi-mounting.js';
import type { MountedVolume } from './csi-volumes.js';
import type { Releases } from './releases.js';
import type { StorageApi } from './storage-api.js';
import { csiPlugin, type StorageMeter } from './storage-meter.js';

export interface CsiDevicesOptions {
  readonly rootDir: string;
  readonly nodeName: string;
  readonly drivers: DriverLookup;
  readonly api: Pick<StorageApi, 'secretValues'>;
  readonly actual: ActualVolumes;
  readonly releases: Pick<Releases, 'release'>;
  readonly operations: VolumeOperations;
  readonly files: StorageFiles;
  readonly volumeFiles: Pick<VolumeFiles, 'removeTree'>;
  readonly maps: DeviceMaps;
  readonly meter: StorageMeter;
}

/** The device of one pod. */
export interface MappedDevice extends MountedVolume {
  /** The link below the pod's directory; `path` is the device that the driver published. */
  readonly link: string;
  /** The pod's bind mount of the device. */
  readonly mapPath: string;
}

/**
 * Block volumes of CSI drivers: staged once for the node, published once for each pod, and mapped
 * as other kubelets do. The pod's link is created before its driver is called and removed last, so
 * the disk always shows that the pod may have the device.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_block.go
 */
export class CsiDevices {
  readonly #options: CsiDevicesOptions;
  readonly #turns = new Turns();
  readonly #staged = new Set<string>();
  /** By the path of the link. */
  readonly #mapped = new Map<string, MappedDevice>();

  constructor(options: CsiDevicesOptions) {
    this.#options = options;
  }

  /** The device that this process has mapped for the pod, if any. */
  mappedAt(pod: Pod, { specName }: CsiVolume): MappedDevice | undefined {
    return this.#mapped.get(podDevicePath(this.#options.rootDir, podUid(pod), specName));
  }

  /** @throws {VolumeError} while it cannot be mapped; {CsiError} from the driver */
  async setUp(mounting: Mounting, signal: AbortSignal): Promise<MappedDevice> {
    const { pod, volume } = mounting;
    const { specName } = volume;
    return this.#turns.take(specName, async () => {
      const known = this.mappedAt(pod, volume);
      if (known !== undefined) return known;
      const staging = await inStep('MapVolume', 'SetUpDevice', specName, () =>
        this.#stage(mounting, signal),
      );
      const mapped = await inStep('MapVolume', 'MapPodDevice', specName, () =>
        this.#publish(mounting, staging, signal),
      );
      this.#mapped.set(mapped.link, mapped);
      return mapped;
    });
  }

  /**
   * Removes all CSI devices of a pod, and unstages those that no other pod has. Safe to repeat.
   *
   * @throws if a device is still mapped for the pod; a failed unstaging is repeated without it
   */
  async tearDown(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { files, rootDir, actual } = this.#options;
    await actual.ready();
    const linked = await files.names(podDeviceDir(rootDir, uid));
    const noted = actual.ofPod(uid).flatMap(({ device }) => device ?? []);
    const names = [...new Set([...linked, ...noted])];
    await allDone(
      names.map((name) => this.#takeDown(uid, toPathSegment(name, 'volume name'), signal)),
    );
  }

  /** Removes the devices that a killed kubelet left for removed pods. */
  async sweep(signal: AbortSignal): Promise<void> {
    const { actual, files, rootDir } = this.#options;
    const works = actual.staged().flatMap(({ driver, volumeHandle, device }) => {
      if (device === undefined) return [];
      return actual.users(driver, volumeHandle).map(async (uid) => {
        const isHere = (await files.kindOf(`${rootDir}/pods/${uid}`)) !== undefined;
        if (!isHere) await this.#takeDown(uid, device, signal);
      });
    });
    await allDone(works);
  }

  /** Unstages the volume, unless a pod uses it; after a failure, it is released again later. */
  async release(volume: StagedVolume, signal: AbortSignal): Promise<void> {
    const { driver: driverName, volumeHandle, device } = volume;
    if (device === undefined) return;
    const work: ScopeTask = (inner) =>
      this.#turns.take(device, () =>
        this.#releaseIfUnused({ driverName, volumeHandle }, device, inner),
      );
    await this.#options.releases.release(volume, work, signal);
  }

  async #takeDown(uid: PodUid, device: PathSegment, signal: AbortSignal): Promise<void> {
    const data = await this.#turns.take(device, () => this.#unmap(uid, device, signal));
    if (data === undefined) return;
    const { driverName: driver, volumeHandle } = data;
    await this.release({ driver, volumeHandle, device }, signal);
  }

  /** @returns the staging path; empty for a driver that does not stage */
  async #stage(mounting: Mounting, signal: AbortSignal): Promise<string> {
    const { volume, node, capabilities, capability, publishContext } = mounting;
    const { rootDir, files, api, actual, nodeName } = this.#options;
    const { driver, volumeHandle, specName } = volume;
    const { dataDir, stagingPath } = devicePlaces(rootDir, specName);
    const stages = capabilities.has('stage-unstage-volume');
    if (this.#staged.has(stagingPath)) return stages ? stagingPath : '';
    await files.makeDirectory(dataDir);
    const data: VolData = {
      attachmentID: attachmentName(volumeHandle, driver, nodeName),
      driverName: driver,
      nodeName,
      specVolID: specName,
      volumeHandle,
    };
    actual.noteStaged({ driver, volumeHandle, device: specName });
    await files.writeText(volDataPath(dataDir), encodeVolData(data));
    if (!stages) return '';
    const secrets = await api.secretValues(volume.stageSecret, 'NodeStageSecretRef', signal);
    await files.makeDirectory(stagingPath);
    const request = {
      volumeId: volumeHandle,
      publishContext,
      stagingTargetPath: stagingPath,
      volumeCapability: capability,
      secrets,
      volumeContext: volume.attributes,
    };
    try {
      await node.stageVolume(request, signal);
    } catch (error) {
      const others = actual.users(driver, volumeHandle).length > 1;
      if (!leavesUncertain(error) && !others) await this.#forget(volume, specName);
      throw error;
    }
    this.#staged.add(stagingPath);
    return stagingPath;
  }

  async #publish(mounting: Mounting, staging: string, signal: AbortSignal): Promise<MappedDevice> {
    const { pod, volume, rules, node, capability, publishContext } = mounting;
    const { rootDir, files, api, maps } = this.#options;
    const { volumeHandle, specName } = volume;
    const uid = podUid(pod);
    const { publishDir, stagingPath, mapDir } = devicePlaces(rootDir, specName);
    const targetPath = `${publishDir}/${uid}`;
    const link = podDevicePath(rootDir, uid, specName);
    const secrets = await api.secretValues(volume.publishSecret, 'NodePublishSecretRef', signal);
    await files.link(link, targetPath);
    await files.makeDirectory(publishDir);
    await node.publishVolume(
      {
        volumeId: volumeHandle,
        publishContext,
        stagingTargetPath: stagingPath,
        targetPath,
        volumeCapability: capability,
        readonly: volume.readOnly,
        secrets,
        volumeContext: volumeContext(volume, rules, pod),
      },
      signal,
    );
    const path = await inStep('MapVolume', 'MapBlockVolume', specName, () =>
      maps.map({ device: targetPath, mapDir, pod, link, specName }, signal),
    );
    return { link, path, mapPath: `${mapDir}/${uid}`, stagingPath: staging };
  }

  /**
   * The caller has taken the turn of this volume.
   *
   * @returns the record of the volume; undefined for a device that names no driver
   */
  async #unmap(
    uid: PodUid,
    specName: PathSegment,
    signal: AbortSignal,
  ): Promise<VolData | undefined> {
    const { rootDir, files, maps, actual, drivers, operations, meter } = this.#options;
    const { dataDir, mapDir, publishDir } = devicePlaces(rootDir, specName);
    const link = podDevicePath(rootDir, uid, specName);
    const targetPath = `${publishDir}/${uid}`;
    this.#mapped.delete(link);
    const data = await this.#dataIn(dataDir);
    await maps.unmap({ mapDir, uid }, signal);
    if (data === undefined) {
      const clean = async (): Promise<void> => {
        if ((await files.kindOf(targetPath)) !== undefined) {
          const text = `${volDataPath(dataDir)} does not say which driver published ${targetPath}`;
          throw new VolumeError('VOLUME_IO', text);
        }
        await files.remove(link);
      };
      await (actual.takeNameless(link) ? meter.forcedCleaning(clean) : clean());
      return undefined;
    }
    // Also if nothing is visible: an earlier call may have been cut off while the driver was still
    // working.
    const request = { volumeId: data.volumeHandle, targetPath };
    const operation = { plugin: csiPlugin(data.driverName), name: 'unmap_volume' } as const;
    const driver = data.driverName;
    const volume = podVolumeName(uid, { driver, volumeHandle: data.volumeHandle });
    await operations.attempt(
      { ...operation, volume },
      () => drivers.node(driver).unpublishVolume(request, signal),
      signal,
    );
    await files.remove(targetPath);
    await files.remove(link);
    actual.forgetUse({ uid, driver, volumeHandle: data.volumeHandle });
    return data;
  }

  async #releaseIfUnused(
    { driverName, volumeHandle }: Pick<VolData, 'driverName' | 'volumeHandle'>,
    specName: PathSegment,
    signal: AbortSignal,
  ): Promise<void> {
    const { rootDir, files, drivers, actual, volumeFiles } = this.#options;
    if (actual.users(driverName, volumeHandle).length > 0) return;
    const { stagingPath, mapDir, publishDir } = devicePlaces(rootDir, specName);
    // Also what no kubelet can take for a pod's: the driver must not lose a device that is open.
    const others = [...(await files.names(mapDir)), ...(await files.names(publishDir))];
    if (others.length > 0) {
      const text = `the device "${mapDir}" is still referenced from other Pods [${others.join(' ')}]`;
      throw new VolumeError('VOLUME_MOUNT', text);
    }
    if ((await files.kindOf(stagingPath)) !== undefined) {
      const node = drivers.node(driverName);
      if ((await capabilitiesOf(node, signal)).has('stage-unstage-volume')) {
        const request = { volumeId: volumeHandle, stagingTargetPath: stagingPath };
        const operation = { plugin: csiPlugin(driverName), name: 'unmap_device' } as const;
        this.#staged.delete(stagingPath); // after a failure, the next pod has it staged again
        await this.#options.meter.operation(operation, () => node.unstageVolume(request, signal));
        await volumeFiles.removeTree(stagingPath);
      }
    }
    await this.#forget({ driver: driverName, volumeHandle }, specName);
  }

  /** Removes everything of the volume; the file that names its driver is removed last. */
  async #forget(
    { driver, volumeHandle }: Pick<CsiVolume, 'driver' | 'volumeHandle'>,
    specName: PathSegment,
  ): Promise<void> {
    const { rootDir, files, actual } = this.#options;
    const { dir, dataDir, mapDir, publishDir, stagingPath } = devicePlaces(rootDir, specName);
    this.#staged.delete(stagingPath);
    for (const path of [publishDir, stagingPath, mapDir]) await files.remove(path);
    await files.removeText(volDataPath(dataDir));
    for (const path of [dataDir, dir]) await files.remove(path);
    actual.forgetStaged(driver, volumeHandle);
  }

  async #dataIn(dir: string): Promise<VolData | undefined> {
    const text = await this.#options.files.readText(volDataPath(dir));
    return text === undefined ? undefined : decodeVolData(text);
  }
}
