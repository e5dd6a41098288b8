import {
  type CsiServices,
  leavesUncertain,
  type NodeCapability,
  type VolumeCapability,
} from '@nodeagent/csi';
import type { Pod } from '@nodeagent/kube-client';

import { parsePodUid, type PodUid, podUid } from '../../pod/index.js';
import { type Mounter, VolumeError, type VolumeFiles } from '../../volumes/index.js';
import { decodeVolData, encodeVolData, type VolData } from '../codec/vol-data.js';
import {
  attachmentName,
  mountPath,
  podCsiDir,
  publishDir,
  stagingDir,
  stagingPath,
  stagingRoot,
  uniqueName,
  volDataPath,
} from '../model/csi-paths.js';
import type { CsiVolume, DriverRules } from '../model/csi-volume.js';
import { volumeCapability } from '../plan/capability.js';
import {
  assertLifecycle,
  changesGroup,
  needsAttachment,
  volumeContext,
} from '../plan/driver-rules.js';
import type { StorageFiles } from '../ports.js';
import type { DriverLookup } from './csi-drivers.js';
import type { StorageApi } from './storage-api.js';
import { Turns } from './turns.js';

export interface CsiVolumesOptions {
  readonly rootDir: string;
  readonly nodeName: string;
  readonly drivers: DriverLookup;
  readonly api: StorageApi;
  readonly files: StorageFiles;
  readonly volumeFiles: Pick<VolumeFiles, 'changeGroup'>;
  readonly mounter: Pick<Mounter, 'list'>;
  /** Names that the Node's status says are in use: only those are safe from being detached. */
  readonly reportedInUse: () => ReadonlySet<string>;
}

/** A volume that is being mounted, with what its driver says. */
interface Mounting {
  readonly pod: Pod;
  readonly volume: CsiVolume;
  readonly rules: DriverRules;
  readonly node: CsiServices['node'];
  readonly capabilities: ReadonlySet<NodeCapability>;
  readonly capability: VolumeCapability;
  readonly publishContext: Readonly<Record<string, string>>;
}

/**
 * Mounts the volumes of CSI drivers: staged once for the node, published once for each pod. Drivers
 * repeat what they did already, so nothing has to be remembered but what keeps a call from being made;
 * what has to be known to take a volume down again lies beside it on disk, where the next kubelet, also
 * another one, finds it.
 */
export class CsiVolumes {
  readonly #options: CsiVolumesOptions;
  readonly #turns = new Turns();
  /** Paths that this process has seen staged or published. */
  readonly #mounted = new Set<string>();
  /** Unique names of volumes that must not be detached. */
  readonly #inUse = new Set<string>();
  #isInUseKnown = false;

  constructor(options: CsiVolumesOptions) {
    this.#options = options;
  }

  /** For the Node's `volumesInUse`; undefined until what was there before is known. */
  volumesInUse(): readonly string[] | undefined {
    return this.#isInUseKnown ? [...this.#inUse].sort() : undefined;
  }

  /** Counts as in use what an earlier kubelet left mounted. */
  async recover(): Promise<void> {
    for (const { data } of await this.#staged()) {
      this.#inUse.add(uniqueName(data.driverName, data.volumeHandle));
    }
    this.#isInUseKnown = true;
  }

