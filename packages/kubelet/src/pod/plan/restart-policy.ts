import type { Container, Pod } from '@nodeagent/kube-client';

import type { ContainerObservation, PodObservation } from '../model/observation.js';
import { initContainers, isDeleting, regularContainers } from '../model/pod-spec.js';

/**
 * Whether a container that ended so is started again. A container's own rules go first, then its
 * own policy, then the pod's.
 *
 * @see Kubernetes 1.36 pkg/kubelet/container/helpers.go, ShouldContainerBeRestarted
 */
export function restartsAfterExit(pod: Pod, container: Container, exitCode: number): boolean {
  return !isDeleting(pod) && policyRestarts(pod, container, exitCode);
}

/** Exit code of what SIGKILL ended. */
const KILLED = 137;

/**
 * What the end of an init container counts as. One of its processes may have been killed for memory
 * though the first ended well: then it has failed.
 *
 * @param end as the runtime or a status tells it
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go, isInitContainerFailed
 */
export function initExitCode(
  end: Readonly<{ exitCode: number; reason?: string | undefined }>,
): number {
  return end.exitCode === 0 && end.reason === 'OOMKilled' ? KILLED : end.exitCode;
}

/** The same by policy alone, for a pod that may be on its way out. */
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

/** Of the first rule that the exit code meets. */
function ruleAction(container: Container, exitCode: number): string | undefined {
  const rule = container.restartPolicyRules?.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) === true;
    if (exitCodes?.operator === 'In') return listed;
    return exitCodes?.operator === 'NotIn' && !listed;
  });
  return rule?.action;
}

/** Whether some rule of the pod can restart all of its containers. */
export function mayRestartAll(pod: Pod): boolean {
  return [...initContainers(pod), ...regularContainers(pod)].some(
    ({ spec }) =>
      spec.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers') === true,
  );
}

/**
 * The containers whose end asks for a new start of the whole pod in the sandbox that it has. As long
 * as there is one, the pod is on its way there.
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

/** Whether a container that its probe condemned is started again. */
export function restartsAfterKill(pod: Pod, container: Container): boolean {
  return (container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always') !== 'Never';
}
