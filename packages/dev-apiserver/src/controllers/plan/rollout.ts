import {
  type Deployment,
  DEPLOYMENTS,
  type KubeObject,
  type Pod,
  REPLICA_SETS,
  type ReplicaSet,
  selects,
} from '@nodeagent/kube-client';

import type { Action, Plan } from '../model/action.js';
import type { View } from '../model/view.js';
import {
  controllerOf,
  groupBy,
  isDeleting,
  nameOf,
  referenceTo,
  sorted,
  uidOf,
  without,
} from './objects.js';
import { bounds, replicasOf, type Rollout } from './rollout-bounds.js';
import { deploymentStatus } from './rollout-status.js';
import { canonical, templateHash } from './template-hash.js';

const API_VERSION = 'apps/v1';
const HASH_LABEL = 'pod-template-hash';
const REVISION = 'deployment.kubernetes.io/revision';
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAXIMUM = 'deployment.kubernetes.io/max-replicas';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Moves each Deployment one step towards its template, with at most `maxSurge` pods too many and at
 * most `maxUnavailable` too few. During a rollout, a changed number of replicas applies to the
 * newest ReplicaSet alone; Kubernetes' controller distributes it.
 *
 * @see Kubernetes 1.36 pkg/controller/deployment
 */
export function planRollouts(view: View, nowMs: number): Plan {
  const actions: Action[] = [];
  let againInMs: number | undefined;
  const index: Index = {
    sets: groupBy(view.replicaSets.values(), (set) => controllerOf(set)?.uid ?? namespaceKey(set)),
    pods: groupBy(view.pods.values(), (pod) => controllerOf(pod)?.uid),
    names: new Set(view.replicaSets.keys()),
  };
  for (const deployment of sorted(view.deployments.values())) {
    const rollout = rolloutOf(deployment, index);
    if (!isDeleting(deployment)) {
      const orphans = [rollout.current, ...rollout.old].filter((set) => set !== undefined);
      actions.push(...orphans.flatMap((set) => adopt(deployment, set)), ...step(rollout));
    }
    const { action, deadlineInMs } = deploymentStatus(rollout, nowMs);
    if (action !== undefined) actions.push(action);
    if (deadlineInMs !== undefined) againInMs = Math.min(againInMs ?? deadlineInMs, deadlineInMs);
  }
  return againInMs === undefined ? { actions } : { actions, againInMs };
}

interface Index {
  /** By the uid of their controller; sets without one by their namespace. */
  readonly sets: ReadonlyMap<string, readonly ReplicaSet[]>;
  /** By the uid of their controller. */
  readonly pods: ReadonlyMap<string, readonly Pod[]>;
  readonly names: ReadonlySet<string>;
}

function namespaceKey({ metadata }: KubeObject): string {
  return `free in ${metadata?.namespace}`;
}

function rolloutOf(deployment: Deployment, { sets: known, pods, names }: Index): Rollout {
  const mine = known.get(uidOf(deployment)) ?? [];
  const free = known.get(namespaceKey(deployment)) ?? [];
  const sets = [...mine, ...free.filter((set) => mayAdopt(deployment, set))].sort(
    (a, b) => revisionOf(a) - revisionOf(b),
  );
  const wanted = canonical(deployment.spec?.template);
  const current = sets.find((set) => canonical(withoutHash(set)) === wanted);
  const old = sets.filter((set) => set !== current);
  const oldPods = old.reduce((sum, set) => sum + (pods.get(uidOf(set)) ?? []).length, 0);
  return { deployment, current, old, oldPods, names };
}

/**
 * True when the set has no controller and the deployment selects it: an orphaning deletion left it
 * behind.
 */
function mayAdopt(deployment: Deployment, set: ReplicaSet): boolean {
  if (isDeleting(deployment) || isDeleting(set)) return false;
  return selects(deployment.spec?.selector, set.metadata?.labels);
}

