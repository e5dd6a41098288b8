import {
  CSI_DRIVERS,
  type CsiDriver,
  isKubeError,
  type KubeClient,
  type KubeObject,
  type Node,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Resource,
  VOLUME_ATTACHMENTS,
  type VolumeAttachment,
} from '@nodeagent/kube-client';

import type { ClaimPatch } from '../../disks/index.js';
import { type ObjectSource, VolumeError } from '../../volumes/index.js';
import type { DriverRules, SecretRef } from '../model/csi-volume.js';
import {
  checkedAttachment,
  checkedClaim,
  checkedDriver,
  checkedNode,
  checkedVolume,
} from '../plan/checked-objects.js';
import { driverRules, isAttachedTo, notAttached } from '../plan/driver-rules.js';

interface Checked<T> {
  readonly kind: Resource<T>;
  /** @throws {TypeError} for an object with members of other types */
  readonly checked: (found: T) => T;
}

const DRIVERS: Checked<CsiDriver> = { kind: CSI_DRIVERS, checked: checkedDriver };
const ATTACHMENTS: Checked<VolumeAttachment> = {
  kind: VOLUME_ATTACHMENTS,
  checked: checkedAttachment,
};
const CHECKED_NODES: Checked<Node> = { kind: NODES, checked: checkedNode };

/** The gRPC code of an attacher for which the node has no room. */
const RESOURCE_EXHAUSTED = 8;

/** Reads claims, volumes and drivers from the API, with a request every time. */
export class StorageApi {
  readonly #client: KubeClient;
  readonly #objects: Pick<ObjectSource, 'secret'>;

  constructor(client: KubeClient, objects: Pick<ObjectSource, 'secret'>) {
    this.#client = client;
    this.#objects = objects;
  }

  /** @throws {VolumeError} `VOLUME_SOURCE` */
  async claim(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim> {
    try {
      const found = await this.#client.get(PERSISTENT_VOLUME_CLAIMS, { namespace, name }, signal);
      return checkedClaim(found);
    } catch (cause) {
      const text = `error processing PVC ${namespace}/${name}: failed to fetch PVC from API server`;
      throw this.#failure(text, cause, signal);
    }
  }

  async volume(name: string, signal: AbortSignal): Promise<PersistentVolume> {
    try {
      return checkedVolume(await this.#client.get(PERSISTENT_VOLUMES, { name }, signal));
    } catch (cause) {
      throw this.#failure(`failed to fetch PV ${name} from API server`, cause, signal);
    }
  }

  /** @returns the claim as it is now @throws {VolumeError} `VOLUME_SOURCE` */
  async patchClaim(
    claim: PersistentVolumeClaim,
    { type, body }: ClaimPatch,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim> {
    const { namespace = '', name = '' } = claim.metadata ?? {};
    const patch = { type, body, subresource: 'status' } as const;
    try {
      const of = { namespace, name };
      return checkedClaim(await this.#client.patch(PERSISTENT_VOLUME_CLAIMS, of, patch, signal));
    } catch (cause) {
      throw this.#failure(`failed to patch PVC ${namespace}/${name}`, cause, signal);
    }
  }

  async driverRules(driver: string, signal: AbortSignal): Promise<DriverRules> {
    return driverRules(await this.#find(DRIVERS, driver, signal));
  }

  /**
   * The attacher's metadata for the driver, once the volume is attached.
   *
   * @throws {VolumeError} `VOLUME_PENDING` until then; `VOLUME_LIMIT` if the node has no room for it,
   *   `VOLUME_SOURCE` if it cannot be attached for another reason
   */
  async attachment(
    volumeHandle: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    const found = await this.#find(ATTACHMENTS, name, signal);
    if (found?.metadata?.deletionTimestamp !== undefined) {
      throw new VolumeError('VOLUME_SOURCE', 'volume attachment is being deleted');
    }
    if (found?.status?.attached === true) return found.status.attachmentMetadata ?? {};
    const { message: failure, errorCode } = found?.status?.attachError ?? {};
    if (errorCode === RESOURCE_EXHAUSTED) throw new VolumeError('VOLUME_LIMIT', failure ?? '');
    if (failure !== undefined) throw new VolumeError('VOLUME_SOURCE', failure);
    const text = `volume ${volumeHandle} is not attached for volume attachment ${name}`;
    throw new VolumeError('VOLUME_PENDING', text);
  }

  /**
   * A volume that is about to be detached leaves the Node's status first, while its attachment still
   * says that it is attached.
   *
   * @param volume its unique name
   * @throws {VolumeError} `VOLUME_PENDING` unless the Node's status has the volume as attached
   */
  async assertAttached(nodeName: string, volume: string, signal: AbortSignal): Promise<void> {
    const node = await this.#find(CHECKED_NODES, nodeName, signal);
    if (!isAttachedTo(node, volume)) throw notAttached();
  }

  /** The values of a secret as text; empty if the volume names none. */
  async secretValues(
    ref: SecretRef | undefined,
    field: string,
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>> {
    if (ref === undefined) return {};
    const place = `${ref.namespace}/${ref.name}`;
    const text = `fetching ${field} ${place} failed`;
    const secret = await this.#objects
      .secret(ref.namespace, ref.name, signal)
      .catch((cause: unknown) => {
        throw this.#failure(text, cause, signal);
      });
    if (secret === undefined) {
      throw new VolumeError('VOLUME_SOURCE', `${text}: secrets "${ref.name}" not found`);
    }
    const entries = Object.entries(secret.data ?? {});
    return Object.fromEntries(
      entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  }

  async #find<T extends KubeObject>(
    { kind, checked }: Checked<T>,
    name: string,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    try {
      return checked(await this.#client.get(kind, { name }, signal));
    } catch (cause) {
      if (isKubeError(cause, 'KUBE_NOT_FOUND')) return undefined;
      throw this.#failure(`${kind.kind} ${name} cannot be read`, cause, signal);
    }
  }

  #failure(text: string, cause: unknown, signal: AbortSignal): VolumeError {
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    return new VolumeError('VOLUME_SOURCE', `${text}: ${why}`, { cause });
  }
}
