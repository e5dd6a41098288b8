import type { Deployment, ReplicaSet } from '@nodeagent/kube-client';

/** A deployment with its ReplicaSets: the one of its present template, and older ones. */
export interface Rollout {
  readonly deployment: Deployment;
  readonly current: ReplicaSet | undefined;
  /** In order of revision, oldest first. */
  readonly old: readonly ReplicaSet[];
  /** Number of pods of older sets, including terminating ones. */
  readonly oldPods: number;
  /** Keys of all ReplicaSets: a new one needs another name. */
  readonly names: ReadonlySet<string>;
}

/** Returns the maximum number of pods, and the minimum number of available ones. */
export function bounds({ spec }: Deployment): Readonly<{ most: number; fewest: number }> {
  const replicas = spec?.replicas ?? 1;
  if (spec?.strategy?.type === 'Recreate') return { most: replicas, fewest: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = spec?.strategy?.rollingUpdate ?? {};
  const surge = share(maxSurge, replicas, Math.ceil);
  const unavailable = share(maxUnavailable, replicas, Math.floor);
  // If both were zero, the rollout could make no step.
  const fewest = surge === 0 && unavailable === 0 ? replicas - 1 : replicas - unavailable;
  return { most: replicas + surge, fewest: Math.max(0, fewest) };
}

/** Returns a number, or a percentage of one; the server has checked that it is one of them. */
export function share(value: unknown, of: number, round: (value: number) => number): number {
  const text = String(value);
  if (!text.endsWith('%')) return Number(text);
  return round((Number(text.slice(0, -1)) * of) / 100);
}

export function replicasOf(set: ReplicaSet): number {
  return set.spec?.replicas ?? 1;
}
