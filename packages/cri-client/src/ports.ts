import type {
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerStatus,
  ExecResult,
} from './model/container.js';
import type { ContainerEvent } from './model/event.js';
import type { ContainerId, SandboxId } from './model/ids.js';
import type {
  Image,
  ImageFilesystems,
  ImageFilter,
  ImageSpec,
  RegistryAuth,
} from './model/image.js';
import type { Labels, LinuxResources } from './model/linux.js';
import type { RuntimeConfiguration, RuntimeStatus, RuntimeVersion } from './model/runtime.js';
import type { Sandbox, SandboxConfig, SandboxFilter, SandboxStatus } from './model/sandbox.js';
import type {
  ContainerStats,
  ContainerStatsFilter,
  MetricDescriptor,
  SandboxMetrics,
  SandboxStats,
  SandboxStatsFilter,
} from './model/stats.js';

/** A runtime's debugging information about one object; each runtime has its own keys and values. */
export type DebugInfo = Readonly<Record<string, string>>;

/** Makes a pod's sandbox with its network; it answers when the network is ready. */
export interface RunPodSandboxRequest {
  readonly config: SandboxConfig;
  /** The runtime's default when absent. */
  readonly runtimeHandler?: string | undefined;
}

/** Makes a container in a sandbox; it starts by a call of its own. */
export interface CreateContainerRequest {
  readonly sandboxId: SandboxId;
  readonly config: ContainerConfig;
  /** The configuration that the sandbox was made from. */
  readonly sandboxConfig: SandboxConfig;
}

/** Changes the limits of a running container; absent ones stay. */
export interface UpdateContainerResourcesRequest {
  readonly containerId: ContainerId;
  readonly linux?: LinuxResources | undefined;
  readonly annotations?: Labels | undefined;
}

/** Tells the runtime the new sums of a pod's resources, after a resize. */
export interface UpdatePodSandboxResourcesRequest {
  readonly sandboxId: SandboxId;
  readonly overhead?: LinuxResources | undefined;
  readonly resources?: LinuxResources | undefined;
}

/** Runs a command to its end and collects its output. */
export interface ExecSyncRequest {
  readonly containerId: ContainerId;
  readonly command: readonly string[];
  /**
   * After this time the runtime kills the command and answers `CRI_DEADLINE`. No limit when absent.
   */
  readonly timeoutMs?: number | undefined;
}

/** With `tty`, `stderr` must be false: a terminal has a single output. */
export interface ExecRequest {
  readonly containerId: ContainerId;
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Must equal the `tty` that the container was created with. */
export type AttachRequest = Omit<ExecRequest, 'command'>;

/** Asks for the URL of a session to ports in a pod's network. */
export interface PortForwardRequest {
  readonly sandboxId: SandboxId;
  /** Older clients pass the ports here; newer ones on the stream. */
  readonly ports?: readonly number[] | undefined;
}

/** Writes a running container's state into an archive (CRIU). */
export interface CheckpointContainerRequest {
  readonly containerId: ContainerId;
  /** Path of the archive to write. */
  readonly location: string;
  /** The runtime's own limit when absent. */
  readonly timeoutMs?: number | undefined;
}

/** Names an image and the credentials for its registry. */
export interface PullImageRequest {
  readonly image: ImageSpec;
  readonly auth?: RegistryAuth | undefined;
  /** The configuration of the pod that needs the image. */
  readonly sandboxConfig?: SandboxConfig | undefined;
}

/**
 * CRI v1's RuntimeService, one method per call; verbose status calls are the `…Info` methods.
 *
 * All failures are {@link CriError}. A call whose signal fires is cancelled and rejects with the
 * signal's reason. Streamed lists yield each message of the runtime as one batch, in order, and
 * then end; all batches together are the list.
 */
export interface RuntimeService {
  version(signal: AbortSignal): Promise<RuntimeVersion>;
  status(signal: AbortSignal): Promise<RuntimeStatus>;
  statusInfo(signal: AbortSignal): Promise<DebugInfo>;
  /** @throws {CriError} `CRI_UNIMPLEMENTED` containerd before 2.0 */
  runtimeConfig(signal: AbortSignal): Promise<RuntimeConfiguration>;
  /** @param podCidr the range that runtimes with a CNI template assign to pods */
  updateRuntimeConfig(podCidr: string, signal: AbortSignal): Promise<void>;

