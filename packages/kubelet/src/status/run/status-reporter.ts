import {
  backoffLeftMs,
  type BackoffRules,
  type BackoffState,
  type Clock,
  type Histogram,
  KeyedQueue,
  type Logger,
  type Metrics,
  nextBackoff,
  Wake,
} from '@nodeagent/base';
import {
  isKubeError,
  type KubeClient,
  type Pod,
  PODS,
  type PodStatus,
} from '@nodeagent/kube-client';

import {
  isDeleting,
  isStaticPod,
  isTerminalPhase,
  type PodFacts,
  podName,
  podNamespace,
  type PodReporter,
  podUid,
} from '../../pod/index.js';
import { finalStatus, podStatus } from '../plan/pod-status.js';
import { isOnlyStarting } from '../plan/starting.js';
import { heldStatus, statusPatch } from '../plan/status-patch.js';

export interface StatusReporterOptions {
  /** Undefined: statuses are computed but not written. */
  readonly client: KubeClient | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostIps: () => readonly string[];
  /** The mirror pod of a static pod; it shows the static pod's status. */
  readonly mirrorOf?: (pod: Pod) => Pod | undefined;
  /** Absent: no metrics. */
  readonly metrics?: Metrics | undefined;
}

/** Number of pods whose statuses are written at the same time. */
const CONCURRENT_WRITES = 16;
const RETRY: BackoffRules = { initialMs: 500, maxMs: 10_000 };
/** A start within this time is reported in a single write, once the pod runs. */
const STARTING_MS = 2000;

/** State of one pod. */
interface Entry {
  pod: Pod;
  /** The newest status, which the API should show. */
  status: PodStatus;
  /** The status that the API is known to hold, at `version`. */
  held: PodStatus;
  version: string | undefined;
  /** For a static pod: the uid of the mirror pod that holds `held`. */
  mirrorUid?: string;
  /** Nothing of the pod remains on this node. */
  finished: boolean;
  failed: BackoffState | undefined;
  /** Start of a deferred write, whose status is about to change; monotonic. */
  deferredAtMs: number | undefined;
  /** Time of the oldest unwritten change; monotonic. */
  changedAtMs: number | undefined;
}

/**
 * Computes pod statuses and writes them: pods in parallel, the writes of one pod in order, always
 * the newest status, and only the fields that differ from the API's.
 *
 * Writes need no read before them. The API's status is known from the last write's answer or from
 * the watch, whichever is newer. The patch contains only fields that no one else writes, and its
 * conditions merge by type. It contains the uid, so the server refuses it for any other pod.
 */
export class StatusReporter implements PodReporter {
  readonly #options: StatusReporterOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: KeyedQueue<string, undefined>;
  /** A write was deferred, or failed. */
  readonly #later = new Wake();
  readonly #writes: Histogram | undefined;

