import { parseGoDuration } from '@nodeagent/base';

import { type KubeletConfig, parseThreshold, type Threshold } from '../../config/index.js';
import { isSignal, type Signal } from '../model/signal.js';
import type { DiskLayout } from '../model/snapshot.js';
import type { EvictionThreshold } from '../model/threshold.js';

type EvictionFields = Pick<
  KubeletConfig,
  | 'enforceNodeAllocatable'
  | 'evictionHard'
  | 'evictionSoft'
  | 'evictionSoftGracePeriod'
  | 'evictionMinimumReclaim'
>;

/**
 * The configured thresholds. A hard threshold of memory also holds for the memory that pods may
 * allocate, if their limit is enforced.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/helpers.go, ParseThresholdConfig
 */
export function configuredThresholds(config: EvictionFields): readonly EvictionThreshold[] {
  const reclaimOf = (signal: string): Threshold | undefined =>
    thresholdOf(config.evictionMinimumReclaim[signal]);
  const hard = [...config.evictionHard].flatMap(([signal, limit]): EvictionThreshold[] =>
    isSignal(signal) ? [{ signal, limit, graceMs: 0, reclaim: reclaimOf(signal) }] : [],
  );
  const soft = Object.entries(config.evictionSoft).flatMap(
    ([signal, text]): EvictionThreshold[] => {
      const limit = thresholdOf(text);
      if (!isSignal(signal) || limit === undefined) return [];
      const graceMs = parseGoDuration(config.evictionSoftGracePeriod[signal] ?? '') ?? 0;
      return [{ signal, limit, graceMs, reclaim: reclaimOf(signal) }];
    },
  );
  const isEnforced = config.enforceNodeAllocatable.includes('pods');
  const allocatable = hard
    .filter(({ signal }) => isEnforced && signal === 'memory.available')
    .map((threshold) => ({ ...threshold, signal: 'allocatableMemory.available' as const }));
  return [...hard, ...allocatable, ...soft];
}

function thresholdOf(text: string | undefined): Threshold | undefined {
  const parsed = text === undefined ? undefined : parseThreshold(text);
  return parsed === 'off' ? undefined : parsed;
}

const COPIES: readonly (readonly [to: Signal, own: Signal, shared: Signal])[] = [
  ['containerfs.available', 'imagefs.available', 'nodefs.available'],
  ['containerfs.inodesFree', 'imagefs.inodesFree', 'nodefs.inodesFree'],
];

/**
 * Replaces the thresholds of writable layers by those of the file system that has them: of the
 * images' file system if it is apart and has the layers too, otherwise of the kubelet's own.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/helpers.go, UpdateContainerFsThresholds
 */
export function withLayerThresholds(
  thresholds: readonly EvictionThreshold[],
  layout: DiskLayout,
): readonly EvictionThreshold[] {
  const others = thresholds.filter(({ signal }) => !signal.startsWith('containerfs.'));
  const copies = COPIES.flatMap(([signal, own, shared]) => {
    const from = layout === 'dedicated' ? own : shared;
    return others.filter((each) => each.signal === from).map((each) => ({ ...each, signal }));
  });
  return [...others, ...copies];
}
