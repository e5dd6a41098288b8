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

/** Who is told of the pods that the sources want. */
export interface PodSink {
  put(pod: Pod): void;
  /** @param graceSeconds undefined: the pod's own */
  remove(uid: string, graceSeconds: number | undefined): void;
}

/** Who is told of the mirror pods among them, which do not run by themselves. */
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
  /** Told once of a pod that is not let in, with the reason. */
  readonly onRefused?: (pod: Pod, reason: string) => void;
  /** Called once, when every source has told its first set. */
  readonly onSynced?: () => void;
}

/**
 * A pod that vanished from the API was force-deleted: whoever did that wants it gone now. One whose
 * file was removed has its time.
 */
const REMOVED_GRACE_S: Readonly<Partial<Record<PodSource['name'], number>>> = { api: 1 };

/**
 * Merges the sources into one set of pods. What one source does never touches the pods of another;
 * nothing may be concluded from a pod's absence before all sources have told their first set.
 *
 * A pod is not let in while one of its names is no safe part of a path. One that cannot be taken in
 * for another reason is reported, and costs no other pod its place. In both cases the copy that was
 * taken in last stays in force.
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

  /** Every source has told its first set. */
  get synced(): boolean {
    return this.#waitingFor.size === 0;
  }

  /** What the sources want now, of all of them; without mirrors, which do not run. */
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
      pods.set(key, annotated); // also where it fails: its removal is to be told
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
          this.#log.info({ source, pods: items.size }, 'pod source has told its first set');
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
      const message = `The kubelet cannot take in this pod as it is: ${messageOf(error)}`;
      this.#events?.warning(pod, 'FailedToTakeInPod', message);
    }
  }

  #refuse(source: string, pod: Pod, reason: string): void {
    const { namespace, name, uid } = pod.metadata ?? {};
    const what = 'pod not let in: one of its names cannot be the name of a directory';
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
 * Whatever order the source lists them in: pods that a kubelet took before are admitted first, so
 * that after a restart none loses its place to one that came meanwhile; then older ones.
 */
function oldestFirst(items: ReadonlyMap<string, Pod>): readonly (readonly [string, Pod])[] {
  const rank = (pod: Pod): string =>
    `${isAccepted(pod) ? 0 : 1} ${pod.metadata?.creationTimestamp ?? ''}`;
  return [...items].sort(([, a], [, b]) => (rank(a) < rank(b) ? -1 : 1));
}
