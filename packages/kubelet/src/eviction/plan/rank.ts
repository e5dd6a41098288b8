import { quantityToUnits } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { podRequests } from '../../pod/index.js';
import { type Signal, SIGNALS } from '../model/signal.js';
import type { DiskLayout, DiskUse, MeasuredPodUse, PodFigures } from '../model/snapshot.js';

/** Parts of a pod's disk use. */
type DiskPart = 'rootfs' | 'logs' | 'volumes';

/** A pod in the order of eviction, with the reasons for its place. */
export interface RankedPod extends MeasuredPodUse {
  readonly priority: number;
  /** In the units of the signal; undefined without figures. */
  readonly used: number | undefined;
  readonly requested: number;
  /** It uses more than it requests; inodes cannot be requested. */
  readonly isOver: boolean;
}

/**
 * Orders pods, the first to be evicted first. Pods without figures come first, except when only
 * priority counts; then those that use more than they request, those of lower priority, and those
 * that exceed their requests the most.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/helpers.go, rankMemoryPressure, rankPIDPressure,
 *   rankDiskPressureFunc
 */
export function rankPods(
  pods: readonly MeasuredPodUse[],
  signal: Signal,
  layout: DiskLayout,
): readonly RankedPod[] {
  const { resource } = SIGNALS[signal];
  const ranked = pods.map(({ pod, figures }): RankedPod => {
    const used = figures === undefined ? undefined : usedOf(pod, { figures, signal, layout });
    const requested = requestOf(pod, resource);
    const isOver = used !== undefined && used > (resource === 'inodes' ? 0 : requested);
    return { pod, figures, priority: pod.spec?.priority ?? 0, used, requested, isOver };
  });
  const order =
    resource === 'pids' ? [byPriority, byUse] : [byFigures, byExcess, byPriority, byUse];
  return ranked.sort((a, b) => {
    for (const compare of order) {
      const found = compare(a, b);
      if (found !== 0) return found;
    }
    return 0;
  });
}

type Order = (a: RankedPod, b: RankedPod) => number;

const byFigures: Order = (a, b) => Number(a.used !== undefined) - Number(b.used !== undefined);
const byExcess: Order = (a, b) => Number(b.isOver) - Number(a.isOver);
const byPriority: Order = (a, b) => a.priority - b.priority;
const byUse: Order = (a, b) =>
  byFigures(a, b) || (b.used ?? 0) - b.requested - ((a.used ?? 0) - a.requested);

function usedOf(
  pod: Pod,
  {
    figures,
    signal,
    layout,
  }: Readonly<{ figures: PodFigures; signal: Signal; layout: DiskLayout }>,
): number | undefined {
  const { resource } = SIGNALS[signal];
  if (resource === 'memory') return figures.memoryBytes;
  if (resource === 'pids') return figures.processes;
  const unit = resource === 'inodes' ? 'inodes' : 'bytes';
  const parts = diskParts(signal, layout);
  let sum = 0;
  for (const { rootfs, logs } of figures.containers) {
    if (parts.includes('rootfs')) sum += rootfs?.[unit] ?? 0;
    if (parts.includes('logs')) sum += logs?.[unit] ?? 0;
  }
  if (parts.includes('volumes')) sum += localVolumes(pod, figures, unit);
  return sum;
}

/** Parts of a pod that lie on the file system of a signal. */
function diskParts(signal: Signal, layout: DiskLayout): readonly DiskPart[] {
  const all: readonly DiskPart[] = ['rootfs', 'logs', 'volumes'];
  const isOfNode = signal.startsWith('nodefs.');
  if (layout === 'one') return all;
  if (layout === 'dedicated') return isOfNode ? ['logs', 'volumes'] : ['rootfs'];
  return signal.startsWith('imagefs.') ? [] : all;
}

/** Volumes on the node's disk: scratch space on disk, and content of config maps and repositories. */
function localVolumes({ spec }: Pod, { volumes }: PodFigures, unit: keyof DiskUse): number {
  const local = new Set(
    (spec?.volumes ?? [])
      .filter(
        ({ emptyDir, configMap, gitRepo }) =>
          configMap !== undefined ||
          gitRepo !== undefined ||
          (emptyDir !== undefined && (emptyDir.medium ?? '') === ''),
      )
      .map(({ name }) => name),
  );
  return volumes.reduce((sum, each) => sum + (local.has(each.name) ? each[unit] : 0), 0);
}

/** The last comparison subtracts requested bytes from inodes, as in Kubernetes. */
function requestOf(pod: Pod, resource: (typeof SIGNALS)[Signal]['resource']): number {
  if (resource === 'pids') return 0;
  const name = resource === 'memory' ? 'memory' : 'ephemeral-storage';
  const amount = podRequests(pod).get(name);
  return amount === undefined ? 0 : quantityToUnits(amount);
}
