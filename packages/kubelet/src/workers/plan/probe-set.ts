import type { Container, Probe } from '@nodeagent/kube-client';
import { type ProbeAction, type ProbeSet, type ProbeSpec, withDefaults } from '@nodeagent/probes';

import { expandWords } from '../../pod/index.js';

/** The probes of a container in the prober's form; empty if it has none. */
export function probeSetOf(container: Container): ProbeSet {
  const liveness = container.livenessProbe && probeSpec(container.livenessProbe, container);
  const readiness = container.readinessProbe && probeSpec(container.readinessProbe, container);
  const startup = container.startupProbe && probeSpec(container.startupProbe, container);
  return {
    ...(liveness && { liveness }),
    ...(readiness && { readiness }),
    ...(startup && { startup }),
  };
}

/** Container ports that have a name. */
export function namedPorts(container: Container): Readonly<Record<string, number>> {
  return Object.fromEntries(
    (container.ports ?? []).flatMap(({ name, containerPort }) =>
      name === undefined ? [] : [[name, containerPort]],
    ),
  );
}

/** @returns undefined for a probe without an action */
function probeSpec(probe: Probe, container: Container): ProbeSpec | undefined {
  const action = actionOf(probe, container);
  if (action === undefined) return undefined;
  // Kubernetes takes 0 for unset here.
  const { initialDelaySeconds, periodSeconds, timeoutSeconds } = probe;
  const { successThreshold, failureThreshold, terminationGracePeriodSeconds } = probe;
  return withDefaults({
    action,
    ...(initialDelaySeconds !== undefined && { initialDelayMs: initialDelaySeconds * 1000 }),
    ...(!!periodSeconds && { periodMs: periodSeconds * 1000 }),
    ...(!!timeoutSeconds && { timeoutMs: timeoutSeconds * 1000 }),
    ...(!!successThreshold && { successThreshold }),
    ...(!!failureThreshold && { failureThreshold }),
    ...(terminationGracePeriodSeconds !== undefined && {
      terminationGraceSeconds: terminationGracePeriodSeconds,
    }),
  });
}

function actionOf(
  { httpGet, tcpSocket, grpc, exec }: Probe,
  container: Container,
): ProbeAction | undefined {
  if (exec !== undefined) return { kind: 'exec', command: execCommand(exec.command, container) };
  if (httpGet !== undefined) {
    return {
      kind: 'http',
      scheme: httpGet.scheme?.toLowerCase() === 'https' ? 'https' : 'http',
      ...(httpGet.host !== undefined && httpGet.host !== '' && { host: httpGet.host }),
      port: portRef(httpGet.port),
      path: httpGet.path ?? '/',
      headers: httpGet.httpHeaders ?? [],
    };
  }
  if (tcpSocket !== undefined) {
    const { host, port } = tcpSocket;
    return {
      kind: 'tcp',
      ...(host !== undefined && host !== '' && { host }),
      port: portRef(port),
    };
  }
  if (grpc !== undefined) return { kind: 'grpc', port: grpc.port, service: grpc.service ?? '' };
  return undefined;
}

/**
 * Expands references to the literal values in `env` only: not to values from other objects, and not
 * references inside values.
 *
 * @see Kubernetes 1.36 pkg/kubelet/container/helpers.go, ExpandContainerCommandOnlyStatic
 */
function execCommand(words: readonly string[] = [], { env = [] }: Container): readonly string[] {
  const values = new Map(env.map(({ name, value }) => [name, value ?? '']));
  return expandWords(words, (name) => values.get(name));
}

/** A number that was written as text is still a number. */
function portRef(port: string | number): string | number {
  return typeof port === 'string' && /^\d+$/.test(port) ? Number(port) : port;
}
