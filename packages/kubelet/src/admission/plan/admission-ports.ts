import type { Pod } from '@nodeagent/kube-client';

import { type FailureVerdict, initContainers, isHostNetwork, isSidecar } from '../../pod/index.js';
import type { AdmissionContext } from '../model/context.js';

interface HostPort {
  readonly port: number;
  readonly protocol: string;
  /** `0.0.0.0` means every address. */
  readonly address: string;
}

/** Refuses a pod whose host ports another pod already uses. */
export function refuseForPorts(pod: Pod, { others }: AdmissionContext): FailureVerdict | undefined {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return undefined;
  const taken = others.flatMap(hostPorts);
  if (!wanted.some((a) => taken.some((b) => collide(a, b)))) return undefined;
  return {
    reason: 'NodePorts',
    message:
      "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
  };
}

function hostPorts(pod: Pod): readonly HostPort[] {
  const sidecars = initContainers(pod).flatMap(({ spec }) => (isSidecar(spec) ? [spec] : []));
  return [...sidecars, ...(pod.spec?.containers ?? [])].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, containerPort, protocol = 'TCP', hostIP = '0.0.0.0' }) => {
      const port = hostPort ?? (isHostNetwork(pod) ? containerPort : 0);
      return port > 0 ? [{ port, protocol, address: hostIP }] : [];
    }),
  );
}

function collide(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.address === b.address || a.address === '0.0.0.0' || b.address === '0.0.0.0';
}
