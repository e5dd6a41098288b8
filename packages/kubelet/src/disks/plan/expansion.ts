import { parseQuantity, quantityToUnits } from '@nodeagent/base';
import type { PersistentVolumeClaim } from '@nodeagent/kube-client';

import type { Bound } from '../model/bound.js';

/** This node's knowledge of a volume's size. */
export interface KnownSize {
  /** Size of the file system here, as far as known; undefined before the first check. */
  readonly recordedBytes: number | undefined;
  /** The driver reported that it cannot expand a volume in use, so it is not asked again. */
  readonly refusedInUse: boolean;
  /** An earlier expansion failed permanently. */
  readonly failedBefore: boolean;
}

/**
 * `none`: the size is right, or cannot be changed now · `read-only`: it is wrong, and cannot be
 * changed · `wait`: the claim's status shows that another component is at work · `expand`: the
 * driver is called.
 */
export type ExpansionPlan =
  | Readonly<{ kind: 'none'; recordedBytes: number }>
  | Readonly<{ kind: 'read-only' | 'wait' }>
  | Readonly<{
      kind: 'expand';
      /** As in the API: `2Gi`. */
      size: string;
      bytes: number;
      /**
       * `old-resizer` does not report its progress; `elsewhere`: the claim already has the size.
       */
      by: 'resizer' | 'old-resizer' | 'elsewhere';
      /** A failure is reported as infeasible, because the user has since requested another size. */
      failureIsFinal: boolean;
    }>;

const NOT_REQUIRED = 'volume.kubernetes.io/node-expansion-not-required';
const ON_NODE: ReadonlySet<string> = new Set(['NodeResizePending', 'NodeResizeInProgress']);

/**
 * Plans the node's step for a PersistentVolume that is larger than its file system.
 *
 * @see Kubernetes 1.36 pkg/volume/util/operationexecutor/node_expander.go
 */
export function planExpansion(
  { claim, found }: Bound,
  readOnly: boolean,
  known: KnownSize,
): ExpansionPlan {
  const claimBytes = bytesOf(claim.status?.capacity?.['storage']);
  const volumeSize = found.spec?.capacity?.['storage'] ?? '0';
  const recordedBytes = known.recordedBytes ?? claimBytes;
  if (recordedBytes >= bytesOf(volumeSize) || known.refusedInUse) {
    return { kind: 'none', recordedBytes };
  }
  if (readOnly) return { kind: 'read-only' };
  const { allocatedResources, allocatedResourceStatuses } = claim.status ?? {};
  const status = allocatedResourceStatuses?.['storage'] ?? '';
  if (status === '' && allocatedResources === undefined) {
    const bytes = bytesOf(volumeSize);
    return { kind: 'expand', size: volumeSize, bytes, by: 'old-resizer', failureIsFinal: false };
  }
  const size = allocatedResources?.['storage'] ?? volumeSize;
  const bytes = bytesOf(size);
  const wanted = bytesOf(claim.spec?.resources?.requests?.['storage']);
  const expand = { kind: 'expand', size, bytes } as const;
  const failureIsFinal = known.failedBefore && wanted !== bytes;
  if (claimBytes >= bytes && status === '') {
    if (!isShared(claim)) return { kind: 'none', recordedBytes: bytes };
    return { ...expand, by: 'elsewhere', failureIsFinal };
  }
  return ON_NODE.has(status) ? { ...expand, by: 'resizer', failureIsFinal } : { kind: 'wait' };
}

/** Volumes of several nodes are expanded on each node, even if the claim reports the new size. */
function isShared({ metadata, spec }: PersistentVolumeClaim): boolean {
  const isMany = spec?.accessModes?.includes('ReadWriteMany') === true;
  return isMany && metadata?.annotations?.[NOT_REQUIRED] === undefined;
}

export function bytesOf(size: string | undefined): number {
  const quantity = size === undefined ? undefined : parseQuantity(size);
  return quantity === undefined ? 0 : quantityToUnits(quantity);
}
