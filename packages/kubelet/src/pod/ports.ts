import type { Node, Pod, PodStatus, ReflectorSink } from '@nodeagent/kube-client';

import type { ContainerRole } from './model/action.js';
import type { PodAllocation } from './model/allocation.js';
import type { PodFacts } from './model/facts.js';
import type { PodObservation } from './model/observation.js';
import type { PodUid } from './model/pod-names.js';
import type { ContainerResize, ResizeConditions } from './model/resize.js';
import type { ProbeVerdicts } from './model/verdict.js';

/**
 * Changes pods in the container runtime. A {@link RuntimeView} shows each change once the promise of
 * its call has settled. A call that fails may have had a part of its effect, or all of it. Errors are
 * {@link StartError} or CriError; a call whose signal has fired rejects with the signal's reason.
 */
export interface PodRuntime {
  /**
   * @param attempt not that of another sandbox of the pod, stopped or not
   * @returns the id of the new sandbox, which is ready and has its addresses
   * @throws {StartError}
   */
  createSandbox(pod: Pod, attempt: number, signal: AbortSignal): Promise<string>;
  /**
   * Pulls the image if needed, creates and starts the container, and runs its postStart hook. A
   * container whose program cannot start, or whose hook fails, remains and has exited. Events report
   * the start, and the failure of a container that is in the spec.
   *
   * @returns the id of the container
   * @throws {StartError}, also if the sandbox is not ready, or if a container of this name in any
   *   sandbox of the pod has the restart count
   */
  startContainer(request: StartContainerRequest, signal: AbortSignal): Promise<string>;
  /**
   * Resolves when the container has ended, at once if it does not run or is unknown. A container that
   * outlives its grace period, of at least two seconds, is killed. An event reports
   * the stop if the pod is known.
   */
  stopContainer(request: StopContainerRequest, signal: AbortSignal): Promise<void>;
  /**
   * Changes the resources of running containers and of the pod around them; stops at the first
   * failure.
   */
  resizePod(request: ResizePodRequest, signal: AbortSignal): Promise<void>;
  /** Kills the sandbox's containers and frees its addresses; does nothing if it is unknown. */
  stopSandbox(sandboxId: string, signal: AbortSignal): Promise<void>;
  /** Kills the container if it runs, and removes its log files unless kept; an unknown one is fine. */
  removeContainer(containerId: string, logs: 'remove' | 'keep', signal: AbortSignal): Promise<void>;
  /** Stops the sandbox, removes it with its containers and keeps their logs; an unknown one is fine. */
  removeSandbox(sandboxId: string, signal: AbortSignal): Promise<void>;
}

/**
 * Shows the pods of the container runtime. It remembers observations, so that it needs fewer calls
 * to the runtime. An observation is therefore as fresh as this, and no fresher:
 *
 * - It has every change whose `PodRuntime` call settled before the observation began.
 * - It has every change that {@link onChange} reported before the observation began.
 * - It may lack a change that the runtime made by itself (a container ended, a sandbox died) or
 *   that another client made, until `onChange` reports it: at once if the runtime streams events,
 *   within about a second if it is listed. A lost event costs up to 30 s.
 *
 * A failed answer is not remembered. Failures are CriError.
 */
export interface RuntimeView {
  /**
   * @returns an observation without sandboxes and containers if the runtime has nothing of the pod
   */
  observe(podUid: string, signal: AbortSignal): Promise<PodObservation>;
  /** Lists, with a call to the runtime each time, all pods of which the runtime has anything. */
  listPods(signal: AbortSignal): Promise<readonly RuntimePod[]>;
  /**
   * Calls the listener with the uid of each pod that may differ from its last observation, until
   * the signal fires. A pod that was never observed counts as different. Most changes that an
   * observation has already shown are left out, but an unchanged pod may be reported. Something that a
   * `PodRuntime` call has created is not reported until it is observed.
   */
  onChange(listener: (podUid: string) => void, signal: AbortSignal): Promise<void>;
  /**
   * @returns the reason why changes are not detected, in upstream's words: no list has succeeded
   *   yet, or none for three minutes; undefined while changes are detected
   */
  unhealthyReason(): string | undefined;
}

export interface RuntimePod {
  /** As the runtime reports it. Other clients may have made the pod, so it is not checked. */
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The pod has a ready sandbox or a running container. */
  readonly running: boolean;
}

export interface StartContainerRequest {
  readonly pod: Pod;
  readonly sandboxId: string;
  /**
   * Addresses of the newest sandbox, for status.podIP in the environment and for the hosts file.
   */
  readonly podIps: readonly string[];
  readonly name: string;
  readonly role: ContainerRole;
  /** If 0, counts on from the logs of this container that are there. */
  readonly restartCount: number;
}

export interface StopContainerRequest {
  readonly containerId: string;
  readonly name: string;
  /** Undefined for a pod that only the runtime knows. */
  readonly pod: Pod | undefined;
  readonly graceSeconds: number;
  readonly preStop: boolean;
  /**
   * Awaited between the preStop hook and the stop signal, for the order of sidecars. Waiting uses
   * up the grace period; after that the container is stopped with the minimum grace. Never rejects.
   */
  readonly turn?: Promise<void>;
  /** Text of the `Killing` event. */
  readonly why: string;
}

export interface ResizePodRequest {
  /** With its new resources. */
  readonly pod: Pod;
  readonly sandboxId: string;
  /** Changed in this order, before those of `cpu`. */
  readonly memory: readonly ContainerResize[];
  readonly cpu: readonly ContainerResize[];
}