function adopt(deployment: Deployment, set: ReplicaSet): readonly Action[] {
  if (controllerOf(set) !== undefined) return [];
  const ownerReferences = [...(set.metadata?.ownerReferences ?? []), ownerReference(deployment)];
  const body = { metadata: { uid: uidOf(set), ownerReferences } };
  const why = 'selected, and without a controller';
  return [{ kind: 'patch', resource: REPLICA_SETS, name: nameOf(set), type: 'merge', body, why }];
}

function ownerReference({ metadata }: Deployment) {
  const { name = '', uid = '' } = metadata ?? {};
  const flags = { controller: true, blockOwnerDeletion: true };
  return { apiVersion: API_VERSION, kind: 'Deployment', name, uid, ...flags };
}

function withoutHash({ spec }: ReplicaSet): unknown {
  const labels = without(spec?.template?.metadata?.labels ?? {}, HASH_LABEL);
  return { ...spec?.template, metadata: { ...spec?.template?.metadata, labels } };
}

function revisionOf({ metadata }: ReplicaSet): number {
  return Number(metadata?.annotations?.[REVISION] ?? 0);
}

function step(rollout: Rollout): readonly Action[] {
  const { deployment, current, old } = rollout;
  if (deployment.spec?.paused === true) return current === undefined ? [] : resizeCurrent(rollout);
  const revision = Math.max(0, ...old.map(revisionOf)) + 1;
  const recreate = deployment.spec?.strategy?.type === 'Recreate';
  const downs = recreate ? scaleAllDown(rollout) : scaleOldDown(rollout);
  const upAllowed = !recreate || (downs.length === 0 && rollout.oldPods === 0);
  const ups =
    current !== undefined
      ? [
          ...revise(rollout, Math.max(revision, revisionOf(current))),
          ...(upAllowed ? resizeCurrent(rollout) : []),
        ]
      : [createSet(rollout, revision, upAllowed)];
  return [...ups, ...downs, ...cleanUp(rollout)];
}

function resizeCurrent({ deployment, current, old }: Rollout): readonly Action[] {
  if (current === undefined) return [];
  const wanted = deployment.spec?.replicas ?? 1;
  const others = old.reduce((sum, set) => sum + replicasOf(set), 0);
  const free = bounds(deployment).most - others;
  const replicas = others === 0 ? wanted : Math.min(wanted, Math.max(replicasOf(current), free));
  return scale(deployment, current, replicas);
}

function scaleAllDown({ deployment, old }: Rollout): readonly Action[] {
  return old.flatMap((set) => scale(deployment, set, 0));
}

/** Takes unavailable pods first, then as many as may be missing. */
function scaleOldDown({ deployment, current, old }: Rollout): readonly Action[] {
  const { fewest } = bounds(deployment);
  const running = old.filter((set) => replicasOf(set) > 0);
  if (running.length === 0) return [];
  const total = [...running, ...(current ? [current] : [])].reduce((n, s) => n + replicasOf(s), 0);
  const newUnavailable = current
    ? replicasOf(current) - (current.status?.availableReplicas ?? 0)
    : 0;
  let mayGo = total - fewest - newUnavailable;
  if (mayGo <= 0) return [];
  const left = new Map(running.map((set) => [set, replicasOf(set)]));
  for (const set of running) {
    const unavailable = Math.max(0, replicasOf(set) - (set.status?.availableReplicas ?? 0));
    const go = Math.min(mayGo, unavailable);
    left.set(set, replicasOf(set) - go);
    mayGo -= go;
  }
  const available = [current, ...running].reduce(
    (n, s) => n + (s?.status?.availableReplicas ?? 0),
    0,
  );
  let spare = Math.min(mayGo, available - fewest);
  for (const set of running) {
    const have = left.get(set) ?? 0;
    const go = Math.max(0, Math.min(spare, have));
    left.set(set, have - go);
    spare -= go;
  }
  return running.flatMap((set) => scale(deployment, set, left.get(set) ?? 0));
}