  /**
   * @returns where the volume is mounted for this pod
   * @throws {VolumeError} while it cannot be mounted; {CsiError} with what the driver answered
   */
  async setUp(pod: Pod, volume: CsiVolume, signal: AbortSignal): Promise<string> {
    const { drivers, api, rootDir } = this.#options;
    const dir = publishDir(rootDir, podUid(pod), volume.specName);
    const rules = await api.driverRules(volume.driver, signal);
    assertLifecycle(volume, rules);
    if (this.#mounted.has(mountPath(dir)) && !rules.requiresRepublish) return mountPath(dir);
    const node = drivers.node(volume.driver);
    const { capabilities: said } = await node.getCapabilities({}, signal);
    const capabilities = new Set(said.flatMap(({ type }) => type?.value.type ?? []));
    const fsGroup = pod.spec?.securityContext?.fsGroup;
    const publishContext = await this.#attached(volume, rules, signal);
    const mounting: Mounting = {
      ...{ pod, volume, rules, node, capabilities, publishContext },
      capability: volumeCapability(volume, capabilities, fsGroup),
    };
    const staging = await this.#turns.take(turnOf(volume), () => this.#stage(mounting, signal));
    return this.#turns.take(dir, () => this.#publish(mounting, staging, signal));
  }

  /** Takes down all CSI volumes of a pod, and unstages those that no other pod has. Safe to repeat. */
  async tearDown(uid: PodUid, signal: AbortSignal): Promise<void> {
    const { files, rootDir } = this.#options;
    const parent = podCsiDir(rootDir, uid);
    for (const name of await files.subdirectories(parent)) {
      const dir = `${parent}/${name}`;
      const data = await this.#turns.take(dir, () => this.#unpublish(dir, signal));
      if (data === undefined || data.volumeLifecycleMode === 'Ephemeral') continue;
      await this.#turns.take(
        turnOf({ driver: data.driverName, volumeHandle: data.volumeHandle }),
        () => this.#unstageIfUnused(data, signal),
      );
    }
  }

  /** Unstages what a kubelet that was killed left staged for nobody. */
  async sweep(signal: AbortSignal): Promise<void> {
    for (const { data } of await this.#staged()) {
      const turn = turnOf({ driver: data.driverName, volumeHandle: data.volumeHandle });
      await this.#turns.take(turn, () => this.#unstageIfUnused(data, signal));
    }
  }