/** A worker's access to the state of its pod's resize. */
export interface PodResizes {
  /** The resources that its containers have, as far as known. */
  actuated(podUid: string): PodAllocation | undefined;
  /** Checks whether the pod has received its allocation. */
  progress(pod: Pod, seen: PodObservation): void;
  failed(pod: Pod, message: string): void;
  conditions(podUid: string): ResizeConditions;
}

/** A file that outlives this process: `allocated_pods_state` or `actuated_pods_state`. */
export interface ResourceRecordFile {
  readonly path: string;
  /** @returns undefined if there is no file */
  read(): Promise<string | undefined>;
  /**
   * Replaces the text atomically: readers see the old text or the new one.
   *
   * @param until `safe`: survives a crash of the machine; `written`: survives one of this process
   */
  write(text: string, until: 'written' | 'safe'): Promise<void>;
}

/** A pod's files and mounts below the kubelet's root directory. */
export interface PodVolumes {
  /**
   * Makes every volume that a container of the pod mounts; called before its containers start, and
   * again on resync. A repeated call keeps what containers wrote, and shows running containers the
   * changed content of config maps, secrets and projections. If a volume cannot be made, the others
   * are made, the content of an earlier call stays, and an event reports each failure.
   *
   * @throws {VolumeError} that names the volumes and the reason for the first; {PodRejected} if the
   *   node cannot have them
   */
  prepare(pod: Pod, signal: AbortSignal): Promise<void>;
  /**
   * Unmounts and removes everything of the pod, whichever kubelet made it; an unknown pod is fine.
   *
   * @throws {VolumeError} `VOLUME_MOUNT` if a mount stays; the pod's other files stay then too
   */
  teardown(podUid: PodUid, signal: AbortSignal): Promise<void>;
  /** Uids that have files on this node; leaves out names that no pod can have as its uid. */
  podsOnDisk(signal: AbortSignal): Promise<readonly PodUid[]>;
}

/** Resources of pods on this node other than containers and volumes: logs, cgroups. */
export interface PodLeftovers {
  /** Uids of the pods of which it holds anything. */
  pods(signal: AbortSignal): Promise<readonly PodUid[]>;
  /** Called when nothing of the pod runs; safe to repeat. */
  remove(podUid: PodUid, signal: AbortSignal): Promise<void>;
  /** Removes only entries whose name cannot belong to a pod. */
  sweep?(signal: AbortSignal): Promise<void>;
}

/** Pod lifecycle events for users; never blocks, never throws. */
export interface PodEvents {
  normal(pod: Pod, reason: string, message: string, container?: string): void;
  /** @param annotations of the Event object */
  warning(
    pod: Pod,
    reason: string,
    message: string,
    container?: string,
    annotations?: Readonly<Record<string, string>>,
  ): void;
}

/** A source of desired pods: the API, a directory, or a URL. */
export interface PodSource {
  readonly name: 'api' | 'file' | 'http';
  /**
   * Delivers the whole set first and then changes, until the signal fires. Keys belong to the
   * source; two pods that follow each other under one name share a key.
   */
  run(sink: ReflectorSink<Pod>, signal: AbortSignal): Promise<void>;
}

/** The path of static pods: a directory of manifests, or one manifest. */
export interface ManifestFiles {
  list(): Promise<ManifestListing>;
  /**
   * @returns undefined if there is no such file
   * @throws {ManifestError} if it is not a regular file, or too large; also errors of reading it
   */
  read(path: string): Promise<string | undefined>;
  /**
   * Reports the full path of each file that is written, renamed or removed, until the signal fires;
   * some changes may be missed.
   *
   * @throws if the path cannot be watched, or can no longer be watched
   */
  watch(onChange: (path: string) => void, signal: AbortSignal): Promise<void>;
}

export type ManifestListing =
  | Readonly<{ kind: 'missing' }>
  | Readonly<{ kind: 'file'; path: string }>
  /** Full paths, sorted; without directories and without names that begin with a dot. */
  | Readonly<{ kind: 'directory'; paths: readonly string[] }>;

/** The URL of static pods. */
export interface ManifestUrl {
  readonly url: string;
  /** @throws if there is no answer, or it is too large */
  fetch(signal: AbortSignal): Promise<Readonly<{ httpStatus: number; body: string }>>;
}

/** Computes statuses from the workers' facts, and writes them to the API in the background. */
export interface PodReporter {
  /**
   * Does not wait for the API.
   *
   * @returns the pod's new status
   */
  report(facts: PodFacts): PodStatus;
  /**
   * Nothing of the pod is left on this node: its status becomes final and, if it is being deleted,
   * its API object is released.
   */
  finish(pod: Pod): void;
  /** A newer copy from its source, in which another component may have changed the status. */
  seen(pod: Pod): void;
  /** The pod is no longer in its source. */
  forget(podUid: string): void;
}

/**
 * The probes of all pods. Changed verdicts go to a listener that the implementation's creator sets.
 */
export interface PodProbes {
  /** Starts and ends probes to match the running containers; cheap to repeat. */
  update(pod: Pod, seen: PodObservation): void;
  verdicts(podUid: string): ProbeVerdicts;
  /** The pod is being stopped: from now on only readiness is probed. */
  stopping(podUid: string): void;
  remove(podUid: string): void;
}

/** The facts about the node that pods may see. */
export interface NodeView {
  /** The newest copy of the node's API object, for admission. */
  current(): Node | undefined;
  /** Addresses for pods' hostIPs, primary family first. */
  hostIps(): readonly string[];
  /** The reason why the pod network is unavailable; undefined while it is available. */
  networkProblem(): string | undefined;
}
