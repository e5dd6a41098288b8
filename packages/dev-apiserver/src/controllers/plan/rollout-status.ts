import { formatTimestamp, parseTimestamp } from '@nodeagent/base';
import { type Deployment, DEPLOYMENTS, type ReplicaSet } from '@nodeagent/kube-client';

import type { Action } from '../model/action.js';
import { nameOf, uidOf } from './objects.js';
import { bounds, type Rollout } from './rollout-bounds.js';

type Status = NonNullable<Deployment['status']>;
type Condition = NonNullable<Status['conditions']>[number];

export interface StatusReport {
  readonly action?: Action;
  /** Time until the rollout has made no progress for too long. */
  readonly deadlineInMs?: number;
}

/**
 * Computes the status that `kubectl rollout status` reads.
 *
 * @see Kubernetes 1.36 pkg/controller/deployment/progress.go
 */
export function deploymentStatus(rollout: Rollout, nowMs: number): StatusReport {
  const { deployment, current, old } = rollout;
  const sets = [...old, ...(current ? [current] : [])];
  const sum = (pick: (set: ReplicaSet) => number | undefined): number =>
    sets.reduce((total, set) => total + (pick(set) ?? 0), 0);
  const wanted = sum((set) => set.spec?.replicas);
  const availableReplicas = sum((set) => set.status?.availableReplicas);
  const before = deployment.status;
  const numbers = {
    observedGeneration: deployment.metadata?.generation ?? 0,
    replicas: sum((set) => set.status?.replicas),
    updatedReplicas: current?.status?.replicas ?? 0,
    readyReplicas: sum((set) => set.status?.readyReplicas),
    availableReplicas,
    unavailableReplicas: Math.max(0, wanted - availableReplicas),
  };
  const { condition: progressing, deadlineInMs } = progress({ rollout, numbers, before, nowMs });
  const conditions = [availability(deployment, availableReplicas, nowMs), progressing];
  const deadline = deadlineInMs === undefined ? {} : { deadlineInMs };
  if (same(before, numbers, conditions)) return deadline;
  const body = { metadata: { uid: uidOf(deployment) }, status: { ...numbers, conditions } };
  const target = {
    resource: DEPLOYMENTS,
    name: nameOf(deployment),
    subresource: 'status',
  } as const;
  const action: Action = { kind: 'patch', ...target, type: 'merge', body, why: 'replicas changed' };
  return { action, ...deadline };
}

type Numbers = Readonly<Record<string, number>>;

function same(before: Status | undefined, numbers: Numbers, conditions: readonly Condition[]) {
  if (before === undefined) return false;
  const have = before as Readonly<Record<string, unknown>>;
  if (Object.entries(numbers).some(([key, value]) => (have[key] ?? 0) !== value)) return false;
  return conditions.every((condition) => {
    const old = find(before, condition.type);
    return (
      old?.status === condition.status &&
      old.reason === condition.reason &&
      old.message === condition.message &&
      old.lastUpdateTime === condition.lastUpdateTime
    );
  });
}

function find(status: Status | undefined, type: string): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function availability(deployment: Deployment, available: number, nowMs: number): Condition {
  const before = find(deployment.status, 'Available');
  const good = available >= bounds(deployment).fewest;
  const words = good
    ? { reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : {
        reason: 'MinimumReplicasUnavailable',
        message: 'Deployment does not have minimum availability.',
      };
  return timed({ type: 'Available', status: good ? 'True' : 'False', ...words }, before, nowMs);
}

interface ProgressInput {
  readonly rollout: Rollout;
  readonly numbers: Numbers;
  readonly before: Status | undefined;
  readonly nowMs: number;
}

function progress({ rollout, numbers, before, nowMs }: ProgressInput): {
  readonly condition: Condition;
  readonly deadlineInMs?: number;
} {
  const { deployment, current } = rollout;
  const { name } = current?.metadata ?? {};
  const old = find(before, 'Progressing');
  const complete =
    numbers['updatedReplicas'] === (deployment.spec?.replicas ?? 1) &&
    numbers['replicas'] === numbers['updatedReplicas'] &&
    numbers['availableReplicas'] === numbers['updatedReplicas'] &&
    current !== undefined;
  if (complete) {
    const message = `ReplicaSet "${name}" has successfully progressed.`;
    const words = { reason: 'NewReplicaSetAvailable', message };
    return { condition: timed({ type: 'Progressing', status: 'True', ...words }, old, nowMs) };
  }
  if (current === undefined) {
    const words = { reason: 'ReplicaSetUpdated', message: 'A new replica set is to be created.' };
    return { condition: timed({ type: 'Progressing', status: 'True', ...words }, old, nowMs) };
  }
  const moved = PROGRESS.some(([key, better]) => better(numbers[key] ?? 0, countOf(before, key)));
  const finished = old?.reason === 'NewReplicaSetAvailable';
  const message = `ReplicaSet "${name}" is progressing.`;
  const updated = { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message };
  if (
    old === undefined ||
    moved ||
    (finished && old.message !== `ReplicaSet "${name}" has successfully progressed.`)
  ) {
    const condition = { ...timed(updated, old, nowMs), lastUpdateTime: formatTimestamp(nowMs) };
    return { condition, deadlineInMs: deadlineMs(deployment) };
  }
  if (finished) return { condition: old }; // replicas disappeared after the rollout
  const lastMs = parseTimestamp(old.lastUpdateTime ?? '') ?? nowMs;
  const leftMs = lastMs + deadlineMs(deployment) - nowMs;
  if (leftMs > 0)
    return { condition: timed({ ...updated, ...keep(old) }, old, nowMs), deadlineInMs: leftMs };
  const words = {
    reason: 'ProgressDeadlineExceeded',
    message: `ReplicaSet "${name}" has timed out progressing.`,
  };
  return { condition: timed({ type: 'Progressing', status: 'False', ...words }, old, nowMs) };
}

const more = (now: number, before: number): boolean => now > before;
/** Numbers whose change in one direction counts as progress. */
const PROGRESS: readonly (readonly [string, (now: number, before: number) => boolean])[] = [
  ['updatedReplicas', more],
  ['readyReplicas', more],
  ['availableReplicas', more],
];

function countOf(status: Status | undefined, key: string): number {
  const value = (status as Readonly<Record<string, unknown>> | undefined)?.[key];
  return typeof value === 'number' ? value : 0;
}

function keep({ reason, message }: Condition) {
  return reason === 'ReplicaSetUpdated' && message !== undefined ? { reason, message } : {};
}

function deadlineMs({ spec }: Deployment): number {
  return (spec?.progressDeadlineSeconds ?? 600) * 1000;
}

function timed(
  condition: { type: string; status: string; reason: string; message: string },
  before: Condition | undefined,
  nowMs: number,
): Condition {
  const now = formatTimestamp(nowMs);
  const unchanged =
    before?.status === condition.status &&
    before.reason === condition.reason &&
    before.message === condition.message;
  const sameStatus = before?.status === condition.status;
  return {
    ...condition,
    lastUpdateTime: (unchanged ? before.lastUpdateTime : undefined) ?? now,
    lastTransitionTime: (sameStatus ? before.lastTransitionTime : undefined) ?? now,
  };
}
