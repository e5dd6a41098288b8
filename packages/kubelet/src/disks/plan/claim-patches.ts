import type { PersistentVolumeClaim } from '@nodeagent/kube-client';

/** A change of a claim's status. */
export interface ClaimPatch {
  readonly type: 'merge' | 'strategic-merge';
  readonly body: object;
}

const RESIZE_CONDITIONS: ReadonlySet<string> = new Set([
  'FileSystemResizePending',
  'Resizing',
  'ControllerResizeError',
  'NodeResizeError',
]);

/** Sent before the driver is called. Fails if the claim has changed meanwhile. */
export function expansionStarted(claim: PersistentVolumeClaim): ClaimPatch {
  const status = { allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } };
  return { type: 'merge', body: { ...unchanged(claim), status } };
}

/** Sets the new size, and removes the conditions of a resize. */
export function expansionFinished(claim: PersistentVolumeClaim, size: string): ClaimPatch {
  const { conditions = [], allocatedResourceStatuses = {} } = claim.status ?? {};
  const kept = conditions.filter(({ type }) => !RESIZE_CONDITIONS.has(type));
  const others = Object.keys(allocatedResourceStatuses).some((name) => name !== 'storage');
  const status = {
    capacity: { storage: size },
    allocatedResourceStatuses: others ? { storage: null } : null,
    conditions: kept.length > 0 ? kept : null,
  };
  return { type: 'merge', body: { ...unchanged(claim), status } };
}

/**
 * Reports a failure to users; written even if the claim has changed.
 *
 * @param infeasible this size will not be tried again
 * @param at `2026-01-01T00:00:00Z`
 */
export function expansionFailed(why: string, infeasible: boolean, at: string): ClaimPatch {
  const condition = {
    type: 'NodeResizeError',
    status: 'True',
    lastTransitionTime: at,
    message: `failed to expand pvc with ${why}`,
  };
  const status = {
    conditions: [condition],
    ...(infeasible && { allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' } }),
  };
  return { type: 'strategic-merge', body: { status } };
}

function unchanged({ metadata }: PersistentVolumeClaim): object {
  const resourceVersion = metadata?.resourceVersion;
  return resourceVersion === undefined ? {} : { metadata: { resourceVersion } };
}
