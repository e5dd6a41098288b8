import type { ContainerAmounts } from './allocation.js';

/**
 * The state of one pod in the runtime, and its age: everything about the runtime that decisions
 * use.
 */
export interface PodObservation {
  /** Newest first: attempt, then creation time, descending. */
  readonly sandboxes: readonly SandboxObservation[];
  /** Newest first by creation time; containers of every kind and of all sandboxes. */
  readonly containers: readonly ContainerObservation[];
  /** Addresses of the newest sandbox while it is ready, the primary address first. */
  readonly podIps: readonly string[];
  /**
   * Wall clock time at which the observation began. RuntimeView states how much older its parts may
   * be.
   */
  readonly observedAtMs: number;
}

export interface SandboxObservation {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAtMs: number;
  /** `node` when the pod shares the host's network. */
  readonly network: 'pod' | 'node';
  /** Empty for host network, and while the network is not set up. */
  readonly ips: readonly string[];
}

export type ContainerObservation = Readonly<{
  id: string;
  sandboxId: string;
  name: string;
  createdAtMs: number;
  /** The count recorded when the container was created; 0 if unreadable. */
  restartCount: number;
  /** Lower-case hex; undefined if unreadable, which counts as changed. */
  specHash: string | undefined;
  /** The image as the spec names it. */
  image: string;
  /** The runtime's reference, with a digest if it has one. */
  imageRef: string;
  /** `containerd`, `cri-o`, …: the scheme of the id in the API. */
  runtimeName: string;
  /** A `SIG…` name; present only if it was requested and the runtime reports it. */
  stopSignal?: string;
  /** Resources that the runtime reports; a missing member is unknown, 0 is none. */
  resources?: Readonly<Partial<ContainerAmounts>>;
  /** Paths of the mounts that are read-only recursively; absent if there are none. */
  recursiveReadOnly?: readonly string[];
  user?: Readonly<{ uid: number; gid: number; supplementalGroups: readonly number[] }>;
  state: ContainerRunState;
}>;

export type ContainerRunState =
  | Readonly<{ kind: 'created' }>
  | Readonly<{ kind: 'running'; startedAtMs: number }>
  | Readonly<{
      kind: 'exited';
      startedAtMs: number | undefined;
      finishedAtMs: number;
      exitCode: number;
      /** The runtime's reason, such as `Completed`, `Error`, `OOMKilled`. */
      reason: string;
      /** Termination message, already read and cut to the API's limit. */
      message: string;
    }>
  | Readonly<{ kind: 'unknown' }>;

/** The observation of a pod that is unknown to the runtime. */
export function emptyObservation(observedAtMs: number): PodObservation {
  return { sandboxes: [], containers: [], podIps: [], observedAtMs };
}

/** The newest record of a container. */
export function latestOf(seen: PodObservation, name: string): ContainerObservation | undefined {
  return seen.containers.find((container) => container.name === name);
}
