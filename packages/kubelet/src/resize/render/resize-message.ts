import type { Container, Pod } from '@nodeagent/kube-client';

/**
 * The text of an event about a resize: its subject and all requested resources.
 *
 * @param what `Pod resize started`, `Pod resize Deferred`, …
 * @see Kubernetes 1.36 pkg/kubelet/events/resize.go
 */
export function resizeMessage(
  { spec, metadata }: Pod,
  what: string,
  {
    generation = metadata?.generation,
    error,
  }: Readonly<{ generation?: number | undefined; error?: string }>,
): string {
  const summary = {
    ...listed('initContainers', spec?.initContainers),
    ...listed('containers', spec?.containers),
    generation: generation ?? 0,
    ...(error !== undefined && error !== '' && { error }),
  };
  return `${what}: ${JSON.stringify(summary)}`;
}

function listed(name: string, containers: readonly Container[] = []): object {
  if (containers.length === 0) return {};
  return {
    [name]: containers.map((container) => ({
      name: container.name,
      resources: {
        ...(container.resources?.limits && { limits: container.resources.limits }),
        ...(container.resources?.requests && { requests: container.resources.requests }),
      },
    })),
  };
}
