import type { Metrics } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import type { FailureVerdict } from '../model/facts.js';
import { isStaticPod, podFullName, podUid } from '../model/pod-spec.js';
import { podGraceSeconds } from '../plan/grace.js';
import { Admission, type AdmissionHooks } from './admission.js';
import type { StaticPodState } from './mirror-pods.js';
import type { CountedPod } from './pod-counts.js';
import { PodWorker, type WorkerPorts } from './pod-worker.js';

export interface WorkersPorts extends WorkerPorts {
  readonly admission?: AdmissionHooks;
  readonly metrics?: Metrics;
  /** A pod was made again with the uid that it had. */
  readonly onRestart?: (isStatic: boolean) => void;
  /** A static pod of this full name began, or ended. */
  readonly onStaticPod?: (fullName: string) => void;
}

/** A pod has to be stopped before its successor of the same uid may begin. */
interface Running {
  readonly worker: PodWorker;
  /** Ends the worker: one of its own, so that no signal has hundreds of listeners. */
  readonly end: AbortController;
  /** Taken in again while its worker was on its way out. */
  again: Pod | undefined;
  /** `refused` pods never begin; `waiting` ones not yet. */
  state: 'waiting' | 'begun' | 'refused';
  /** What has to be known before it may begin. */
  readonly admitted: (signal: AbortSignal) => Promise<void>;
  task: Promise<void> | undefined;
}

/** A pod that is told to go gets this many times its grace period. */
const PATIENCE = 1.5;
const LEAST_PATIENCE_MS = 10_000;

/** All pods of the node: one worker each, made when the pod is first seen and admitted. */
export class PodWorkers {
  readonly #ports: WorkersPorts;
  readonly #admission: Admission;
  readonly #workers = new Map<string, Running>();
  readonly #tasks = new Set<Promise<void>>();
  #signal: AbortSignal | undefined;