  /**
   * @returns the id of a sandbox that is ready and has its network
   * @throws {CriError} when a sandbox with the same metadata exists: containerd answers
   *   `CRI_UNKNOWN`, others `CRI_ALREADY_EXISTS`
   */
  runPodSandbox(request: RunPodSandboxRequest, signal: AbortSignal): Promise<SandboxId>;
  /**
   * Kills the sandbox's remaining processes and releases its network. May be repeated; succeeds for
   * a missing sandbox.
   */
  stopPodSandbox(id: SandboxId, signal: AbortSignal): Promise<void>;
  /** Stops the sandbox if necessary, and removes its containers too. May be repeated. */
  removePodSandbox(id: SandboxId, signal: AbortSignal): Promise<void>;
  /** @throws {CriError} `CRI_NOT_FOUND` */
  podSandboxStatus(id: SandboxId, signal: AbortSignal): Promise<SandboxStatus>;
  podSandboxInfo(id: SandboxId, signal: AbortSignal): Promise<DebugInfo>;
  listPodSandbox(filter: SandboxFilter, signal: AbortSignal): Promise<readonly Sandbox[]>;
  /** @throws {CriError} `CRI_UNIMPLEMENTED` on the first read, from runtimes before CRI 1.36 */
  streamPodSandboxes(filter: SandboxFilter, signal: AbortSignal): AsyncIterable<readonly Sandbox[]>;
  updatePodSandboxResources(
    request: UpdatePodSandboxResourcesRequest,
    signal: AbortSignal,
  ): Promise<void>;

