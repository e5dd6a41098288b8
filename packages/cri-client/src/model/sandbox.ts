import type { ContainerStatus } from './container.js';
import type { SandboxId } from './ids.js';
import type {
  Labels,
  LinuxResources,
  SandboxSecurityContext,
  Seen,
  SeenNamespaces,
} from './linux.js';

/** The four fields together name a sandbox; a runtime refuses a second one of the same name. */
export interface SandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

/** The lines of the pod's `/etc/resolv.conf`. */
export interface DnsConfig {
  readonly servers?: readonly string[] | undefined;
  readonly searches?: readonly string[] | undefined;
  readonly options?: readonly string[] | undefined;
}

/** A port of the pod that is reachable through the host's address. */
export interface PortMapping {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly containerPort: number;
  /** 0 or absent: the port is not mapped to a host port. */
  readonly hostPort?: number | undefined;
  readonly hostIp?: string | undefined;
}

/** The parts of a sandbox's configuration that only Linux has. */
export interface LinuxSandboxConfig {
  /** A path in the syntax of the runtime's cgroup driver. */
  readonly cgroupParent?: string | undefined;
  readonly securityContext?: SandboxSecurityContext | undefined;
  readonly sysctls?: Labels | undefined;
  readonly overhead?: LinuxResources | undefined;
  /** Sum over the pod's containers, for runtimes that size a virtual machine. */
  readonly resources?: LinuxResources | undefined;
}

/**
 * Everything that a runtime must know to make a pod's sandbox. Each container in it is made with
 * the same configuration again.
 */
export interface SandboxConfig {
  readonly metadata: SandboxMetadata;
  /** Absent in the host's network namespace. */
  readonly hostname?: string | undefined;
  /** Absolute; a container's `logPath` is relative to it. */
  readonly logDirectory?: string | undefined;
  readonly dns?: DnsConfig | undefined;
  readonly portMappings?: readonly PortMapping[] | undefined;
  readonly labels?: Labels | undefined;
  readonly annotations?: Labels | undefined;
  readonly linux?: LinuxSandboxConfig | undefined;
}

/** A sandbox that is not ready never becomes ready again. */
export type SandboxState = 'ready' | 'not-ready';

/** A line of `ListPodSandbox`. */
export interface Sandbox {
  readonly id: SandboxId;
  /** Absent in sandboxes that another client made without it. */
  readonly metadata?: SandboxMetadata | undefined;
  readonly state: Seen<SandboxState>;
  readonly createdAtMs: number;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Empty means the runtime's default. */
  readonly runtimeHandler: string;
}

/** Everything that a runtime knows of one sandbox. */
export interface SandboxStatus {
  readonly id: SandboxId;
  readonly metadata: SandboxMetadata;
  readonly state: Seen<SandboxState>;
  /** Since the Unix epoch, with fractions: the wire has nanoseconds, kept to under 1 µs. */
  readonly createdAtMs: number;
  /** The primary address comes first; empty in the host's network and after the sandbox stopped. */
  readonly ips: readonly string[];
  readonly namespaces?: SeenNamespaces | undefined;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly runtimeHandler: string;
  /** Set only by runtimes with an event stream. */
  readonly containers: readonly ContainerStatus[];
  /** The time at which the runtime took this status; set only by runtimes with an event stream. */
  readonly observedAtMs?: number | undefined;
}

/** A sandbox must match every given field; labels must all be present with these values. */
export interface SandboxFilter {
  readonly id?: SandboxId | undefined;
  readonly state?: SandboxState | undefined;
  readonly labels?: Labels | undefined;
}
