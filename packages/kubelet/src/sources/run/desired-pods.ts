import { type Clock, formatTimestamp, type Logger, type Metrics } from '@nodeagent/base';
import { ObjectFailures, type Pod, type ReflectorSink } from '@nodeagent/kube-client';

import {
  isAccepted,
  isMirrorPod,
  messageOf,
  type PodEvents,
  podNamesProblem,
  type PodSource,
  podUid,
  SEEN_ANNOTATION,
  SOURCE_ANNOTATION,
} from '../../pod/index.js';

/** Receives the desired pods of all sources. */
export interface PodSink {
  put(pod: Pod): void;
  /** @param graceSeconds undefined: the pod's own value */
  remove(uid: string, graceSeconds: number | undefined): void;
}

/** Receives the mirror pods, which do not run themselves. */
export interface MirrorSink {
  put(mirror: Pod): void;
  remove(mirror: Pod): void;
}

export interface DesiredPodsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly events?: PodEvents;
  readonly metrics?: Metrics | undefined;
  readonly mirrors?: MirrorSink;
  /** Called once for each pod that is refused, with the reason. */
  readonly onRefused?: (pod: Pod, reason: string) => void;
  /** Called once, when every source has delivered its first set. */
  readonly onSynced?: () => void;
}

/**
 * A pod that vanished from the API was force-deleted, so it should end now. A pod whose file was
 * removed keeps its own grace period.
 */
const REMOVED_GRACE_S: Readonly<Partial<Record<PodSource['name'], number>>> = { api: 1 };

/**
 * Merges the sources into one set of pods. A source never affects the pods of another. The absence
 * of a pod means nothing until all sources have delivered their first set.
 *
 * A pod is refused while one of its names is unsafe as part of a path. If a pod cannot be accepted
 * for another reason, that is reported and affects no other pod. In both cases the last accepted
 * copy stays in force.
 */
export class DesiredPods {
  readonly #sink: PodSink;
  readonly #mirrors: MirrorSink | undefined;
  readonly #onSynced: (() => void) | undefined;
  readonly #onRefused: DesiredPodsOptions['onRefused'];
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pods = new Map<string, Map<string, Pod>>();
  readonly #waitingFor: Set<string>;
  readonly #failures: ObjectFailures;
  readonly #events: PodEvents | undefined;

  constructor(
    sources: readonly PodSource[],
    sink: PodSink,
    { clock, log, events, metrics, mirrors, onSynced, onRefused }: DesiredPodsOptions,
  ) {
    this.#sink = sink;
    this.#mirrors = mirrors;
    this.#onSynced = onSynced;
    this.#onRefused = onRefused;
    this.#clock = clock;
    this.#log = log;
    this.#events = events;
    this.#failures = new ObjectFailures({ kind: 'Pod', log, metrics });
    this.#waitingFor = new Set(sources.map(({ name }) => name));
  }

  /** Every source has delivered its first set. */
  get synced(): boolean {
    return this.#waitingFor.size === 0;
  }

  /** The desired pods of all sources, without mirrors, which do not run. */
  pods(): readonly Pod[] {
    const all = [...this.#pods.values()].flatMap((pods) => [...pods.values()]);
    return all.filter((pod) => !isMirrorPod(pod));
  }

  sinkFor(source: PodSource['name']): ReflectorSink<Pod> {
    const pods = new Map<string, Pod>();
    this.#pods.set(source, pods);
    const refused = new Map<string, string>();
    const remove = (key: string): void => {
      refused.delete(key);
      const gone = pods.get(key);
      if (gone === undefined) return;
      pods.delete(key);
      this.#each(gone, () => letGo(gone));
    };
    const letGo = (gone: Pod): void => {
      // A static pod runs from its file; its mirror in the API only shows it.
      if (isMirrorPod(gone)) this.#mirrors?.remove(gone);
      else this.#sink.remove(podUid(gone), REMOVED_GRACE_S[source]);
    };
    const upsert = (key: string, pod: Pod): void => {
      const problem = podNamesProblem(pod);
      if (problem !== undefined) {
        if (refused.get(key) !== problem) this.#refuse(source, pod, problem);
        refused.set(key, problem);
        return;
      }
      refused.delete(key);
      this.#each(pod, () => takeIn(key, pod));
    };
    const takeIn = (key: string, pod: Pod): void => {
      if (isMirrorPod(pod)) {
        pods.set(key, pod);
        this.#mirrors?.put(pod);
        return;
      }
      const before = pods.get(key);
      const same = before !== undefined && podUid(before) === podUid(pod);
      if (before !== undefined && !same) remove(key);
      const annotated = this.#annotated(pod, source, same ? before : undefined);
      pods.set(key, annotated); // even if it fails, so that its removal is reported
      try {
        this.#sink.put(annotated);
      } catch (error) {
        if (same) pods.set(key, before);
        throw error;
      }
    };
    return {
      replace: (items) => {
        for (const key of [...pods.keys()]) if (!items.has(key)) remove(key);
        for (const [key, pod] of oldestFirst(items)) upsert(key, pod);
        if (this.#waitingFor.delete(source)) {
          this.#log.info({ source, pods: items.size }, 'pod source delivered its first set');
          if (this.synced) this.#onSynced?.();
        }
      },
      upsert,
      remove,
    };
  }

  #each(pod: Pod, handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.#failures.note(pod, 'handle', error);
      const message = `The kubelet cannot accept this pod: ${messageOf(error)}`;
      this.#events?.warning(pod, 'FailedToTakeInPod', message);
    }
  }

  #refuse(source: string, pod: Pod, reason: string): void {
    const { namespace, name, uid } = pod.metadata ?? {};
    const what = 'pod refused: one of its names is not a valid directory name';
    this.#log.error({ pod: { namespace, name, uid }, source, reason }, what);
    this.#onRefused?.(pod, reason);
  }

  #annotated(pod: Pod, source: string, before: Pod | undefined): Pod {
    const seen =
      before?.metadata?.annotations?.[SEEN_ANNOTATION] ?? formatTimestamp(this.#clock.nowMs(), 9);
    const annotations = {
      ...pod.metadata?.annotations,
      [SOURCE_ANNOTATION]: source,
      [SEEN_ANNOTATION]: seen,
    };
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  }
}

/**
 * Ignores the source's order. Pods that a kubelet accepted before come first, so that after a
 * restart none loses its place to a newer pod; then older pods come before newer ones.
 */
function oldestFirst(items: ReadonlyMap<string, Pod>): readonly (readonly [string, Pod])[] {
  const rank = (pod: Pod): string =>
    `${isAccepted(pod) ? 0 : 1} ${pod.metadata?.creationTimestamp ?? ''}`;
  return [...items].sort(([, a], [, b]) => (rank(a) < rank(b) ? -1 : 1));
}
