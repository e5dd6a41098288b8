import type { PersistentVolume, PersistentVolumeClaim } from '@nodeagent/kube-client';

import { bytesOf, quantityOf } from './amounts.js';

/** The values of `status.allocatedResourceStatuses.storage`. */
type Step = 'ControllerResizeInProgress' | 'ControllerResizeInfeasible' | 'NodeResizePending';

/**
 * Returns the size that the driver has to give a bound volume; undefined when nothing is left to the
 * controller. An expansion that may be under way, here or on the node, is finished before another size
 * counts; one that has failed for good makes room for a smaller request.
 *
 * @see kubernetes-csi/external-resizer pkg/controller/expand_and_recover.go
 */
export function wantedBytes(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
): number | undefined {
  const { status, spec } = claim;
  const asked = bytesOf(spec?.resources?.requests?.['storage']);
  const capacity = bytesOf(status?.capacity?.['storage']);
  if (status?.phase !== 'Bound' || capacity === 0 || asked <= capacity) return undefined;
  const present = bytesOf(volume.spec?.capacity?.['storage']);
  const recorded = bytesOf(status.allocatedResources?.['storage']) || asked;
  switch (status.allocatedResourceStatuses?.['storage'] ?? '') {
    case 'NodeResizePending':
    case 'NodeResizeInProgress':
      return present < asked && present < recorded ? recorded : undefined;
    case 'NodeResizeInfeasible': // the driver's answer lets the node try again
      return recorded;
    case 'ControllerResizeInProgress':
      return present < asked && hasFailed(claim) ? asked : recorded;
    default:
      return present < asked ? asked : recorded;
  }
}

function hasFailed({ status }: PersistentVolumeClaim): boolean {
  return status?.conditions?.some(({ type }) => type === FAILED) === true;
}

/** The condition of an expansion that the driver has refused: nothing of it is under way. */
const FAILED = 'ControllerResizeError';

/** Removes a condition in a strategic merge patch. */
function gone(type: string): object {
  return { type, $patch: 'delete' };
}

interface Write {
  readonly claim: PersistentVolumeClaim;
  /** RFC 3339. */
  readonly now: string;
}

/** A strategic merge patch for a claim's status; refused when the claim has changed meanwhile. */
function statusPatch({ claim }: Write, status: object): object {
  const { uid, resourceVersion } = claim.metadata ?? {};
  return { metadata: { uid, resourceVersion }, status };
}

/** The driver is about to be asked. */
export function begun(write: Write, bytes: number): object {
  const condition = { type: 'Resizing', status: 'True', lastTransitionTime: write.now };
  return statusPatch(write, {
    allocatedResources: { storage: quantityOf(bytes) },
    allocatedResourceStatuses: { storage: 'ControllerResizeInProgress' satisfies Step },
    conditions: [condition, ...['FileSystemResizePending', FAILED, 'NodeResizeError'].map(gone)],
  });
}

/** The driver is done, and the node has to grow the file system. */
export function leftToNode(write: Write): object {
  const message =
    'Waiting for user to (re-)start a pod to finish file system resize of volume on node.';
  const condition = { type: 'FileSystemResizePending', status: 'True', message };
  return statusPatch(write, {
    allocatedResourceStatuses: { storage: 'NodeResizePending' satisfies Step },
    conditions: [{ ...condition, lastTransitionTime: write.now }],
  });
}

/** Nothing is left to do. */
export function finished(write: Write, bytes: number): object {
  return statusPatch(write, {
    capacity: { storage: quantityOf(bytes) },
    allocatedResourceStatuses: { storage: null },
    conditions: ['Resizing', 'FileSystemResizePending', FAILED, 'NodeResizeError'].map(gone),
  });
}

/** The driver has refused; `isInfeasible` when it will not change its mind. */
export function failed(write: Write, message: string, isInfeasible: boolean): object {
  const condition = { type: FAILED, status: 'True', message };
  return statusPatch(write, {
    ...(isInfeasible && {
      allocatedResourceStatuses: { storage: 'ControllerResizeInfeasible' satisfies Step },
    }),
    conditions: [{ ...condition, lastTransitionTime: write.now }],
  });
}