  constructor(options: StatusReporterOptions, signal: AbortSignal) {
    this.#options = options;
    this.#writes = options.metrics?.histogram({
      name: 'kubelet_pod_status_sync_duration_seconds',
      help: 'Duration in seconds from the change of a pod status to its write to the API, including later changes in between.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 45, 60],
    });
    this.#queue = new KeyedQueue(
      {
        handle: (uid, _, inner) => this.#write(uid, inner),
        onError: (uid, error) => this.#onError(uid, error),
        concurrency: CONCURRENT_WRITES,
      },
      signal,
    );
  }

  /** The newest status of a pod, written to the API or not; undefined before the first. */
  statusOf(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status;
  }

  /** True when the API has the newest phase of the pod, or is not to have it. */
  isShown(uid: string): boolean {
    const entry = this.#entries.get(uid);
    if (entry === undefined || this.#options.client === undefined) return true;
    return this.#shown(entry) === undefined || entry.held.phase === entry.status.phase;
  }

  report(facts: PodFacts): PodStatus {
    const entry = this.#entryOf(facts.pod);
    const { hostIps, clock } = this.#options;
    const status = podStatus({
      ...facts,
      previous: entry.status,
      hostIps: hostIps(),
      nowMs: clock.nowMs(),
    });
    entry.status = status;
    entry.changedAtMs ??= clock.monotonicMs();
    if (isOnlyStarting(entry.held, status)) {
      entry.deferredAtMs ??= clock.monotonicMs();
      this.#later.wake();
    } else {
      this.#queue.put(podUid(facts.pod), undefined);
    }
    return status;
  }

  finish(pod: Pod): void {
    const entry = this.#entryOf(pod);
    entry.status = finalStatus(pod, entry.status);
    entry.changedAtMs ??= this.#options.clock.monotonicMs();
    entry.finished = true;
    this.#queue.put(podUid(pod), undefined);
  }

  /**
   * Writes what another component took back, e.g. the node controller, for which a pod is not ready
   * while its node is away. Kubernetes looks for that every 10 s.
   *
   * @see Kubernetes 1.36 pkg/kubelet/status/status_manager.go, needsReconcile
   */
  seen(pod: Pod): void {
    const uid = podUid(pod);
    const known = this.#entries.get(uid);
    if (known === undefined || !isNewer(pod.metadata?.resourceVersion, known.version)) return;
    const { held, status } = this.#entryOf(pod);
    if (statusPatch(uid, held, status) === undefined) return;
    known.changedAtMs ??= this.#options.clock.monotonicMs();
    if (known.deferredAtMs === undefined) this.#queue.put(uid, undefined);
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  /** Called when the mirror pod of a static pod has changed. */
  mirrored(uid: string): void {
    if (this.#entries.has(uid)) this.#queue.put(uid, undefined);
  }

  /**
   * Makes deferred writes and retries failed ones, until the signal fires and all writes have
   * ended.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const restMs = this.#queueDue(clock.monotonicMs());
      if (restMs === undefined) await this.#later.wait(signal);
      else await this.#later.waitAtMost(restMs, clock, signal);
    }
    await this.#queue.idle();
  }

  /** @returns milliseconds until the next write is due; undefined while none waits */
  #queueDue(nowMs: number): number | undefined {
    let nextMs: number | undefined;
    for (const [uid, { failed, deferredAtMs }] of this.#entries) {
      for (const leftMs of [
        ...(failed === undefined ? [] : [backoffLeftMs(failed, nowMs)]),
        ...(deferredAtMs === undefined ? [] : [deferredAtMs + STARTING_MS - nowMs]),
      ]) {
        if (leftMs <= 0) this.#queue.put(uid, undefined);
        else nextMs = Math.min(nextMs ?? Infinity, leftMs);
      }
    }
    return nextMs;
  }

  /** Finds or creates the pod's entry, and updates it from the source's copy if that is newer. */
  #entryOf(pod: Pod): Entry {
    const uid = podUid(pod);
    const known = this.#entries.get(uid);
    const version = pod.metadata?.resourceVersion;
    if (known === undefined) {
      const held = pod.status ?? {};
      const entry: Entry = {
        pod,
        status: held,
        held,
        version,
        finished: false,
        failed: undefined,
        deferredAtMs: undefined,
        changedAtMs: undefined,
      };
      this.#entries.set(uid, entry);
      return entry;
    }
    known.pod = pod;
    if (isNewer(version, known.version)) {
      known.held = pod.status ?? {};
      known.version = version;
      // Another component ended the pod, e.g. because the node was unreachable for too long; keep
      // that phase.
      if (isTerminalPhase(known.held.phase) && !isTerminalPhase(known.status.phase)) {
        const { phase, reason, message } = known.held;
        known.status = {
          ...known.status,
          ...(phase && { phase }),
          ...(reason && { reason }),
          ...(message && { message }),
        };
      }
    }
    return known;
  }

  async #write(uid: string, signal: AbortSignal): Promise<void> {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.deferredAtMs = undefined;
    const { client, clock } = this.#options;
    const shown = this.#shown(entry);
    if (client === undefined || shown === undefined) return;
    const target = { namespace: podNamespace(entry.pod), name: podName(entry.pod) };
    const { status, changedAtMs } = entry;
    entry.changedAtMs = undefined;
    const body = statusPatch(podUid(shown), entry.held, status);
    if (body !== undefined) {
      const patch = { type: 'strategic-merge', body, subresource: 'status' } as const;
      const answer = await client.patch(PODS, target, patch, signal).catch((error: unknown) => {
        entry.changedAtMs = changedAtMs; // the change is still unwritten
        throw error;
      });
      if (changedAtMs !== undefined) {
        this.#writes?.observe((clock.monotonicMs() - changedAtMs) / 1000);
      }
      entry.held = heldStatus(body, status, answer.status ?? {});
      entry.version = answer.metadata?.resourceVersion;
    }
    entry.failed = undefined;
    const complete = entry.finished && entry.status === status && isTerminalPhase(status.phase);
    if (complete && isDeleting(entry.pod) && !isStaticPod(entry.pod)) {
      await client.delete(PODS, target, { gracePeriodSeconds: 0, uid }, signal);
      this.#entries.delete(uid);
    }
  }

  /** The pod's object in the API: the pod itself, or the mirror pod of a static pod. */
  #shown(entry: Entry): Pod | undefined {
    if (!isStaticPod(entry.pod)) return entry.pod;
    const mirror = this.#options.mirrorOf?.(entry.pod);
    if (mirror === undefined) return undefined;
    const version = mirror.metadata?.resourceVersion;
    const isOther = entry.mirrorUid !== podUid(mirror);
    if (isOther || isNewer(version, entry.version)) {
      const { startTime } = mirror.status ?? {};
      // The pod started before this kubelet did.
      if (entry.mirrorUid === undefined && startTime !== undefined) {
        entry.status = { ...entry.status, startTime };
      }
      entry.held = mirror.status ?? {};
      entry.version = version;
      entry.mirrorUid = podUid(mirror);
    }
    return mirror;
  }

  #onError(uid: string, error: unknown): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    const { clock, log } = this.#options;
    const pod = { namespace: podNamespace(entry.pod), name: podName(entry.pod), uid };
    if (isKubeError(error, 'KUBE_NOT_FOUND') && isStaticPod(entry.pod)) {
      // The next mirror pod will trigger another write.
      entry.failed = undefined;
      return;
    }
    if (isKubeError(error, 'KUBE_NOT_FOUND')) {
      // The watch will report the deletion as well.
      log.debug({ pod, err: error }, 'pod is no longer in the API');
      this.#entries.delete(uid);
      return;
    }
    entry.failed = nextBackoff(entry.failed, RETRY, clock.monotonicMs());
    this.#later.wake();
    log.warn(
      { pod, err: error, retryInMs: entry.failed.delayMs },
      'cannot write the pod status; retrying',
    );
  }
}

/**
 * Resource versions are increasing numbers, as text. @see Kubernetes KEP-5504, comparable resource
 * versions
 */
function isNewer(version: string | undefined, than: string | undefined): boolean {
  if (version === undefined || version === than) return false;
  if (than === undefined) return true;
  if (/^\d+$/.test(version) && /^\d+$/.test(than)) return BigInt(version) > BigInt(than);
  return true;
}
