import { toPathSegment } from '@nodeagent/base';
import type { DnsConfig, IdMapping, PortMapping, SandboxConfig } from '@nodeagent/cri-client';
import type { Container, Pod } from '@nodeagent/kube-client';

import {
  allContainers,
  isHostNetwork,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
  podName,
  podNamespace,
  podUid,
} from '../../pod/index.js';
import {
  overheadResources,
  type ResourceSettings,
  sandboxResources,
} from './container-resources.js';
import { sandboxHostname } from './hostname.js';
import { namespaceOptions, selinuxOptions, supplementalGroups } from './security-context.js';

export interface SandboxInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly logDirectory: string;
  readonly dns: DnsConfig;
  /** The runtime's default if absent. */
  readonly cgroupParent?: string | undefined;
  /** The pod's own user ids; the host's if absent. */
  readonly ids?: IdMapping | undefined;
  /** Groups that the pod's volumes need; none if absent. */
  readonly volumeGroups?: readonly number[];
}

/**
 * The sandbox configuration of a pod; each of its containers repeats it unchanged.
 *
 * @throws {StartError} for an invalid hostname
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_sandbox.go
 */
export function sandboxConfig(
  input: SandboxInput,
  settings: ResourceSettings & Readonly<{ clusterDomain: string }>,
): SandboxConfig {
  const { pod, attempt, logDirectory, dns, cgroupParent } = input;
  const identity = { name: podName(pod), namespace: podNamespace(pod), uid: podUid(pod) };
  const ports = portMappings(pod);
  return {
    metadata: { ...identity, attempt },
    ...(isHostNetwork(pod) ? {} : { hostname: sandboxHostname(pod, settings.clusterDomain) }),
    logDirectory,
    dns,
    ...(ports.length > 0 ? { portMappings: ports } : {}),
    labels: {
      ...pod.metadata?.labels,
      [LABEL_POD_NAME]: identity.name,
      [LABEL_POD_NAMESPACE]: identity.namespace,
      [LABEL_POD_UID]: identity.uid,
    },
    annotations: { ...pod.metadata?.annotations },
    linux: {
      cgroupParent,
      sysctls: sysctls(pod),
      securityContext: sandboxSecurity(input),
      resources: sandboxResources(pod, settings),
      overhead: overheadResources(pod, settings),
    },
  };
}

/** `<podLogsDir>/<namespace>_<name>_<uid>` */
export function podLogDirectory(podLogsDir: string, pod: Pod): string {
  const namespace = toPathSegment(podNamespace(pod), 'metadata.namespace');
  const name = toPathSegment(podName(pod), 'metadata.name');
  return `${podLogsDir}/${namespace}_${name}_${podUid(pod)}`;
}

function sandboxSecurity({
  pod,
  ids,
  volumeGroups,
}: SandboxInput): NonNullable<NonNullable<SandboxConfig['linux']>['securityContext']> {
  const { runAsUser, runAsGroup, seLinuxOptions, supplementalGroupsPolicy } =
    pod.spec?.securityContext ?? {};
  return {
    privileged: allContainers(pod).some(({ spec }) => spec.securityContext?.privileged === true),
    seccomp: { kind: 'runtime-default' },
    namespaces: namespaceOptions(pod, { ids }),
    supplementalGroups: supplementalGroups(pod, volumeGroups),
    supplementalGroupsPolicy: supplementalGroupsPolicy === 'Strict' ? 'strict' : 'merge',
    runAsUser,
    // Runtimes refuse a group without a user.
    runAsGroup: runAsUser === undefined ? undefined : runAsGroup,
    ...(seLinuxOptions === undefined ? {} : { selinux: selinuxOptions(seLinuxOptions) }),
  };
}

function sysctls(pod: Pod): Readonly<Record<string, string>> {
  const entries = (pod.spec?.securityContext?.sysctls ?? []).map(
    ({ name, value }) => [dotted(name), value] as const,
  );
  return Object.fromEntries(entries);
}

/** Converts sysctl names, which may use `.` or `/`; the first separator decides which. */
function dotted(name: string): string {
  if (/[./]/.exec(name)?.[0] !== '/') return name;
  return name.replaceAll(/[./]/g, (char) => (char === '/' ? '.' : '/'));
}

function portMappings(pod: Pod): readonly PortMapping[] {
  return (pod.spec?.containers ?? []).flatMap(containerPorts);
}

const PROTOCOLS: ReadonlyMap<string, PortMapping['protocol']> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

/** Without repetitions of the same port within one container. */
function containerPorts({ ports = [] }: Container): readonly PortMapping[] {
  const seen = new Set<string>();
  return ports.flatMap(({ name, protocol = 'TCP', containerPort, hostPort = 0, hostIP = '' }) => {
    const family = hostIP.includes(':') ? 'v6' : hostIP === '' ? 'any' : 'v4';
    const key = name || `${family}-${protocol}-${hostIP}:${containerPort}:${hostPort}`;
    if (seen.has(key)) return [];
    seen.add(key);
    const wire = PROTOCOLS.get(protocol) ?? 'tcp';
    return [{ protocol: wire, containerPort, hostPort, hostIp: hostIP }];
  });
}
