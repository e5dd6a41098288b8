import type { Container, ContainerStatus } from '@nodeagent/kube-client';

import type { ContainerObservation, ContainerVerdicts } from '../../pod/index.js';

export interface Readiness {
  readonly started: boolean;
  readonly ready: boolean;
}

/**
 * Decides if a running container is started and ready. Until a probe has answered, the previous
 * status of the same container applies, so a restarted kubelet changes nothing.
 */
export function readinessOf(
  container: Container,
  subject: Readonly<{ id: string; verdicts: ContainerVerdicts }>,
  previous: ContainerStatus | undefined,
): Readiness {
  const before = previous?.containerID === subject.id ? previous : undefined;
  const { startup, readiness } = subject.verdicts;
  const started =
    container.startupProbe === undefined ||
    startup === 'success' ||
    (startup !== 'failure' && before?.started === true);
  const passes =
    container.readinessProbe === undefined ||
    (readiness === undefined ? before?.ready === true : readiness === 'success');
  return { started, ready: started && passes };
}

/** A container's name in the API: `containerd://<id>`. */
export function containerUrl({ runtimeName, id }: ContainerObservation): string {
  return `${runtimeName}://${id}`;
}
