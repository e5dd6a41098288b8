import {
  backoffLeftMs,
  type BackoffRules,
  type BackoffState,
  type Clock,
  KeyedQueue,
  type Logger,
  nextBackoff,
  Wake,
} from '@nodeagent/base';
import { isKubeError, type KubeClient, type Node, type Pod, PODS } from '@nodeagent/kube-client';

import { podFullName, podName, podNamespace, podUid } from '../../pod/index.js';
import { planMirror, shows } from '../plan/mirror.js';

/** A static pod, as its worker has it. */
export interface StaticPodState {
  readonly pod: Pod;
  /** `waiting`: until its namesake has ended. `ending`: its source no longer has it. */
  readonly state: 'waiting' | 'running' | 'ending';
}

export interface MirrorPodsOptions {
  readonly client: KubeClient;
  readonly node: () => Node | undefined;
  readonly statics: () => readonly StaticPodState[];
  readonly synced: () => boolean;
  /** The mirror of this static pod is new or has changed. */
  readonly onMirror: (staticUid: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Interval of comparing everything while something has to be done, or cannot be done yet. */
const PERIOD_MS = 500;
/** The same while all mirrors are as they should be. */
const CALM_PERIOD_MS = 10_000;
const RETRY: BackoffRules = { initialMs: 1000, maxMs: 10_000 };

/** Keeps one mirror pod in the API for each static pod that runs. */
export class MirrorPods {
  readonly #options: MirrorPodsOptions;
  readonly #mirrors = new Map<string, Pod>();
  readonly #failed = new Map<string, BackoffState>();
  readonly #queue: KeyedQueue<string, undefined>;
  readonly #failure = new Wake();

  constructor(options: MirrorPodsOptions, signal: AbortSignal) {
    this.#options = options;
    this.#queue = new KeyedQueue(
      {
        handle: (name, _, inner) => this.#reconcile(name, inner),
        onError: (name, err) => {
          this.#onError(name, err);
          this.#failure.wake();
        },
        concurrency: 4,
      },
      signal,
    );
  }

  /** The API has a new or changed mirror pod. */
  put(mirror: Pod): void {
    this.#keep(mirror);
    this.#queue.put(podFullName(mirror), undefined);
  }

  /** The API no longer has it. */
  remove(mirror: Pod): void {
    const name = podFullName(mirror);
    const known = this.#mirrors.get(name);
    // A new one may already exist: its creation can be answered before the watch reports the old
    // one's end.
    if (known !== undefined && podUid(known) === podUid(mirror)) this.#mirrors.delete(name);
    this.#queue.put(name, undefined);
  }

  /** A static pod of the name began or ended. */
  wake(fullName: string): void {
    this.#queue.put(fullName, undefined);
  }

  /** The number of mirror pods in the API. */
  get size(): number {
    return this.#mirrors.size;
  }

  /** The mirror pod in the API that belongs to exactly this static pod. */
  mirrorOf(pod: Pod): Pod | undefined {
    const mirror = this.#mirrors.get(podFullName(pod));
    return mirror !== undefined && shows(mirror, pod) ? mirror : undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const isCalm = this.#compare(clock.monotonicMs());
      await this.#failure.waitAtMost(isCalm ? CALM_PERIOD_MS : PERIOD_MS, clock, signal);
    }
    await this.#queue.idle();
  }

  /** @returns true if no mirror has to be changed */
  #compare(nowMs: number): boolean {
    const { statics, synced, node } = this.#options;
    const names = [...this.#mirrors.keys(), ...statics().map(({ pod }) => podFullName(pod))];
    const wanting = [...new Set(names)].filter((name) => this.#isWanting(name));
    for (const name of wanting) {
      if (backoffLeftMs(this.#failed.get(name), nowMs) === 0) this.#queue.put(name, undefined);
    }
    return wanting.length === 0 && synced() && node() !== undefined;
  }

  #keep(mirror: Pod): void {
    const name = podFullName(mirror);
    this.#mirrors.set(name, mirror);
    const shown = this.#options.statics().find(({ pod }) => podFullName(pod) === name);
    if (shown !== undefined) this.#options.onMirror(podUid(shown.pod));
  }

  #plan(name: string): ReturnType<typeof planMirror> {
    const { statics, node, synced } = this.#options;
    const all = statics().filter(({ pod }) => podFullName(pod) === name);
    return planMirror({
      running: all.find(({ state }) => state === 'running')?.pod,
      others: all.some(({ state }) => state !== 'running'),
      mirror: this.#mirrors.get(name),
      node: node(),
      synced: synced(),
    });
  }

  #isWanting(name: string): boolean {
    try {
      return this.#plan(name).kind !== 'none';
    } catch (error) {
      this.#onError(name, error);
      return false;
    }
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<void> {
    const { client, log } = this.#options;
    let action = this.#plan(name);
    if (action.kind === 'delete') {
      const mirror = this.#mirrors.get(name);
      if (mirror === undefined) return;
      const target = { namespace: podNamespace(mirror), name: podName(mirror) };
      const { uid, why } = action;
      try {
        const only = uid === undefined ? {} : { uid };
        await client.delete(PODS, target, { gracePeriodSeconds: 0, ...only }, signal);
      } catch (error) {
        // It is gone, or replaced: the watch will report that.
        if (isKubeError(error, 'KUBE_NOT_FOUND', 'KUBE_CONFLICT')) return;
        throw error;
      }
      log.debug({ pod: target, why }, 'mirror pod deleted');
      this.#mirrors.delete(name);
      action = this.#plan(name);
    }
    if (action.kind === 'create') {
      const created = await client.create(PODS, action.mirror, signal);
      const pod = { namespace: podNamespace(created), name: podName(created) };
      log.debug({ pod }, 'mirror pod created');
      this.#keep(created);
    }
    this.#failed.delete(name);
  }

  #onError(name: string, err: unknown): void {
    const { clock, log } = this.#options;
    const failed = nextBackoff(this.#failed.get(name), RETRY, clock.monotonicMs());
    this.#failed.set(name, failed);
    log.warn({ pod: name, err, retryInMs: failed.delayMs }, 'mirror pod not updated');
  }
}
