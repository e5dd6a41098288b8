import type { Signal } from '../model/signal.js';
import type { DiskLayout } from '../model/snapshot.js';
import type { NodeReclaim } from '../ports.js';

/** A step that frees resources without ending a pod. */
export type ReclaimStep = keyof NodeReclaim;

const BOTH: readonly ReclaimStep[] = ['removeDeadContainers', 'removeUnusedImages'];

/**
 * The steps that may free space on the file system of a signal, in order.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/helpers.go, buildSignalToNodeReclaimFuncs
 */
export function reclaimSteps(signal: Signal, layout: DiskLayout): readonly ReclaimStep[] {
  const [fs = ''] = signal.split('.');
  if (!['nodefs', 'imagefs', 'containerfs'].includes(fs)) return [];
  if (layout === 'one') return BOTH;
  if (layout === 'dedicated') return fs === 'nodefs' ? [] : BOTH;
  return fs === 'imagefs' ? ['removeUnusedImages'] : ['removeDeadContainers'];
}
