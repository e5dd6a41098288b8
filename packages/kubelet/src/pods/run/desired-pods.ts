import { type Clock, formatTimestamp, type Logger } from '@nodeagent/base';
import type { Pod, ReflectorSink } from '@nodeagent/kube-client';

import {
  isAccepted,
  isMirrorPod,
  podUid,
  SEEN_ANNOTATION,
  SOURCE_ANNOTATION,
} from '../model/pod-spec.js';
import type { PodSource } from '../ports.js';

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
  readonly mirrors?: MirrorSink;
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
 */
export class DesiredPods {
  readonly #sink: PodSink;
  readonly #mirrors: MirrorSink | undefined;
  readonly #onSynced: (() => void) | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #pods = new Map<string, Map<string, Pod>>();
  readonly #waitingFor: Set<string>;

  constructor(
    sources: readonly PodSource[],
    sink: PodSink,
    { clock, log, mirrors, onSynced }: DesiredPodsOptions,
  ) {
    this.#sink = sink;
    this.#mirrors = mirrors;
    this.#onSynced = onSynced;
    this.#clock = clock;
    this.#log = log;
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
    const remove = (key: string): void => {
      const gone = pods.get(key);
      if (gone === undefined) return;
      pods.delete(key);
      // A static pod runs from its file; its mirror in the API only shows it.
      if (isMirrorPod(gone)) this.#mirrors?.remove(gone);
      else this.#sink.remove(podUid(gone), REMOVED_GRACE_S[source]);
    };
    const upsert = (key: string, pod: Pod): void => {
      if (isMirrorPod(pod)) {
        pods.set(key, pod);
        this.#mirrors?.put(pod);
        return;
      }
      const before = pods.get(key);
      const same = before !== undefined && podUid(before) === podUid(pod);
      if (before !== undefined && !same) remove(key);
      const annotated = this.#annotated(pod, source, same ? before : undefined);
      pods.set(key, annotated);
      this.#sink.put(annotated);
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
