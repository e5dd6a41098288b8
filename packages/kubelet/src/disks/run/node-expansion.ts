import { type Clock, formatTimestamp, type Logger } from '@nodeagent/base';
import { errorText, isCsiError, leavesUncertain } from '@nodeagent/csi';
import type {
  EventRecorder,
  ObjectReference,
  PersistentVolumeClaim,
  Pod,
} from '@nodeagent/kube-client';

import { type PodEvents, podUid } from '../../pod/index.js';
import { isVolumeError, VolumeError } from '../../volumes/index.js';
import type { Bound } from '../model/bound.js';
import {
  type ClaimPatch,
  expansionFailed,
  expansionFinished,
  expansionStarted,
} from '../plan/claim-patches.js';
import { type ExpansionPlan, planExpansion } from '../plan/expansion.js';

/** Changes the status of claims in the API. */
export interface ClaimPatches {
  /** @returns the changed claim */
  patchClaim(
    claim: PersistentVolumeClaim,
    patch: ClaimPatch,
    signal: AbortSignal,
  ): Promise<PersistentVolumeClaim>;
}

export interface NodeExpansionOptions {
  readonly nodeName: string;
  readonly api: ClaimPatches;
  readonly events: PodEvents;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A volume that is ready for a pod. */
export interface Expandable {
  readonly pod: Pod;
  /** The volume's unique name on this node. */
  readonly name: string;
  readonly specName: string;
  readonly readOnly: boolean;
  readonly bound: Bound;
  /** @throws {VolumeError} `VOLUME_UNSUPPORTED` if it cannot be expanded here; {CsiError} */
  readonly grow: (bytes: number, signal: AbortSignal) => Promise<void>;
  /**
   * The volume was just prepared for the pod: its containers do not start before it has its size.
   */
  readonly isFirst: boolean;
}

interface Sizes {
  recordedBytes: number | undefined;
  refusedInUse: boolean;
  failedBefore: boolean;
  /** Uids of pods that do not start before the volume has its size. */
  readonly waiting: Set<string>;
}

/** Errors of a driver that mean that this size is impossible. */
const INFEASIBLE: ReadonlySet<string> = new Set([
  'CSI_INVALID_ARGUMENT',
  'CSI_OUT_OF_RANGE',
  'CSI_NOT_FOUND',
]);

/**
 * Expands volumes on this node after they have grown: when they are mounted, and while pods use
 * them. The claim's status shows the progress.
 *
 * @see Kubernetes 1.36 pkg/volume/util/operationexecutor/node_expander.go
 */
export class NodeExpansion {
  readonly #options: NodeExpansionOptions;
  /** By the unique name of the volume. */
  readonly #sizes = new Map<string, Sizes>();

  constructor(options: NodeExpansionOptions) {
    this.#options = options;
  }

  /** The volume has left the node. */
  forget(name: string): void {
    this.#sizes.delete(name);
  }

  /** @throws {VolumeError} if the pod cannot start with the volume's current size */
  async expand(wanted: Expandable, signal: AbortSignal): Promise<void> {
    const { specName, readOnly, bound, pod } = wanted;
    const sizes = this.#sizesOf(wanted.name);
    const uid = podUid(pod);
    // a pod whose first expansion failed has the volume mounted at the next attempt
    const isFirst = wanted.isFirst || sizes.waiting.delete(uid);
    const plan = planExpansion(bound, readOnly, sizes);
    if (plan.kind === 'none') sizes.recordedBytes = plan.recordedBytes;
    if (plan.kind === 'read-only' && isFirst) this.#tellReadOnly(wanted);
    if (plan.kind !== 'expand') return;
    try {
      await this.#carryOut(wanted, plan, sizes, signal);
    } catch (error) {
      signal.throwIfAborted();
      const text = errorText(error);
      if (isFirst) {
        sizes.waiting.add(uid);
        const step = {
          operation: 'MountVolume',
          name: 'Setup',
          how: 'while expanding volume',
          volume: specName,
        } as const;
        throw new VolumeError('VOLUME_MOUNT', text, { cause: error, step });
      }
      const message = `NodeExpandVolume.NodeExpandVolume failed for volume "${specName}" : ${text}`;
      this.#options.events.warning(pod, 'VolumeResizeFailed', message);
    }
  }