function scale(deployment: Deployment, set: ReplicaSet, replicas: number): readonly Action[] {
  const annotations = sizeAnnotations(deployment);
  const have = set.metadata?.annotations ?? {};
  const marked = Object.entries(annotations).every(([key, value]) => have[key] === value);
  const before = replicasOf(set);
  if (before === replicas && (marked || replicas === 0)) return [];
  const body = { metadata: { uid: uidOf(set), annotations }, spec: { replicas } };
  const direction = replicas > before ? 'up' : 'down';
  const message = `Scaled ${direction} replica set ${set.metadata?.name} from ${before} to ${replicas}`;
  return [
    {
      kind: 'patch',
      resource: REPLICA_SETS,
      name: nameOf(set),
      type: 'merge',
      body,
      why: `scale from ${before} to ${replicas}`,
      ...(before === replicas ? {} : { event: scalingEvent(deployment, message) }),
    },
  ];
}

function scalingEvent(deployment: Deployment, message: string) {
  const about = referenceTo(deployment, 'Deployment', API_VERSION);
  return { about, type: 'Normal', reason: 'ScalingReplicaSet', message } as const;
}

function sizeAnnotations(deployment: Deployment): Record<string, string> {
  return {
    [DESIRED]: String(deployment.spec?.replicas ?? 1),
    [MAXIMUM]: String(bounds(deployment).most),
  };
}

function createSet({ deployment, old, names }: Rollout, revision: number, up: boolean): Action {
  const { namespace = '', name = '', annotations = {} } = deployment.metadata ?? {};
  const template = deployment.spec?.template;
  let collisions = 0;
  while (names.has(`${namespace}/${name}-${templateHash(template, collisions)}`)) collisions += 1;
  const hash = templateHash(template, collisions);
  const labels = { ...template?.metadata?.labels, [HASH_LABEL]: hash };
  const others = old.reduce((sum, set) => sum + replicasOf(set), 0);
  const wanted = deployment.spec?.replicas ?? 1;
  const replicas = up ? Math.max(0, Math.min(wanted, bounds(deployment).most - others)) : 0;
  const inherited = without(annotations, LAST_APPLIED, REVISION);
  const object = {
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: { ...inherited, ...sizeAnnotations(deployment), [REVISION]: String(revision) },
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      replicas,
      minReadySeconds: deployment.spec?.minReadySeconds ?? 0,
      selector: {
        ...deployment.spec?.selector,
        matchLabels: { ...deployment.spec?.selector.matchLabels, [HASH_LABEL]: hash },
      },
      template: { ...template, metadata: { ...template?.metadata, labels } },
    },
  };
  const message = `Scaled up replica set ${name}-${hash} from 0 to ${replicas}`;
  const event = replicas === 0 ? {} : { event: scalingEvent(deployment, message) };
  return { kind: 'create', resource: REPLICA_SETS, object, why: 'new template', ...event };
}

/** Sets revision and `minReadySeconds` of the present set, and the revision of the deployment. */
function revise({ deployment, current }: Rollout, revision: number): readonly Action[] {
  if (current === undefined) return [];
  const text = String(revision);
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  const actions: Action[] = [];
  const annotations = { [REVISION]: text };
  const stale = (current.spec?.minReadySeconds ?? 0) !== minReadySeconds;
  if (current.metadata?.annotations?.[REVISION] !== text || stale) {
    const body = { metadata: { annotations }, spec: { minReadySeconds } };
    const target = { resource: REPLICA_SETS, name: nameOf(current), type: 'merge' } as const;
    actions.push({ kind: 'patch', ...target, body, why: `is revision ${text}` });
  }
  if (deployment.metadata?.annotations?.[REVISION] !== text) {
    const target = { resource: DEPLOYMENTS, name: nameOf(deployment), type: 'merge' } as const;
    actions.push({
      kind: 'patch',
      ...target,
      body: { metadata: { annotations } },
      why: `is revision ${text}`,
    });
  }
  return actions;
}

function cleanUp({ deployment, old }: Rollout): readonly Action[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const empty = old.filter(
    (set) => replicasOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && !isDeleting(set),
  );
  return empty.slice(0, Math.max(0, empty.length - limit)).map((set) => ({
    kind: 'delete',
    resource: REPLICA_SETS,
    name: nameOf(set),
    options: { uid: uidOf(set) },
    why: `more than ${limit} old revisions`,
  }));
}