  constructor(ports: WorkersPorts) {
    this.#ports = ports;
    this.#admission = new Admission({
      hooks: ports.admission ?? {},
      node: () => ports.node.current(),
      others: (uid) => this.#othersThan(uid),
      evict: (uid, verdict) => this.evict(uid, verdict),
      events: ports.events,
      metrics: ports.metrics,
      log: ports.log,
    });
  }

  /** Uids that are taken care of, ended ones too as long as their source has them. */
  get uids(): readonly string[] {
    return [...this.#workers.keys()];
  }

  pods(): readonly Pod[] {
    return [...this.#workers.values()].map(({ worker }) => worker.pod);
  }

  /** For metrics. */
  counted(): readonly CountedPod[] {
    return [...this.#workers.values()].flatMap(({ worker, state }): CountedPod[] => {
      const { kind } = worker.life;
      if (kind === 'finished') return [];
      return [
        {
          lifecycle: kind === 'syncing' ? 'sync' : kind,
          config: worker.removed ? 'orphan' : 'desired',
          isStatic: isStaticPod(worker.pod),
          isActive: isActive({ worker, state }),
        },
      ];
    });
  }

  /** Pods of files and URLs. */
  statics(): readonly StaticPodState[] {
    return [...this.#workers.values()]
      .filter(({ worker }) => isStaticPod(worker.pod))
      .map(({ worker, state }) => ({
        pod: worker.pod,
        state: worker.removed ? 'ending' : state === 'waiting' ? 'waiting' : 'running',
      }));
  }

  /** Starts what was put before; ends, with the signal, when the last worker has. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const running of this.#workers.values()) this.#begin(running, signal);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    for (const { end } of this.#workers.values()) end.abort(signal.reason);
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  /** Added or changed. */
  put(pod: Pod): void {
    const uid = podUid(pod);
    const running = this.#workers.get(uid);
    if (running === undefined) this.#add(pod);
    else if (running.worker.removed) running.again = pod;
    else running.worker.update(pod);
  }

  /** @param graceSeconds undefined: the pod's own */
  remove(uid: string, graceSeconds: number | undefined): void {
    const running = this.#workers.get(uid);
    if (running === undefined) return;
    running.again = undefined;
    this.#ports.reporter.forget(uid);
    if (running.worker.life.kind === 'finished') this.#workers.delete(uid);
    else running.worker.remove(graceSeconds);
    this.#tellStatic(running);
  }

  /**
   * Ends a pod by the kubelet's own decision, which its status then shows. Resolves when nothing of
   * it runs, or when it has taken half as long again as it may, at least 10 s: that is an event.
   *
   * @param graceSeconds shortens the pod's own
   */
  async evict(uid: string, verdict: FailureVerdict, graceSeconds?: number): Promise<void> {
    const running = this.#workers.get(uid);
    if (running === undefined) return;
    const { clock, events } = this.#ports;
    const { worker, end } = running;
    worker.stop('evicted', { verdict, ...(graceSeconds !== undefined && { graceSeconds }) });
    const graceMs = podGraceSeconds(worker.pod, graceSeconds) * 1000;
    const patience = new AbortController();
    const quit = (): void => patience.abort();
    end.signal.addEventListener('abort', quit, { once: true });
    const limit = clock.sleep(Math.max(LEAST_PATIENCE_MS, graceMs * PATIENCE), patience.signal);
    const outcome = await Promise.race([worker.stopped.then(() => 'stopped' as const), limit]);
    end.signal.removeEventListener('abort', quit);
    patience.abort();
    if (outcome !== 'elapsed') return;
    const message = 'Container runtime did not kill the pod within specified grace period.';
    events.warning(worker.pod, 'ExceededGracePeriod', message);
  }

  /** Something of the pod may have changed in the runtime. */
  wake(uid: string): void {
    this.#ports.runtime.noticed(uid);
    this.#workers.get(uid)?.worker.wake();
  }

  /** A verdict on one of its containers changed. */
  probed(uid: string): void {
    this.#workers.get(uid)?.worker.probed();
  }

  #add(pod: Pod): void {
    const worker = new PodWorker(pod, this.#ports);
    const decision = worker.life.kind === 'syncing' ? this.#admission.decide(pod) : undefined;
    const running: Running = {
      worker,
      end: new AbortController(),
      again: undefined,
      state: 'waiting',
      admitted: async (signal) => {
        if (decision?.kind !== 'later') return;
        const refusal = await decision.refusal(signal);
        if (refusal !== undefined) this.#refuse(running, refusal);
      },
      task: undefined,
    };
    if (decision?.kind === 'decided' && decision.refusal !== undefined) {
      this.#refuse(running, decision.refusal);
    }
    this.#workers.set(podUid(pod), running);
    if (this.#signal !== undefined) this.#begin(running, this.#signal);
  }

  #refuse(running: Running, refusal: FailureVerdict): void {
    const { worker } = running;
    if (worker.life.kind !== 'syncing') return;
    this.#admission.tell(worker.pod, refusal);
    const message = `Pod was rejected: ${refusal.message}`;
    running.state = 'refused';
    worker.stop('rejected', { verdict: { reason: refusal.reason, message } });
  }

  /** What is being stopped still uses what it was given; what ended, or never began, does not. */
  #othersThan(uid: string): readonly Pod[] {
    return [...this.#workers]
      .filter(([other, running]) => other !== uid && isActive(running))
      .map(([, { worker }]) => worker.pod);
  }

  #begin(running: Running, signal: AbortSignal): void {
    if (signal.aborted) return;
    const task = this.#live(running).then(() => {
      this.#tasks.delete(task);
      if (!signal.aborted) this.#ended(running);
    });
    running.task = task;
    this.#tasks.add(task);
  }

  async #live(running: Running): Promise<void> {
    const { worker, end } = running;
    const before = this.#namesakes(worker.pod);
    if (before.length > 0) await Promise.all(before);
    try {
      // A pod that is deleted meanwhile needs no admission.
      await Promise.race([running.admitted(end.signal), worker.leaving]);
    } catch (error) {
      if (end.signal.aborted) return;
      throw error;
    }
    if (running.state === 'waiting') running.state = 'begun';
    this.#tellStatic(running);
    await worker.run(end.signal);
    this.#tellStatic(running);
  }

  /** Static pods keep their name when their manifest changes: one of a name runs at a time. */
  #namesakes(pod: Pod): readonly Promise<void>[] {
    if (!isStaticPod(pod)) return [];
    const uid = podUid(pod);
    const name = podFullName(pod);
    return [...this.#workers.values()].flatMap(({ worker, task }) => {
      const isOther = podUid(worker.pod) !== uid && podFullName(worker.pod) === name;
      return isOther && isStaticPod(worker.pod) && task !== undefined ? [task] : [];
    });
  }

  #tellStatic({ worker }: Running): void {
    if (isStaticPod(worker.pod)) this.#ports.onStaticPod?.(podFullName(worker.pod));
  }

  #ended(running: Running): void {
    const uid = podUid(running.worker.pod);
    const { again, worker } = running;
    if (again === undefined && worker.life.kind === 'finished' && !worker.removed) return;
    this.#workers.delete(uid);
    if (again === undefined) return;
    this.#ports.onRestart?.(isStaticPod(again));
    this.#add(again);
  }
}

function isActive({ worker, state }: Pick<Running, 'worker' | 'state'>): boolean {
  const { kind } = worker.life;
  const mayRun = kind === 'syncing' || kind === 'terminating';
  return mayRun && state !== 'refused' && !worker.removed;
}
