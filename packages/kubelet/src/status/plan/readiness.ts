import type { Container, ContainerStatus } from '@nodeagent/kube-client';

import type { ContainerObservation, ContainerVerdicts } from '../../pod/index.js';

export interface Readiness {
  readonly started: boolean;
  readonly ready: boolean;
}

/**
 * Whether a running container has started and is ready. Where no probe has answered yet, what was
 * said before about the same container still holds: so a kubelet's restart changes nothing.
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

/** `containerd://<id>`: how the API names a container. */
export function containerUrl({ runtimeName, id }: ContainerObservation): string {
  return `${runtimeName}://${id}`;
}