  /** @throws {CriError} `CRI_NOT_FOUND` no such sandbox or image */
  createContainer(request: CreateContainerRequest, signal: AbortSignal): Promise<ContainerId>;
  startContainer(id: ContainerId, signal: AbortSignal): Promise<void>;
  /**
   * Sends the stop signal, then SIGKILL after the grace period; returns when the container has
   * exited. May be repeated; succeeds for a missing container.
   *
   * @param graceMs rounded up to whole seconds on the wire; 0 kills at once
   */
  stopContainer(id: ContainerId, graceMs: number, signal: AbortSignal): Promise<void>;
  /** Kills the container if it runs. May be repeated. */
  removeContainer(id: ContainerId, signal: AbortSignal): Promise<void>;
  /** @throws {CriError} `CRI_NOT_FOUND` */
  containerStatus(id: ContainerId, signal: AbortSignal): Promise<ContainerStatus>;
  containerInfo(id: ContainerId, signal: AbortSignal): Promise<DebugInfo>;
  listContainers(filter: ContainerFilter, signal: AbortSignal): Promise<readonly Container[]>;
  streamContainers(
    filter: ContainerFilter,
    signal: AbortSignal,
  ): AsyncIterable<readonly Container[]>;
  updateContainerResources(
    request: UpdateContainerResourcesRequest,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Call it after a rotation has renamed the file: the runtime continues in a new file of the old
   * name.
   */
  reopenContainerLog(id: ContainerId, signal: AbortSignal): Promise<void>;
  checkpointContainer(request: CheckpointContainerRequest, signal: AbortSignal): Promise<void>;

  /** @throws {CriError} `CRI_DEADLINE` when the command runs longer than `timeoutMs` */
  execSync(request: ExecSyncRequest, signal: AbortSignal): Promise<ExecResult>;
  /** @returns a URL for one session of a stream client; valid for about a minute */
  exec(request: ExecRequest, signal: AbortSignal): Promise<string>;
  attach(request: AttachRequest, signal: AbortSignal): Promise<string>;
  portForward(request: PortForwardRequest, signal: AbortSignal): Promise<string>;

  containerStats(id: ContainerId, signal: AbortSignal): Promise<ContainerStats>;
  listContainerStats(
    filter: ContainerStatsFilter,
    signal: AbortSignal,
  ): Promise<readonly ContainerStats[]>;
  streamContainerStats(
    filter: ContainerStatsFilter,
    signal: AbortSignal,
  ): AsyncIterable<readonly ContainerStats[]>;
  podSandboxStats(id: SandboxId, signal: AbortSignal): Promise<SandboxStats>;
  listPodSandboxStats(
    filter: SandboxStatsFilter,
    signal: AbortSignal,
  ): Promise<readonly SandboxStats[]>;
  streamPodSandboxStats(
    filter: SandboxStatsFilter,
    signal: AbortSignal,
  ): AsyncIterable<readonly SandboxStats[]>;
  listMetricDescriptors(signal: AbortSignal): Promise<readonly MetricDescriptor[]>;
  listPodSandboxMetrics(signal: AbortSignal): Promise<readonly SandboxMetrics[]>;
  streamPodSandboxMetrics(signal: AbortSignal): AsyncIterable<readonly SandboxMetrics[]>;

  /**
   * Yields events from now on, until the signal fires or the runtime goes away; nothing is
   * replayed.
   *
   * @throws {CriError} on the first read: `CRI_UNIMPLEMENTED` from containerd before 1.7
   */
  containerEvents(signal: AbortSignal): AsyncIterable<ContainerEvent>;
}

/** CRI v1's ImageService. It fails in the same ways as {@link RuntimeService}. */
export interface ImageService {
  listImages(filter: ImageFilter, signal: AbortSignal): Promise<readonly Image[]>;
  streamImages(filter: ImageFilter, signal: AbortSignal): AsyncIterable<readonly Image[]>;
  /** @returns undefined for an image that is not on the node, which is not an error */
  imageStatus(image: ImageSpec, signal: AbortSignal): Promise<Image | undefined>;
  imageInfo(image: ImageSpec, signal: AbortSignal): Promise<DebugInfo>;
  /**
   * Has no deadline; its signal ends it.
   *
   * @returns a reference that names exactly this image, for {@link ContainerConfig} and
   *   {@link imageStatus}
   */
  pullImage(request: PullImageRequest, signal: AbortSignal): Promise<string>;
  /** May be repeated; succeeds for a missing image. */
  removeImage(image: ImageSpec, signal: AbortSignal): Promise<void>;
  imageFsInfo(signal: AbortSignal): Promise<ImageFilesystems>;
}

/** An open log file; it stays readable when it is renamed or removed. */
export interface LogFile {
  /** Identifies the file, whatever its name. */
  readonly id: string;
  sizeBytes(): Promise<number>;
  /**
   * Fills as much of `target` as the file has from `position` on. @returns the number of bytes; 0
   * at the end
   */
  read(position: number, target: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/** Access to container logs. Failures are {@link CriError} `CRI_LOG_IO`. */
export interface LogFiles {
  /** @returns undefined when no such file exists now */
  open(path: string): Promise<LogFile | undefined>;
  /** Returns the id of the file that has this name now. */
  idOf(path: string): Promise<string | undefined>;
  watch(path: string): LogWatch;
  /** Returns the files that held this log before it was rotated, oldest first. */
  rotated(path: string): Promise<readonly RotatedLog[]>;
  /**
   * Yields all of a rotated file in blocks that the reader may write to, decompressed if necessary,
   * even if the file was compressed meanwhile. Yields nothing if the file no longer exists, because
   * it was the oldest.
   */
  blocks(path: string): AsyncIterable<Uint8Array>;
}

/** A rotated file, which is no longer written to. */
export interface RotatedLog {
  readonly path: string;
  /** The id as in {@link LogFile}. */
  readonly id: string;
  /** The time of the last write. */
  readonly modifiedMs: number;
}

/** Reports changes of a log file. A sign may be false; none is lost for longer than a second. */
export interface LogWatch {
  /**
   * Resolves when the file may have changed since the last call, or with `'quiet'` when the signal
   * fires or a second passes without a sign of change.
   */
  changed(signal: AbortSignal): Promise<'changed' | 'quiet'>;
  readonly close: () => void;
}

type Answer<F> = F extends (...args: never[]) => Promise<unknown> ? 'once' : 'stream';

type Unary<T> = { [K in keyof T]: Answer<T[K]> extends 'once' ? K : never }[keyof T];

/** Methods that answer once; the others are streams. */
export type RuntimeMethod = Unary<RuntimeService>;
/** A call of the image service. */
export type ImageMethod = Unary<ImageService>;
