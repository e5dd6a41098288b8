import type { Pod } from '@nodeagent/kube-client';

import type { ShutdownPeriod } from '../model/shutdown-period.js';

export interface ShutdownSettings {
  readonly shutdownGracePeriodMs: number;
  readonly shutdownGracePeriodCriticalPodsMs: number;
  readonly shutdownGracePeriodByPodPriority: readonly Readonly<{
    priority: number;
    shutdownGracePeriodSeconds: number;
  }>[];
}

/** Priority of `system-cluster-critical`. */
const CRITICAL = 2_000_000_000;

/**
 * Computes the periods of a shutdown, least important pods first; none: pods are not ended.
 *
 * @see Kubernetes 1.36 pkg/kubelet/nodeshutdown/nodeshutdown_manager.go
 */
export function shutdownSchedule(settings: ShutdownSettings): readonly ShutdownPeriod[] {
  const given = settings.shutdownGracePeriodByPodPriority;
  if (given.length > 0) {
    return given
      .map(({ priority, shutdownGracePeriodSeconds: seconds }) => ({ priority, seconds }))
      .sort((a, b) => a.priority - b.priority);
  }
  const totalMs = settings.shutdownGracePeriodMs;
  const criticalMs = settings.shutdownGracePeriodCriticalPodsMs;
  if (totalMs <= 0 || criticalMs > totalMs) return [];
  return [
    { priority: 0, seconds: Math.floor((totalMs - criticalMs) / 1000) },
    { priority: CRITICAL, seconds: Math.floor(criticalMs / 1000) },
  ];
}

/** Sums up how long the shutdown of the machine must wait. */
export function totalSeconds(schedule: readonly ShutdownPeriod[]): number {
  return schedule.reduce((sum, { seconds }) => sum + seconds, 0);
}

export interface ShutdownGroup extends ShutdownPeriod {
  readonly pods: readonly Pod[];
}

/**
 * Puts each pod into the last period that its priority reaches; pods below all periods are in the
 * first.
 *
 * @param schedule sorted by priority
 */
export function shutdownGroups(
  schedule: readonly ShutdownPeriod[],
  pods: readonly Pod[],
): readonly ShutdownGroup[] {
  const groups = schedule.map((period) => ({ ...period, pods: [] as Pod[] }));
  for (const pod of pods) {
    const priority = pod.spec?.priority ?? 0;
    const group = groups.findLast((each) => each.priority <= priority) ?? groups[0];
    group?.pods.push(pod);
  }
  return groups;
}