  #sizesOf(name: string): Sizes {
    const fresh = { recordedBytes: undefined, refusedInUse: false, failedBefore: false };
    const sizes = this.#sizes.get(name) ?? { ...fresh, waiting: new Set() };
    this.#sizes.set(name, sizes);
    return sizes;
  }

  async #carryOut(
    wanted: Expandable,
    plan: Extract<ExpansionPlan, { kind: 'expand' }>,
    sizes: Sizes,
    signal: AbortSignal,
  ): Promise<void> {
    const { api, log } = this.#options;
    const { specName, bound } = wanted;
    let { claim } = bound;
    if (plan.by === 'resizer') {
      claim = await api.patchClaim(claim, expansionStarted(claim), signal);
    }
    try {
      await wanted.grow(plan.bytes, signal);
      sizes.recordedBytes = plan.bytes;
    } catch (error) {
      signal.throwIfAborted();
      if (isVolumeError(error, 'VOLUME_UNSUPPORTED') && plan.by !== 'resizer') {
        sizes.recordedBytes = plan.bytes;
        return;
      }
      const isInUse = isCsiError(error, 'CSI_FAILED_PRECONDITION');
      if (isInUse) sizes.refusedInUse = true;
      if (plan.by !== 'old-resizer' && isFinal(error)) {
        sizes.failedBefore = true;
        await this.#tellFailure(claim, { error, final: plan.failureIsFinal }, signal);
      }
      if (!isInUse) throw error;
      log.warn({ volume: specName, err: error }, 'volume in use not expanded');
      return;
    }
    this.#tellSuccess(wanted);
    if (plan.by === 'elsewhere') return;
    await api.patchClaim(claim, expansionFinished(claim, plan.size), signal);
  }

  async #tellFailure(
    claim: PersistentVolumeClaim,
    { error, final }: Readonly<{ error: unknown; final: boolean }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { api, clock, log } = this.#options;
    const infeasible = final || (isCsiError(error) && INFEASIBLE.has(error.code));
    const patch = expansionFailed(errorText(error), infeasible, formatTimestamp(clock.nowMs()));
    await api.patchClaim(claim, patch, signal).catch((err: unknown) => {
      signal.throwIfAborted();
      const { namespace, name } = claim.metadata ?? {};
      log.warn(
        { claim: { namespace, name }, err },
        'failed expansion not reported in the status of the claim',
      );
    });
  }

  #tellSuccess({ pod, specName, bound }: Expandable): void {
    const { nodeName } = this.#options;
    const text = `MountVolume.NodeExpandVolume succeeded for volume "${specName}" ${nodeName}`;
    this.#tell('normal', 'FileSystemResizeSuccessful', text, { pod, bound });
  }

  #tellReadOnly({ pod, specName, bound }: Expandable): void {
    const text = `MountVolume.NodeExpandVolume failed for volume "${specName}" requested read-only file system`;
    this.#tell('warning', 'FileSystemResizeFailed', text, { pod, bound });
  }

  /** Sends an event to the pod and its claim. */
  #tell(
    how: 'normal' | 'warning',
    reason: string,
    message: string,
    { pod, bound }: Pick<Expandable, 'pod' | 'bound'>,
  ): void {
    const { events, recorder } = this.#options;
    events[how](pod, reason, message);
    const type = how === 'normal' ? 'Normal' : 'Warning';
    recorder.record({ about: referenceTo(bound.claim), type, reason, message });
  }
}

/** A driver that is unavailable, or still at work, has not refused anything. */
function isFinal(error: unknown): boolean {
  if (isCsiError(error)) return !leavesUncertain(error);
  return isVolumeError(error) && error.code !== 'VOLUME_SOURCE';
}

function referenceTo({ metadata = {} }: PersistentVolumeClaim): ObjectReference {
  const { name = '', namespace = '', uid = '', resourceVersion } = metadata;
  return {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
}
