import { isIPv6 } from 'node:net';

import { formatTimestamp } from '@nodeagent/base';
import type { ContainerStatus, PodStatus } from '@nodeagent/kube-client';

import {
  allContainers,
  ephemeralContainers,
  type FailureVerdict,
  initContainers,
  isHostNetwork,
  isStaticPod,
  isTerminalPhase,
  latestOf,
  qosClass,
  regularContainers,
  restartAllSources,
  type RoledContainer,
} from '../../pod/index.js';
import { sandboxProblem } from '../../workers/index.js';
import type { StatusInput } from '../model/status-input.js';
import { podConditions } from './conditions.js';
import { containerStatus, RESTARTING_ALL } from './container-status.js';
import { withDisruption } from './disruption.js';
import { type ApiPhase, podPhase } from './pod-phase.js';
import { resourceFields } from './resources.js';

/** The pod's status as the kubelet writes it, without fields of other writers. */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, previous, seen, verdict, nowMs } = input;
  const neverBegun = seen.containers.length === 0 && previous.containerStatuses === undefined;
  if (verdict !== undefined && neverBegun) return refusedStatus(input, verdict);
  const statuses = containerStatuses(input);
  const { phase, reason, message } = phaseOf(input, statuses);
  const sandboxReady = sandboxProblem(pod, seen) === undefined;
  const restartingAll = restartAllSources(pod, seen).length > 0;
  const conditions = withDisruption(
    podConditions({
      ...{ pod, previous, phase, statuses, sandboxReady, restartingAll, nowMs },
      ...(!isTerminalPhase(phase) && { resize: input.resize }),
    }),
    verdict?.disruption,
    nowMs,
  );
  const listed = (containers: readonly RoledContainer[]): ContainerStatus[] =>
    containers.flatMap(({ spec }) => statuses.get(spec.name) ?? []);
  const init = listed(initContainers(pod));
  const ephemeral = byName(listed(ephemeralContainers(pod)));
  return {
    ...generationFields(input),
    phase,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    conditions,
    ...addressFields(input),
    qosClass: qosClass(pod),
    startTime: previous.startTime ?? formatTimestamp(nowMs),
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: byName(listed(regularContainers(pod))),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    ...resourceFields(pod, phase === 'Running'),
  };
}

/**
 * The status of a refused pod contains only the refusal.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go, rejectPod
 */
function refusedStatus(input: StatusInput, verdict: FailureVerdict): PodStatus {
  return {
    ...generationFields(input),
    phase: 'Failed',
    reason: verdict.reason,
    message: verdict.message,
    conditions: [...(input.previous.conditions ?? [])],
    qosClass: qosClass(input.pod),
    startTime: input.previous.startTime ?? formatTimestamp(input.nowMs),
  };
}

/**
 * The pod's last status: containers without a known end count as lost, and the phase is final.
 *
 * @see Kubernetes 1.36 pkg/kubelet/status/status_manager.go, TerminatePod
 */
export function finalStatus(pod: StatusInput['pod'], status: PodStatus): PodStatus {
  const begun = status.containerStatuses?.some(
    ({ state, lastState }) =>
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      lastState?.terminated !== undefined,
  );
  const settled = (statuses: ContainerStatus[] | undefined): ContainerStatus[] | undefined =>
    statuses?.map((status) => (status.state?.terminated ? status : lost(status)));
  const regular = settled(status.containerStatuses);
  const init = begun ? settled(status.initContainerStatuses) : status.initContainerStatuses;
  const undecided = !isTerminalPhase(status.phase) && !isStaticPod(pod);
  return {
    ...status,
    ...(regular && { containerStatuses: regular }),
    ...(init && { initContainerStatuses: init }),
    ...(undecided && { phase: 'Failed' }),
  };
}

function lost(status: ContainerStatus): ContainerStatus {
  return {
    ...status,
    ready: false,
    started: false,
    state: {
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
      },
    },
  };
}

