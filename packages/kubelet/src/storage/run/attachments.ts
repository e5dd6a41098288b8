import type { Node } from '@nodeagent/kube-client';

import type { MeteredOperation } from '../../disks/index.js';
import { type PodUid } from '../../pod/index.js';
import { isVolumeError, VolumeError } from '../../volumes/index.js';
import { attachmentName, uniqueName } from '../model/csi-paths.js';
import type { CsiVolume, DriverRules } from '../model/csi-volume.js';
import { isAttachedTo, needsAttachment, notAttached } from '../plan/driver-rules.js';
import type { ActualVolumes } from './actual-volumes.js';
import type { StorageApi } from './storage-api.js';
import { csiPlugin, type StorageMeter } from './storage-meter.js';

export interface AttachmentsOptions {
  readonly nodeName: string;
  readonly api: Pick<StorageApi, 'assertAttached' | 'attachment'>;
  readonly actual: Pick<ActualVolumes, 'persistent' | 'ready'>;
  /** The Node as watched: it may be a moment behind the API. */
  readonly node: () => Node | undefined;
  /** `inUse` has changed: attacher and detacher wait for the Node's status. */
  readonly onInUse: () => void;
  /** A volume that this pod waits for is in use for the Node, and attached. */
  readonly onAttached: (uid: PodUid) => void;
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
  /** Unique names of the volumes that are not attached yet. */
  readonly #awaited = new Map<PodUid, Set<string>>();
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
    const { onInUse, onLimit, meter } = this.#options;
    if (addTo(this.#desired, uid, name)) onInUse();
    addTo(this.#awaited, uid, name);
    // Only volumes that the Node's status reports in use are safe from detachment.
    if (!this.#isInUse(name)) {
      const text =
        "Volume has not been added to the list of VolumesInUse in the node's volume status";
      throw new VolumeError('VOLUME_PENDING', text);
    }
    try {
      const metadata = await meter.operation(verificationOf(volume), () =>
        this.#verify(volume, name, signal),
      );
      this.#awaited.get(uid)?.delete(name);
      return metadata;
    } catch (error) {
      if (!isVolumeError(error, 'VOLUME_LIMIT')) throw error;
      if (rules.limitsPeriodMs === undefined) throw new VolumeError('VOLUME_SOURCE', error.message);
      await onLimit(driver, signal);
      throw error;
    }
  }

  /** The pod needs no volume any more; those still mounted stay in use. */
  forget(uid: PodUid): void {
    this.#awaited.delete(uid);
    if (this.#desired.delete(uid)) this.#options.onInUse();
  }

  /** The watched Node has changed. */
  nodeChanged(): void {
    for (const [uid, names] of this.#awaited) {
      if ([...names].some((name) => this.#isInUse(name) && this.#isAttached(name))) {
        this.#options.onAttached(uid);
      }
    }
  }

  /**
   * Asks the API about the attachment and, unless the watched Node already denies it, about the Node.
   * The Node decides: a volume that is about to be detached leaves its status first. Once it was in
   * use there, nothing detaches it.
   */
  async #verify(
    { driver, volumeHandle }: CsiVolume,
    name: string,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    const { api, nodeName } = this.#options;
    const attachment = attachmentName(volumeHandle, driver, nodeName);
    const found = api.attachment(volumeHandle, attachment, signal);
    if (!this.#isAttached(name)) {
      await found;
      throw notAttached();
    }
    const [metadata] = await Promise.all([found, api.assertAttached(nodeName, name, signal)]);
    return metadata;
  }

  #isInUse(name: string): boolean {
    return this.#options.node()?.status?.volumesInUse?.includes(name) === true;
  }

  #isAttached(name: string): boolean {
    return isAttachedTo(this.#options.node(), name);
  }
}

/** @returns true if the set did not contain the name */
function addTo(names: Map<PodUid, Set<string>>, uid: PodUid, name: string): boolean {
  const own = names.get(uid) ?? new Set();
  if (own.has(name)) return false;
  names.set(uid, own.add(name));
  return true;
}

function verificationOf({ driver, migrated }: CsiVolume): MeteredOperation {
  return { plugin: csiPlugin(driver), name: 'verify_controller_attached_volume', migrated };
}
