import type { Container, Pod } from '@nodeagent/kube-client';

import type { ContainerObservation, PodObservation } from '../model/observation.js';
import { initContainers, isDeleting, regularContainers } from '../model/pod-spec.js';

/**
 * Decides whether a container restarts after this exit code. Its own rules take precedence over its
 * own policy, and that over the pod's policy.
 *
 * @see Kubernetes 1.36 pkg/kubelet/container/helpers.go, ShouldContainerBeRestarted
 */
export function restartsAfterExit(pod: Pod, container: Container, exitCode: number): boolean {
  return !isDeleting(pod) && policyRestarts(pod, container, exitCode);
}

/** Exit code of a process that SIGKILL ended. */
const KILLED = 137;

/**
 * The exit code that an init container's end counts as. If one of its processes was killed for
 * memory, the container has failed even if its first process succeeded.
 *
 * @param end as the runtime or a status reports it
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go, isInitContainerFailed
 */
export function initExitCode(
  end: Readonly<{ exitCode: number; reason?: string | undefined }>,
): number {
  return end.exitCode === 0 && end.reason === 'OOMKilled' ? KILLED : end.exitCode;
}

/** Decides by policy alone, for a pod that may be terminating. */
export function policyRestarts(pod: Pod, container: Container, exitCode: number): boolean {
  if (container.restartPolicy !== undefined) {
    if (matchesRestartRule(container, exitCode)) return true;
    return restartsUnder(container.restartPolicy, exitCode);
  }
  return restartsUnder(pod.spec?.restartPolicy ?? 'Always', exitCode);
}

function restartsUnder(policy: string, exitCode: number): boolean {
  if (policy === 'Never') return false;
  return policy === 'Always' || exitCode !== 0;
}

function matchesRestartRule(container: Container, exitCode: number): boolean {
  const action = ruleAction(container, exitCode);
  return action === 'Restart' || action === 'RestartAllContainers';
}

/** The action of the first rule that matches the exit code. */
function ruleAction(container: Container, exitCode: number): string | undefined {
  const rule = container.restartPolicyRules?.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) === true;
    if (exitCodes?.operator === 'In') return listed;
    return exitCodes?.operator === 'NotIn' && !listed;
  });
  return rule?.action;
}

/** Some rule of the pod can restart all of its containers. */
export function mayRestartAll(pod: Pod): boolean {
  return [...initContainers(pod), ...regularContainers(pod)].some(
    ({ spec }) =>
      spec.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers') === true,
  );
}

/**
 * The containers whose end requires a restart of all containers in the existing sandbox. The
 * restart is in progress as long as there is one.
 *
 * @see Kubernetes 1.36 pkg/kubelet/container/helpers.go, ShouldAllContainersRestart
 */
export function restartAllSources(pod: Pod, seen: PodObservation): readonly ContainerObservation[] {
  if (isDeleting(pod) || !mayRestartAll(pod)) return [];
  return [...initContainers(pod), ...regularContainers(pod)].flatMap(({ spec }) => {
    const record = seen.containers.find(({ name }) => name === spec.name);
    if (record?.state.kind !== 'exited') return [];
    const asks = ruleAction(spec, record.state.exitCode) === 'RestartAllContainers';
    return asks ? [record] : [];
  });
}

/** Decides whether a container restarts after a probe has stopped it. */
export function restartsAfterKill(pod: Pod, container: Container): boolean {
  return (container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always') !== 'Never';
}