function containerStatuses(input: StatusInput): ReadonlyMap<string, ContainerStatus> {
  const { previous } = input;
  const before = new Map(
    [
      ...(previous.initContainerStatuses ?? []),
      ...(previous.containerStatuses ?? []),
      ...(previous.ephemeralContainerStatuses ?? []),
    ].map((status) => [status.name, status]),
  );
  return new Map(
    allContainers(input.pod).map((roled) => {
      const { name } = roled.spec;
      return [name, containerStatus(input, roled, before.get(name))];
    }),
  );
}

type PhaseFields = Readonly<{ phase: ApiPhase; reason?: string; message?: string }>;

function phaseOf(input: StatusInput, statuses: ReadonlyMap<string, ContainerStatus>): PhaseFields {
  const { pod, previous, seen, terminal, verdict } = input;
  const carried = {
    ...(previous.reason !== undefined && { reason: previous.reason }),
    ...(previous.message !== undefined && { message: previous.message }),
  };
  const last = previous.phase;
  if (last === 'Failed' || last === 'Succeeded') return { phase: last, ...carried };
  const runs = seen.containers.some(({ state }) => state.kind === 'running');
  if (verdict !== undefined) {
    // A final phase means to other components that the pod and its claims are over: not while
    // containers run.
    const { reason, message } = verdict;
    if (!runs) return { phase: 'Failed', reason, message };
    return { phase: last === 'Running' ? 'Running' : 'Pending' };
  }
  const initialised = regularContainers(pod).some(({ spec }) => {
    const record = latestOf(seen, spec.name);
    return record !== undefined && record.sandboxId === seen.sandboxes[0]?.id;
  });
  // The pod is not over while its containers are removed for a restart of all of them.
  const startsAnew = [...statuses.values()].some(
    ({ state }) => state?.waiting?.reason === RESTARTING_ALL,
  );
  if (startsAnew && !terminal) return { phase: last === 'Running' ? last : 'Pending', ...carried };
  const phase = podPhase({ pod, statuses, terminal, initialised });
  if (isTerminalPhase(phase) && runs) return { phase: last === 'Running' ? 'Running' : 'Pending' };
  return phase === last ? { phase, ...carried } : { phase };
}

/** A server before 1.32 leaves an empty address out. */
type WrittenIps = Readonly<{ podIPs?: readonly Readonly<{ ip?: string }>[] }>;

function addressFields(input: StatusInput): Partial<PodStatus> {
  const { pod, previous, seen, hostIps } = input;
  const [hostIp] = hostIps;
  const ownIps = isHostNetwork(pod) ? hostIps : familyOrdered(seen.podIps, hostIp);
  const ready = seen.sandboxes.some((sandbox) => sandbox.ready);
  const { podIPs = [] }: WrittenIps = previous;
  const kept = podIPs.flatMap(({ ip }) => ip ?? []);
  const podIps = ownIps.length === 0 && !ready ? kept : ownIps;
  const [podIp] = podIps;
  return {
    ...(hostIp !== undefined && { hostIP: hostIp, hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(podIp !== undefined && { podIP: podIp, podIPs: podIps.map((ip) => ({ ip })) }),
  };
}

/** At most one address per family, starting with the family of the node's primary address. */
function familyOrdered(ips: readonly string[], hostIp: string | undefined): readonly string[] {
  const six = ips.find((ip) => isIPv6(ip));
  const four = ips.find((ip) => !isIPv6(ip));
  const sixFirst = hostIp !== undefined && isIPv6(hostIp);
  return (sixFirst ? [six, four] : [four, six]).filter((ip) => ip !== undefined);
}

function generationFields({ pod, previous }: StatusInput): Partial<PodStatus> {
  const generations = [pod.metadata?.generation, previous.observedGeneration].filter(
    (generation) => generation !== undefined,
  );
  return generations.length > 0 ? { observedGeneration: Math.max(...generations) } : {};
}

function byName(statuses: readonly ContainerStatus[]): ContainerStatus[] {
  return [...statuses].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
