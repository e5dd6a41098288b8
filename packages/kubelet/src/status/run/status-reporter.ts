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
  runEvery,
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
import { statusPatch, toldStatus } from '../plan/status-patch.js';

export interface StatusReporterOptions {
  /** None: statuses are made, and told to nobody. */
  readonly client: KubeClient | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostIps: () => readonly string[];
  /** The API's picture of a static pod, which shows its status. */
  readonly mirrorOf?: (pod: Pod) => Pod | undefined;
  /** Nothing is measured without. */
  readonly metrics?: Metrics | undefined;
}

/** Pods whose statuses are written at the same time. */
const CONCURRENT_WRITES = 16;
const RETRY: BackoffRules = { initialMs: 500, maxMs: 10_000 };
/** How often failed writes, and those that may wait, are looked at. */
const CHECK_MS = 250;
/** A start that takes no longer is told in one write, when the pod runs. */
const STARTING_MS = 2000;

/** What is known of one pod. */
interface Entry {
  pod: Pod;
  /** What the API shall show. */
  status: PodStatus;
  /** What the API is known to hold, of `version`. */
  told: PodStatus;
  version: string | undefined;
  /** Whose status `told` is, where the pod is a static one. */
  mirrorUid?: string;
  /** Nothing of the pod is left on this node. */
  finished: boolean;
  failed: BackoffState | undefined;
  /** Since when a write waits, because what it tells is about to change; monotonic. */
  deferredAtMs: number | undefined;
  /** Since when the API is to be told something; monotonic. */
  changedAtMs: number | undefined;
}

/**
 * Makes pod statuses and writes them: pods in parallel, the writes of one pod in order, always the
 * newest status and only what differs from what the API holds.
 *
 * A write does not read first. That is safe: what the API holds is known from the answer to the last
 * write or from the watch, whichever is newer; the patch names only fields that no one else owns and
 * merges its conditions by type; and with the uid in it the server refuses it for any other pod.
 */
export class StatusReporter implements PodReporter {
  readonly #options: StatusReporterOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: KeyedQueue<string, undefined>;
  readonly #writes: Histogram | undefined;

  constructor(options: StatusReporterOptions, signal: AbortSignal) {
    this.#options = options;
    this.#writes = options.metrics?.histogram({
      name: 'kubelet_pod_status_sync_duration_seconds',
      help: 'From when a status changed until the API had it, whatever changed meanwhile.',
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

  /** The status last made for a pod, told to the API or not yet; undefined before the first. */
  statusOf(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status;
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
    if (isOnlyStarting(entry.told, status)) entry.deferredAtMs ??= clock.monotonicMs();
    else this.#queue.put(podUid(facts.pod), undefined);
    return status;
  }

  finish(pod: Pod): void {
    const entry = this.#entryOf(pod);
    entry.status = finalStatus(pod, entry.status);
    entry.changedAtMs ??= this.#options.clock.monotonicMs();
    entry.finished = true;
    this.#queue.put(podUid(pod), undefined);
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  /** The API has another picture of this static pod than before. */
  mirrored(uid: string): void {
    if (this.#entries.has(uid)) this.#queue.put(uid, undefined);
  }

  /** Makes deferred writes and tries failed ones again; runs until the signal fires and all writes have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const task = async (): Promise<void> => {
      const nowMs = clock.monotonicMs();
      for (const [uid, { failed, deferredAtMs }] of this.#entries) {
        const isRetry = failed !== undefined && backoffLeftMs(failed, nowMs) === 0;
        const isDue = deferredAtMs !== undefined && nowMs - deferredAtMs >= STARTING_MS;
        if (isRetry || isDue) this.#queue.put(uid, undefined);
      }
    };
    const onError = (err: unknown): void => log.error({ err }, 'retry of pod statuses failed');
    await runEvery({ clock, periodMs: CHECK_MS, task, onError }, signal);
    await this.#queue.idle();
  }

  /** With the source's copy taken in, where it is newer than what was last written. */
  #entryOf(pod: Pod): Entry {
    const uid = podUid(pod);
    const known = this.#entries.get(uid);
    const version = pod.metadata?.resourceVersion;
    if (known === undefined) {
      const told = pod.status ?? {};
      const entry: Entry = {
        pod,
        status: told,
        told,
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
      known.told = pod.status ?? {};
      known.version = version;
      // Someone else ended the pod, e.g. because the node was away for too long: that stands.
      if (isTerminalPhase(known.told.phase) && !isTerminalPhase(known.status.phase)) {
        const { phase, reason, message } = known.told;
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
    const body = statusPatch(podUid(shown), entry.told, status);
    if (body !== undefined) {
      const patch = { type: 'strategic-merge', body, subresource: 'status' } as const;
      const answer = await client.patch(PODS, target, patch, signal).catch((error: unknown) => {
        entry.changedAtMs = changedAtMs; // it is still to be told
        throw error;
      });
      if (changedAtMs !== undefined) {
        this.#writes?.observe((clock.monotonicMs() - changedAtMs) / 1000);
      }
      entry.told = toldStatus(body, status, answer.status ?? {});
      entry.version = answer.metadata?.resourceVersion;
    }
    entry.failed = undefined;
    const complete = entry.finished && entry.status === status && isTerminalPhase(status.phase);
    if (complete && isDeleting(entry.pod) && !isStaticPod(entry.pod)) {
      await client.delete(PODS, target, { gracePeriodSeconds: 0, uid }, signal);
      this.#entries.delete(uid);
    }
  }

  /** What of the API shows the pod: itself, or its mirror, whose status is then taken in. */
  #shown(entry: Entry): Pod | undefined {
    if (!isStaticPod(entry.pod)) return entry.pod;
    const mirror = this.#options.mirrorOf?.(entry.pod);
    if (mirror === undefined) return undefined;
    const version = mirror.metadata?.resourceVersion;
    const isOther = entry.mirrorUid !== podUid(mirror);
    if (isOther || isNewer(version, entry.version)) {
      const { startTime } = mirror.status ?? {};
      // The pod began before this kubelet did.
      if (entry.mirrorUid === undefined && startTime !== undefined) {
        entry.status = { ...entry.status, startTime };
      }
      entry.told = mirror.status ?? {};
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
      // A new mirror is on its way, and asks for its status.
      entry.failed = undefined;
      return;
    }
    if (isKubeError(error, 'KUBE_NOT_FOUND')) {
      // The watch will say so too.
      log.debug({ pod, err: error }, 'pod is no longer in the API');
      this.#entries.delete(uid);
      return;
    }
    entry.failed = nextBackoff(entry.failed, RETRY, clock.monotonicMs());
    log.warn({ pod, err: error, retryInMs: entry.failed.delayMs }, 'pod status not written');
  }
}

/** Versions are numbers that grow, as text. @see Kubernetes KEP-5504, comparable resource versions */
function isNewer(version: string | undefined, than: string | undefined): boolean {
  if (version === undefined || version === than) return false;
  if (than === undefined) return true;
  if (/^\d+$/.test(version) && /^\d+$/.test(than)) return BigInt(version) > BigInt(than);
  return true;
}