  /** @returns what the attachment says that the driver needs; nothing for a driver without one */
  async #attached(
    volume: CsiVolume,
    rules: DriverRules,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    if (!needsAttachment(volume, rules)) return {};
    const { api, nodeName, reportedInUse } = this.#options;
    const { driver, volumeHandle } = volume;
    const name = uniqueName(driver, volumeHandle);
    this.#inUse.add(name);
    if (!reportedInUse().has(name)) {
      const text =
        "Volume has not been added to the list of VolumesInUse in the node's volume status";
      throw new VolumeError('VOLUME_PENDING', text);
    }
    return api.attachment(volumeHandle, attachmentName(volumeHandle, driver, nodeName), signal);
  }

  /** @returns the staging path; empty for a driver that does not stage */
  async #stage(mounting: Mounting, signal: AbortSignal): Promise<string> {
    const { volume, node, capabilities, capability, publishContext } = mounting;
    const { rootDir, files, api } = this.#options;
    if (volume.lifecycle === 'Ephemeral') return '';
    if (!capabilities.has('stage-unstage-volume')) return '';
    const dir = stagingDir(rootDir, volume.driver, volume.volumeHandle);
    const path = stagingPath(dir);
    if (this.#mounted.has(path)) return path;
    const secrets = await api.secretValues(volume.stageSecret, 'NodeStageSecretRef', signal);
    await files.makeDirectory(path);
    const { driver, volumeHandle } = volume;
    await files.writeText(volDataPath(dir), encodeVolData({ driverName: driver, volumeHandle }));
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
      await this.#forgetUnlessMounted(error, dir, path);
      throw error;
    }
    this.#mounted.add(path);
    return path;
  }

  async #publish(mounting: Mounting, staging: string, signal: AbortSignal): Promise<string> {
    const { pod, volume, rules, node, capability, publishContext } = mounting;
    const { rootDir, files, api, nodeName } = this.#options;
    const dir = publishDir(rootDir, podUid(pod), volume.specName);
    const path = mountPath(dir);
    const isFirst = !this.#mounted.has(path);
    if (!isFirst && !rules.requiresRepublish) return path; // another sync of the pod was faster
    const secrets = await api.secretValues(volume.publishSecret, 'NodePublishSecretRef', signal);
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
      secrets,
      volumeContext: volumeContext(volume, rules, pod),
    };
    try {
      await node.publishVolume(request, signal);
    } catch (error) {
      if (isFirst) await this.#forgetUnlessMounted(error, dir, path);
      throw error;
    }
    if (isFirst) await this.#giveToGroup(mounting, path);
    this.#mounted.add(path);
    return path;
  }

  async #giveToGroup({ pod, volume, rules, capabilities }: Mounting, path: string): Promise<void> {
    const { fsGroup: gid, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
    if (gid === undefined || !changesGroup(volume, rules, capabilities)) return;
    const policy = fsGroupChangePolicy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always';
    await this.#options.volumeFiles.changeGroup(path, { gid, policy, readOnly: false });
  }

  /** @returns what was published there; undefined for a directory that no driver has mounted in */
  async #unpublish(dir: string, signal: AbortSignal): Promise<VolData | undefined> {
    const { drivers } = this.#options;
    const path = mountPath(dir);
    const data = await this.#dataOf(dir);
    if (data === undefined) {
      if (await this.#isMounted(path)) {
        throw new VolumeError(
          'VOLUME_IO',
          `${volDataPath(dir)} does not say which driver mounted ${path}`,
        );
      }
      await this.#forget(dir, path);
      return undefined;
    }
    const request = { volumeId: data.volumeHandle, targetPath: path };
    await drivers.node(data.driverName).unpublishVolume(request, signal);
    await this.#forget(dir, path);
    return data;
  }

  async #unstageIfUnused(
    { driverName, volumeHandle }: VolData,
    signal: AbortSignal,
  ): Promise<void> {
    const { rootDir, drivers } = this.#options;
    if (await this.#isPublished(driverName, volumeHandle)) return;
    const dir = stagingDir(rootDir, driverName, volumeHandle);
    const path = stagingPath(dir);
    if ((await this.#dataOf(dir)) !== undefined) {
      const request = { volumeId: volumeHandle, stagingTargetPath: path };
      await drivers.node(driverName).unstageVolume(request, signal);
    }
    await this.#forget(dir, path);
    this.#inUse.delete(uniqueName(driverName, volumeHandle));
  }

  /** Looks at the disk: a pod whose worker has not come to it yet has it all the same. */
  async #isPublished(driver: string, volumeHandle: string): Promise<boolean> {
    const { files, rootDir } = this.#options;
    for (const name of await files.subdirectories(`${rootDir}/pods`)) {
      const uid = parsePodUid(name);
      if (uid === undefined) continue;
      const parent = podCsiDir(rootDir, uid);
      for (const specName of await files.subdirectories(parent)) {
        const data = await this.#dataOf(`${parent}/${specName}`);
        if (data?.driverName === driver && data.volumeHandle === volumeHandle) return true;
      }
    }
    return false;
  }

  async #staged(): Promise<readonly { readonly dir: string; readonly data: VolData }[]> {
    const { files, rootDir } = this.#options;
    const root = stagingRoot(rootDir);
    const found: { readonly dir: string; readonly data: VolData }[] = [];
    for (const driver of await files.subdirectories(root)) {
      for (const hashed of await files.subdirectories(`${root}/${driver}`)) {
        const dir = `${root}/${driver}/${hashed}`;
        const data = await this.#dataOf(dir);
        if (data !== undefined) found.push({ dir, data });
      }
    }
    return found;
  }

  async #dataOf(dir: string): Promise<VolData | undefined> {
    const text = await this.#options.files.readText(volDataPath(dir));
    return text === undefined ? undefined : decodeVolData(text);
  }

  /** Removes what lies beside a mount that is gone; anything in its place stays, and is an error. */
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
    await files.remove(volDataPath(dir));
    await files.remove(dir);
  }

  /** What an earlier kubelet had mounted stays, with what is needed to take it down. */
  async #forgetUnlessMounted(error: unknown, dir: string, path: string): Promise<void> {
    if (leavesUncertain(error) || (await this.#isMounted(path))) return;
    await this.#forget(dir, path);
  }

  async #isMounted(path: string): Promise<boolean> {
    return (await this.#options.mounter.list()).some((mount) => mount.path === path);
  }
}

function turnOf({ driver, volumeHandle }: Pick<CsiVolume, 'driver' | 'volumeHandle'>): string {
  return uniqueName(driver, volumeHandle);
}
