import type { Node, Pod, PodStatus, ReflectorSink } from '@nodeagent/kube-client';

import type { ContainerRole } from './model/action.js';
import type { PodAllocation } from './model/allocation.js';
import type { PodFacts } from './model/facts.js';
import type { PodObservation } from './model/observation.js';
import type { PodUid } from './model/pod-names.js';
import type { ContainerResize, ResizeConditions } from './model/resize.js';
import type { ProbeVerdicts } from './model/verdict.js';

/**
 * Changes pods in the container runtime. A {@link RuntimeView} shows each change from when its promise
 * settles. Failures are {@link StartError} or CriError.
 */
export interface PodRuntime {
  /** @returns the id of the new sandbox, which is ready and has its addresses */
  createSandbox(pod: Pod, attempt: number, signal: AbortSignal): Promise<string>;
  /** Pulls the image if need be, creates, starts, and runs the postStart hook. @returns its id */
  startContainer(request: StartContainerRequest, signal: AbortSignal): Promise<string>;
  /** Waits for the container's end; a container that is gone counts as stopped. */
  stopContainer(request: StopContainerRequest, signal: AbortSignal): Promise<void>;
  /** Gives running containers, and the pod around them, other resources; stops at the first failure. */
  resizePod(request: ResizePodRequest, signal: AbortSignal): Promise<void>;
  stopSandbox(sandboxId: string, signal: AbortSignal): Promise<void>;
  /** With its log files unless they are to be kept; gone already is fine. */
  removeContainer(containerId: string, logs: 'remove' | 'keep', signal: AbortSignal): Promise<void>;
  removeSandbox(sandboxId: string, signal: AbortSignal): Promise<void>;
}

/**
 * Shows the pods of the container runtime. It remembers what it has seen, to ask the runtime for less.
 * An observation is therefore as fresh as this, and no fresher:
 *
 * - It has every change whose {@link PodRuntime} call settled before the observation began.
 * - It has every change that {@link onChange} reported before the observation began.
 * - It may lack a change that the runtime made by itself (a container ended, a sandbox died) or that
 *   another client made, until `onChange` reports it: at once where the runtime streams events, within
 *   about a second where it is listed. A lost event costs up to 30 s.
 *
 * An answer that failed is not remembered. Failures are CriError.
 */
export interface RuntimeView {
  /** @returns an observation without sandboxes and containers for a pod that the runtime does not hold */
  observe(podUid: string, signal: AbortSignal): Promise<PodObservation>;
  /** Asks the runtime, on every call, for all pods of which it holds anything. */
  listPods(signal: AbortSignal): Promise<readonly RuntimePod[]>;
  /**
   * Calls the listener with the uid of each pod that may look different from its last observation,
   * until the signal fires; a pod that was never observed counts as different. It leaves out most of
   * what observations have shown already, but may report a pod that looks the same.
   */
  onChange(listener: (podUid: string) => void, signal: AbortSignal): Promise<void>;
  /**
   * @returns why changes are not found, in upstream's words: no list has worked yet, or none for three
   *   minutes; undefined while they are found
   */
  unhealthyReason(): string | undefined;
}

export interface RuntimePod {
  /** As the runtime tells it, which others may have made pods in: not checked. */
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Anything of it running: a ready sandbox or a running container. */
  readonly running: boolean;
}

export interface StartContainerRequest {
  readonly pod: Pod;
  readonly sandboxId: string;
  /** Of the newest sandbox, for status.podIP in the environment and the hosts file. */
  readonly podIps: readonly string[];
  readonly name: string;
  readonly role: ContainerRole;
  readonly restartCount: number;
}

export interface StopContainerRequest {
  readonly containerId: string;
  readonly name: string;
  /** Undefined for a pod of which only the runtime knows. */
  readonly pod: Pod | undefined;
  readonly graceSeconds: number;
  readonly preStop: boolean;
  /**
   * Awaited between the preStop hook and the stop signal: a sidecar's turn. Waiting uses up the
   * grace period; when that is over the stop goes ahead, with the least grace there is. Never rejects.
   */
  readonly turn?: Promise<void>;
  /** Text of the `Killing` event. */
  readonly why: string;
}

export interface ResizePodRequest {
  /** With the resources that it is to have. */
  readonly pod: Pod;
  readonly sandboxId: string;
  /** In this order, before those for CPU. */
  readonly memory: readonly ContainerResize[];
  readonly cpu: readonly ContainerResize[];
}

