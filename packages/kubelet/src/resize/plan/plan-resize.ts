import type { Container, Pod } from '@nodeagent/kube-client';

import {
  amountsIn,
  type ContainerAmounts,
  type ContainerObservation,
  type ContainerResize,
  initContainers,
  latestOf,
  type PodAction,
  type PodAllocation,
  type PodObservation,
  regularContainers,
  sameContainerAmounts,
  sameResources,
} from '../../pod/index.js';

/** A pod, its running containers, and the recorded resources of its containers. */
export interface ResizeSubject {
  readonly pod: Pod;
  readonly seen: PodObservation;
  readonly context: Readonly<{ actuated?: PodAllocation | undefined }>;
}

export type ResizeNeed =
  Readonly<{ kind: 'none' | 'restart' }> | Readonly<{ kind: 'update'; resize: ContainerResize }>;

const NONE: ResizeNeed = { kind: 'none' };

/**
 * The step that gives a running container its allocation. If its current resources are unknown,
 * another kubelet created it from the spec as it stands, so nothing is done.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_manager.go, computePodResizeAction
 */
export function resizeNeed(
  { pod, context: { actuated } }: ResizeSubject,
  container: Container,
  record: ContainerObservation,
): ResizeNeed {
  const change = record.state.kind === 'running' && changeOf(pod, container, actuated);
  if (!change) return NONE;
  const { from, to } = change;
  const restarts = (name: string): boolean =>
    container.resizePolicy?.find(({ resourceName }) => resourceName === name)?.restartPolicy ===
    'RestartContainer';
  const changed = (name: keyof ContainerAmounts): boolean => from[name] !== to[name];
  const cpu = changed('cpuRequestMilli') || changed('cpuLimitMilli');
  const memory = changed('memoryRequestBytes') || changed('memoryLimitBytes');
  if ((cpu && restarts('cpu')) || (memory && restarts('memory'))) return { kind: 'restart' };
  return { kind: 'update', resize: { id: record.id, name: container.name, from, to } };
}

function changeOf(
  { spec }: Pod,
  { name, resources = {} }: Container,
  actuated: PodAllocation | undefined,
): Pick<ContainerResize, 'from' | 'to'> | undefined {
  const has = actuated?.containers[name];
  if (has === undefined) return undefined;
  const from = amountsIn(undefined, has);
  const to = amountsIn(spec?.resources, resources);
  return sameContainerAmounts(from, to) ? undefined : { from, to };
}

/** The pod does not have its whole allocation yet. */
export function isResizing(
  pod: Pod,
  seen: PodObservation,
  actuated: PodAllocation | undefined,
): boolean {
  const isChanging = ({ name, resources }: Container): boolean =>
    latestOf(seen, name)?.state.kind === 'running' &&
    changeOf(pod, { name, ...(resources && { resources }) }, actuated) !== undefined;
  const all = [...initContainers(pod), ...regularContainers(pod)];
  return all.some(({ spec }) => isChanging(spec)) || isWholeResizing(pod, actuated);
}

function isWholeResizing({ spec }: Pod, actuated: PodAllocation | undefined): boolean {
  const has = actuated?.pod;
  return has !== undefined && spec?.resources !== undefined && !sameResources(has, spec.resources);
}

/**
 * Plans the step that gives the running containers, and the pod around them, their allocation.
 *
 * @param plan the other steps: containers that they stop get their allocation when they start again
 */
export function planResize(
  subject: ResizeSubject,
  plan: readonly PodAction[],
): readonly PodAction[] {
  const { pod, seen, context } = subject;
  if (context.actuated === undefined) return [];
  const stopped = new Set(plan.flatMap((each) => (each.kind === 'stop-container' ? each.id : [])));
  let restarts = false;
  const resizes: ContainerResize[] = [];
  for (const { spec } of [...initContainers(pod), ...regularContainers(pod)]) {
    const record = latestOf(seen, spec.name);
    if (record === undefined) continue;
    const need = resizeNeed(subject, spec, record);
    // A container that must restart may have to wait for that: a sidecar may wait for its start.
    if (need.kind === 'restart') restarts ||= stopped.has(record.id);
    else if (need.kind === 'update' && !stopped.has(record.id)) resizes.push(need.resize);
  }
  if (resizes.length === 0 && !restarts && !isWholeResizing(pod, context.actuated)) return [];
  return [
    {
      kind: 'resize-pod',
      memory: ordered(resizes, ['memoryLimitBytes', 'memoryRequestBytes']),
      cpu: ordered(resizes, ['cpuLimitMilli', 'cpuRequestMilli']),
      why: `resources changed${resizes.map(described).join('')}`,
    },
  ];
}

/** Decreases come first, to make room for increases. */
function ordered(
  resizes: readonly ContainerResize[],
  [limit, request]: readonly [keyof ContainerAmounts, keyof ContainerAmounts],
): readonly ContainerResize[] {
  const growth = ({ from, to }: ContainerResize): number =>
    to[limit] - from[limit] || to[request] - from[request];
  const shrinking = resizes.filter((resize) => growth(resize) < 0);
  const growing = resizes.filter((resize) => growth(resize) > 0);
  return [...shrinking, ...growing];
}

function described({ name, from, to }: ContainerResize): string {
  const texts = (Object.keys(to) as (keyof ContainerAmounts)[])
    .filter((key) => from[key] !== to[key])
    .map((key) => `${key} ${from[key]} to ${to[key]}`);
  return `, ${name}: ${texts.join(', ')}`;
}
