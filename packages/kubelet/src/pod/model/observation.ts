import type { ContainerAmounts } from './allocation.js';

/** How long ago, what state: everything a decision about a pod may know of the runtime. */
export interface PodObservation {
  /** Newest first: attempt, then creation time, descending. */
  readonly sandboxes: readonly SandboxObservation[];
  /** Newest first by creation time; all kinds of container, of all sandboxes. */
  readonly containers: readonly ContainerObservation[];
  /** Of the newest sandbox while it is ready; the primary address first. */
  readonly podIps: readonly string[];
  /** When the observation began, wall clock. RuntimeView says how much older its parts may be. */
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
  /** As recorded when the container was created; 0 when unreadable. */
  restartCount: number;
  /** Lower-case hex; undefined when unreadable, which counts as changed. */
  specHash: string | undefined;
  /** As the spec named it. */
  image: string;
  /** The runtime's reference, with digest where it has one. */
  imageRef: string;
  /** `containerd`, `cri-o`, …: the scheme of the id in the API. */
  runtimeName: string;
  /** Told by `SIG…` names where the runtime says it, and it is asked for. */
  stopSignal?: string;
  /** What the runtime says that it has; absent where it does not say, 0 is without. */
  resources?: Readonly<Partial<ContainerAmounts>>;
  /** Where it has mounts that are read-only all the way down; absent where it has none. */
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
      /** The runtime's word, e.g. `Completed`, `Error`, `OOMKilled`. */
      reason: string;
      /** Termination message, already read and cut to the API's limit. */
      message: string;
    }>
  | Readonly<{ kind: 'unknown' }>;

/** What is observed of a pod that the runtime does not know. */
export function emptyObservation(observedAtMs: number): PodObservation {
  return { sandboxes: [], containers: [], podIps: [], observedAtMs };
}

/** The newest record of a container. */
export function latestOf(seen: PodObservation, name: string): ContainerObservation | undefined {
  return seen.containers.find((container) => container.name === name);
}
