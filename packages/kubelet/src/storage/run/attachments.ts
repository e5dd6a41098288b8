import type { MeteredOperation } from '../../disks/index.js';
import { type PodUid } from '../../pod/index.js';
import { isVolumeError, VolumeError } from '../../volumes/index.js';
import { attachmentName, uniqueName } from '../model/csi-paths.js';
import type { CsiVolume, DriverRules } from '../model/csi-volume.js';
import { needsAttachment } from '../plan/driver-rules.js';
import type { ActualVolumes } from './actual-volumes.js';
import type { StorageApi } from './storage-api.js';
import { csiPlugin, type StorageMeter } from './storage-meter.js';

export interface AttachmentsOptions {
  readonly nodeName: string;
  readonly api: Pick<StorageApi, 'assertAttached' | 'attachment'>;
  readonly actual: Pick<ActualVolumes, 'persistent' | 'ready'>;
  /** Names that the Node's status reports in use: only those are safe from detachment. */
  readonly reportedInUse: () => ReadonlySet<string>;
  readonly meter: Pick<StorageMeter, 'operation'>;
  /** The attacher found no room on this node for another volume of the driver. */
  readonly onLimit: (driver: string, signal: AbortSignal) => Promise<void>;
}

/**
 * Tracks the volumes that must stay attached to this node. A volume is in use from the time a pod
 * needs it until nothing of it is mounted; the controller does not detach volumes that the Node's
 * status lists.
 */
export class Attachments {
  readonly #options: AttachmentsOptions;
  /** Unique names of the volumes that pods need, mounted or not. */
  readonly #desired = new Map<PodUid, Set<string>>();
  /** Volumes of drivers without attachment. */
  readonly #free = new Set<string>();
  #isKnown = false;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  /** After this, `inUse` includes the volumes that an earlier kubelet left mounted. */
  async open(): Promise<void> {
    await this.#options.actual.ready();
    this.#isKnown = true;
  }

  /** For the Node's `volumesInUse`; undefined until the earlier volumes are known. */
  inUse(): readonly string[] | undefined {
    if (!this.#isKnown) return undefined;
    const wanted = [...this.#desired.values()].flatMap((names) => [...names]);
    const names = new Set([...wanted, ...this.#options.actual.persistent()]);
    return [...names].filter((name) => !this.#free.has(name)).sort();
  }

  /**
   * @returns the attacher's metadata for the driver; empty for a driver without an attacher
   * @throws {VolumeError} `VOLUME_PENDING` until the volume is attached; `VOLUME_LIMIT` if the node
   *   has no room for it, and the driver tells how much it has
   */
  async attached(
    uid: PodUid,
    volume: CsiVolume,
    rules: DriverRules,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    const { driver, volumeHandle } = volume;
    const name = uniqueName(driver, volumeHandle);
    if (!needsAttachment(volume, rules)) {
      this.#free.add(name);
      return {};
    }
    this.#free.delete(name);
    const { api, nodeName, reportedInUse, onLimit, meter } = this.#options;
    this.#desired.set(uid, (this.#desired.get(uid) ?? new Set()).add(name));
    if (!reportedInUse().has(name)) {
      const text =
        "Volume has not been added to the list of VolumesInUse in the node's volume status";
      throw new VolumeError('VOLUME_PENDING', text);
    }
    const attachment = attachmentName(volumeHandle, driver, nodeName);
    try {
      return await meter.operation(verificationOf(volume), async () => {
        const metadata = await api.attachment(volumeHandle, attachment, signal);
        // After the Node's status had the volume in use: later, nothing detaches it.
        await api.assertAttached(nodeName, name, signal);
        return metadata;
      });
    } catch (error) {
      if (!isVolumeError(error, 'VOLUME_LIMIT')) throw error;
      if (rules.limitsPeriodMs === undefined) throw new VolumeError('VOLUME_SOURCE', error.message);
      await onLimit(driver, signal);
      throw error;
    }
  }

  /** The pod needs no volume any more; those still mounted stay in use. */
  forget(uid: PodUid): void {
    this.#desired.delete(uid);
  }
}

function verificationOf({ driver, migrated }: CsiVolume): MeteredOperation {
  return { plugin: csiPlugin(driver), name: 'verify_controller_attached_volume', migrated };
}
