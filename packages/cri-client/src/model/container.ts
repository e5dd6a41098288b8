import type { ContainerId, SandboxId } from './ids.js';
import type { ImageSpec } from './image.js';
import type { ContainerSecurityContext, IdMapping, Labels, LinuxResources, Seen } from './linux.js';
import type { StopSignal } from './stop-signal.js';

/** Names a container within its sandbox; a runtime refuses a second one of the same name. */
export interface ContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}

/** An absent `value` is sent as empty. Bytes are sent as they are, text as UTF-8. */
export interface EnvVar {
  readonly name: string;
  readonly value?: string | Uint8Array | undefined;
}

/** Says if mounts made on one side appear on the other. */
export type MountPropagation = 'private' | 'host-to-container' | 'bidirectional';

/** A file, directory or image of the host that the container sees. */
export interface Mount<Propagation extends string = MountPropagation> {
  readonly containerPath: string;
  /** Absent for image volumes. */
  readonly hostPath?: string | undefined;
  readonly readOnly?: boolean | undefined;
  readonly selinuxRelabel?: boolean | undefined;
  /** `private` when absent. */
  readonly propagation?: Propagation | undefined;
  readonly uidMappings?: readonly IdMapping[] | undefined;
  readonly gidMappings?: readonly IdMapping[] | undefined;
  /** Needs `readOnly`, private propagation and a runtime handler with this feature. */
  readonly recursiveReadOnly?: boolean | undefined;
  /** Mounts this image's root file system; excludes `hostPath`. */
  readonly image?: ImageSpec | undefined;
  readonly imageSubPath?: string | undefined;
}

/** A device of the host that a container may use. */
export interface Device {
  readonly containerPath: string;
  readonly hostPath: string;
  /** Any of `r`, `w`, `m`. */
  readonly permissions: string;
}

/** The parts of a container's configuration that only Linux has. */
export interface LinuxContainerConfig {
  readonly resources?: LinuxResources | undefined;
  readonly securityContext?: ContainerSecurityContext | undefined;
}

/** Everything that a runtime must know to make a container. */
export interface ContainerConfig {
  readonly metadata: ContainerMetadata;
  readonly image: ImageSpec;
  /** The image's entry point when empty or absent. */
  readonly command?: readonly string[] | undefined;
  /** The image's arguments when empty or absent and `command` is too. */
  readonly args?: readonly string[] | undefined;
  readonly workingDir?: string | undefined;
  readonly env?: readonly EnvVar[] | undefined;
  readonly mounts?: readonly Mount[] | undefined;
  readonly devices?: readonly Device[] | undefined;
  readonly labels?: Labels | undefined;
  readonly annotations?: Labels | undefined;
  /** Relative to the sandbox's `logDirectory`. */
  readonly logPath?: string | undefined;
  readonly stdin?: boolean | undefined;
  readonly stdinOnce?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly linux?: LinuxContainerConfig | undefined;
  /** Fully qualified names, `vendor.com/class=name`. */
  readonly cdiDevices?: readonly string[] | undefined;
  /** When absent: the image's stop signal, else SIGTERM. */
  readonly stopSignal?: StopSignal | undefined;
}

/** A container goes from left to right and never back: a restart makes a new container. */
export type ContainerState = 'created' | 'running' | 'exited';

/**
 * A line of `ListContainers`: fewer facts than {@link ContainerStatus}, for many containers in one
 * call.
 */
export interface Container {
  readonly id: ContainerId;
  readonly sandboxId: SandboxId;
  readonly metadata?: ContainerMetadata | undefined;
  readonly image?: ImageSpec | undefined;
  /** Digest reference or id, depending on the runtime. */
  readonly imageRef: string;
  /** Empty from runtimes older than this field: use `imageRef`. */
  readonly imageId: string;
  readonly state: Seen<ContainerState>;
  readonly createdAtMs: number;
  readonly labels: Labels;
  readonly annotations: Labels;
}

/** The ids with which the container's first process started. */
export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  readonly supplementalGroups: readonly number[];
}

/** Everything that a runtime knows of one container. */
export interface ContainerStatus {
  readonly id: ContainerId;
  readonly metadata: ContainerMetadata;
  readonly state: Seen<ContainerState>;
  /** Since the Unix epoch, with fractions: the wire has nanoseconds, kept to under 1 µs. */
  readonly createdAtMs: number;
  /** Absent before the first start. */
  readonly startedAtMs?: number | undefined;
  /** Absent until the container ends. */
  readonly finishedAtMs?: number | undefined;
  /** 0 until the container ends. 128 + n after signal n. */
  readonly exitCode: number;
  readonly image: ImageSpec;
  readonly imageRef: string;
  /** Empty from runtimes older than this field: use `imageRef`. */
  readonly imageId: string;
  /** CamelCase: `Completed`, `Error`, `OOMKilled`, `ContainerCannotRun`; empty while it runs. */
  readonly reason: string;
  readonly message: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly mounts: readonly Mount<Seen<MountPropagation>>[];
  /** Absolute. */
  readonly logPath: string;
  /** The resources that the runtime applied; absent from runtimes older than this field. */
  readonly resources?: LinuxResources | undefined;
  readonly user?: ContainerUser | undefined;
  readonly stopSignal?: Seen<StopSignal> | undefined;
}

/** A container must match every given field; labels must all be present with these values. */
export interface ContainerFilter {
  readonly id?: ContainerId | undefined;
  readonly state?: Seen<ContainerState> | undefined;
  readonly sandboxId?: SandboxId | undefined;
  readonly labels?: Labels | undefined;
}

/** The output of a command. A non-zero exit code is a result, not an error. */
export interface ExecResult {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}
