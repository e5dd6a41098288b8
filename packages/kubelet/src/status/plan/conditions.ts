import { formatTimestamp } from '@nodeagent/base';
import type { ContainerStatus, Pod, PodCondition, PodStatus } from '@nodeagent/kube-client';

import {
  initContainers,
  mayRestartAll,
  regularContainers,
  RESIZE_IN_PROGRESS,
  RESIZE_PENDING,
  type ResizeCondition,
  type ResizeConditions,
  type RoledContainer,
} from '../../pod/index.js';
import type { ApiPhase } from './pod-phase.js';

export interface ConditionsInput {
  readonly pod: Pod;
  readonly previous: PodStatus;
  readonly phase: ApiPhase;
  readonly statuses: ReadonlyMap<string, ContainerStatus>;
  /** The sandbox is ready and has its IP addresses. */
  readonly sandboxReady: boolean;
  /**
   * All containers of the pod are being restarted, because a container's exit rule requested it.
   */
  readonly restartingAll: boolean;
  /** Resizes that are pending or in progress. */
  readonly resize?: ResizeConditions | undefined;
  readonly nowMs: number;
}

/** A condition as computed now, before its comparison with the previous one. */
type Verdict = Readonly<{ status: 'True' | 'False'; reason?: string; message?: string }>;

const TRUE: Verdict = { status: 'True' };

/** In reporting order; conditions of other types belong to other writers. */
const OWN_TYPES = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  'AllContainersRestarting',
];

/**
 * The pod's conditions: those of other writers first, unchanged, then the kubelet's. A condition's
 * transition time changes only with its status.
 *
 * @see Kubernetes 1.36 pkg/kubelet/status/generate.go
 */
export function podConditions(input: ConditionsInput): PodCondition[] {
  const before = input.previous.conditions ?? [];
  const foreign = [
    ...(input.pod.status?.conditions ?? []),
    ...before.filter(({ type }) => !hasType(input.pod.status?.conditions, type)),
  ].filter(({ type }) => !OWN_TYPES.includes(type) && !isResizeType(type));
  const containersReady = containersReadyVerdict(input);
  const verdicts: Readonly<Record<string, Verdict>> = {
    PodReadyToStartContainers: { status: input.sandboxReady ? 'True' : 'False' },
    Initialized: initializedVerdict(input),
    Ready: readyVerdict(input, containersReady, foreign),
    ContainersReady: containersReady,
    PodScheduled: TRUE,
    ...(mayRestartAll(input.pod) && { AllContainersRestarting: restartingVerdict(input) }),
  };
  const own = OWN_TYPES.flatMap((type) => {
    const verdict = verdicts[type];
    return verdict === undefined ? [] : [condition(input, { type, ...verdict }, before)];
  });
  return [...foreign, ...resizeConditions(input.resize), ...own];
}

/** These conditions exist only while a resize is pending or in progress. */
function isResizeType(type: string): boolean {
  return type === RESIZE_PENDING || type === RESIZE_IN_PROGRESS;
}

function resizeConditions({ pending, inProgress }: ResizeConditions = {}): PodCondition[] {
  const reported = (
    type: string,
    condition: ResizeCondition | undefined,
  ): readonly PodCondition[] => {
    if (condition === undefined) return [];
    const { reason, message, generation, sinceMs } = condition;
    return [
      {
        ...{ type, status: 'True' },
        lastTransitionTime: formatTimestamp(sinceMs),
        ...(reason !== '' && { reason }),
        ...(message !== '' && { message }),
        ...(generation !== undefined && { observedGeneration: generation }),
      },
    ];
  };
  return [...reported(RESIZE_PENDING, pending), ...reported(RESIZE_IN_PROGRESS, inProgress)];
}

function hasType(conditions: readonly PodCondition[] | undefined, type: string): boolean {
  return conditions?.some((other) => other.type === type) === true;
}

function condition(
  { pod, nowMs }: ConditionsInput,
  verdict: Verdict & { readonly type: string },
  before: readonly PodCondition[],
): PodCondition {
  const old = before.find(({ type }) => type === verdict.type);
  const generation = pod.metadata?.generation;
  const unchangedSince = old?.status === verdict.status ? old.lastTransitionTime : undefined;
  return {
    ...verdict,
    lastTransitionTime: unchangedSince ?? formatTimestamp(nowMs),
    ...(generation !== undefined &&
      verdict.type !== 'AllContainersRestarting' && { observedGeneration: generation }),
  };
}

function initializedVerdict(input: ConditionsInput): Verdict {
  const { pod, phase, statuses } = input;
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const begun = regularContainers(pod).some(({ spec }) => {
    const state = statuses.get(spec.name)?.state;
    return state?.running !== undefined || state?.terminated !== undefined;
  });
  if (begun) return TRUE;
  const inits = initContainers(pod);
  const unknown = named(inits, ({ spec }) => !statuses.has(spec.name));
  const incomplete = named(inits, ({ role, spec }) => {
    const status = statuses.get(spec.name);
    if (status === undefined) return false;
    return role === 'sidecar' ? status.started !== true : !status.ready;
  });
  if (unknown.length === 0 && incomplete.length === 0) return TRUE;
  const message = [
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.join(' ')}]`] : []),
    ...(incomplete.length > 0
      ? [`containers with incomplete status: [${incomplete.join(' ')}]`]
      : []),
  ].join(', ');
  return { status: 'False', reason: 'ContainersNotInitialized', message };
}

function containersReadyVerdict({ pod, phase, statuses }: ConditionsInput): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const serving = [
    ...initContainers(pod).filter(({ role }) => role === 'sidecar'),
    ...regularContainers(pod),
  ];
  const unknown = named(serving, ({ spec }) => !statuses.has(spec.name));
  const unready = named(serving, ({ spec }) => statuses.get(spec.name)?.ready === false);
  if (unknown.length === 0 && unready.length === 0) return TRUE;
  const message = [
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.join(' ')}]`] : []),
    ...(unready.length > 0 ? [`containers with unready status: [${unready.join(' ')}]`] : []),
  ].join(', ');
  return { status: 'False', reason: 'ContainersNotReady', message };
}

function restartingVerdict({ phase, restartingAll }: ConditionsInput): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  if (!restartingAll) return { status: 'False' };
  const message = 'container exited with restart policy rule';
  return { status: 'True', reason: 'RestartAllContainersStarted', message };
}

function readyVerdict(
  { pod }: ConditionsInput,
  containersReady: Verdict,
  foreign: readonly PodCondition[],
): Verdict {
  if (containersReady.status === 'False') return containersReady;
  const missing = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType: gate }) => {
    const found = foreign.find(({ type }) => type === gate);
    if (found === undefined) {
      return [`corresponding condition of pod readiness gate "${gate}" does not exist.`];
    }
    if (found.status === 'True') return [];
    return [`the status of pod readiness gate "${gate}" is not "True", but ${found.status}`];
  });
  if (missing.length === 0) return TRUE;
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}

function named(
  containers: readonly RoledContainer[],
  matches: (container: RoledContainer) => boolean,
): readonly string[] {
  return containers.filter(matches).map(({ spec }) => spec.name);
}