/** What a worker tells of its pod's resources, and hears of them. */
export interface PodResizes {
  /** What its containers have, as far as it is known. */
  actuated(podUid: string): PodAllocation | undefined;
  /** Looks whether the pod has got what it was given. */
  progress(pod: Pod, seen: PodObservation): void;
  failed(pod: Pod, message: string): void;
  conditions(podUid: string): ResizeConditions;
}

/** A file that outlives this process: `allocated_pods_state`, `actuated_pods_state`. */
export interface ResourceRecordFile {
  readonly path: string;
  /** @returns undefined when there is none */
  read(): Promise<string | undefined>;
  /**
   * Readers see the old text or the new one.
   *
   * @param until `safe`: even after a crash of the machine; `written`: after one of this process
   */
  write(text: string, until: 'written' | 'safe'): Promise<void>;
}

/** A pod's files and mounts below the kubelet's root directory. */
export interface PodVolumes {
  /**
   * Makes every volume of the pod usable; called before its containers start, and again on resync.
   * Tells users by events of each that it cannot make, and throws then.
   */
  prepare(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Unmounts and removes everything of the pod; safe to repeat. */
  teardown(podUid: PodUid, signal: AbortSignal): Promise<void>;
  /** Uids that have a directory on disk; what else is there is nobody's to remove. */
  podsOnDisk(signal: AbortSignal): Promise<readonly PodUid[]>;
}

/** Something of pods on this node beside what runtime and volumes know of: logs, cgroups. */
export interface PodLeftovers {
  /** Uids of the pods that it holds anything of. */
  pods(signal: AbortSignal): Promise<readonly PodUid[]>;
  /** Of a pod of which nothing runs; gone already is fine. */
  remove(podUid: PodUid, signal: AbortSignal): Promise<void>;
  /** Removes what it holds by a name that no pod can have, and nothing else. */
  sweep?(signal: AbortSignal): Promise<void>;
}

/** Pod lifecycle events for users; never blocks, never throws. */
export interface PodEvents {
  normal(pod: Pod, reason: string, message: string, container?: string): void;
  warning(pod: Pod, reason: string, message: string, container?: string): void;
}

/** Where desired pods come from: the API, a directory, a URL. */
export interface PodSource {
  readonly name: 'api' | 'file' | 'http';
  /**
   * Tells the whole set at first, changes afterwards, under keys of its own (two pods that follow
   * each other under one name share a key); runs until the signal fires.
   */
  run(sink: ReflectorSink<Pod>, signal: AbortSignal): Promise<void>;
}

/** The path that static pods come from: a directory of manifests, or one manifest. */
export interface ManifestFiles {
  list(): Promise<ManifestListing>;
  /**
   * @returns undefined when there is no such file
   * @throws {ManifestError} when it is no regular file or too large; what reading it throws
   */
  read(path: string): Promise<string | undefined>;
  /**
   * Tells the full path of each file that is written, renamed or removed, until the signal fires;
   * some changes may go untold.
   *
   * @throws when the path cannot be watched, or no longer
   */
  watch(onChange: (path: string) => void, signal: AbortSignal): Promise<void>;
}

export type ManifestListing =
  | Readonly<{ kind: 'missing' }>
  | Readonly<{ kind: 'file'; path: string }>
  /** Full paths, sorted; without directories and names that begin with a dot. */
  | Readonly<{ kind: 'directory'; paths: readonly string[] }>;

/** The URL that static pods come from. */
export interface ManifestUrl {
  readonly url: string;
  /** @throws when there is no answer, or it is too large */
  fetch(signal: AbortSignal): Promise<Readonly<{ httpStatus: number; body: string }>>;
}

/** Makes statuses of what workers know, and brings them to the API in the background. */
export interface PodReporter {
  /** Never waits for the API. @returns the status that the pod now has */
  report(facts: PodFacts): PodStatus;
  /**
   * Nothing of the pod is left on this node: its status gets final, and when it is being deleted
   * its API object is let go.
   */
  finish(pod: Pod): void;
  /** The pod is no longer in its source. */
  forget(podUid: string): void;
}

/** The probes of all pods; verdicts that change are told to whoever made the implementation. */
export interface PodProbes {
  /** Starts and ends probes so that they match what runs; cheap to repeat. */
  update(pod: Pod, seen: PodObservation): void;
  verdicts(podUid: string): ProbeVerdicts;
  /** The pod is being stopped: only readiness is probed from now on. */
  stopping(podUid: string): void;
  remove(podUid: string): void;
}

/** What pods may know of the node. */
export interface NodeView {
  /** The newest copy of its API object, for admission. */
  current(): Node | undefined;
  /** Addresses for pods' hostIPs, the primary family first. */
  hostIps(): readonly string[];
  /** Why no pod network can be had now; undefined when it can. */
  networkProblem(): string | undefined;
}
