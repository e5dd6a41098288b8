import { isAborted, type Metrics } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { Admission, type AdmissionHooks } from '../../admission/run/index.js';
import {
  type FailureVerdict,
  isStaticPod,
  messageOf,
  podFullName,
  podGraceSeconds,
  podName,
  podNamespace,
  type PodStanding,
  podUid,
} from '../../pod/index.js';
import type { ResizeRules } from '../../resize/index.js';
import { Resizes, type ResourceRecords } from '../../resize/run/index.js';
import type { StaticPodState } from '../../sources/run/index.js';
import type { CountedPod } from './pod-counts.js';
import { PodWorker } from './pod-worker.js';
import type { WorkerPorts } from './worker-ports.js';

/** The parts needed for resizing running pods. */
export interface ResizePorts {
  readonly records: ResourceRecords;
  readonly rules: ResizeRules;
  /** Every source has delivered its pods. */
  readonly synced: () => boolean;
}

export interface WorkersPorts extends WorkerPorts {
  /** If absent, pods keep their initial resources. */
  readonly resize?: ResizePorts | undefined;
  readonly admission?: AdmissionHooks;
  readonly metrics?: Metrics;
  /** Called when a pod was created again with its old uid. */
  readonly onRestart?: (isStatic: boolean) => void;
  /** Called when a static pod of this full name began or ended. */
  readonly onStaticPod?: (fullName: string) => void;
}

/** One pod with its worker. It must stop before its successor of the same uid may begin. */
interface Running {
  readonly worker: PodWorker;
  /** As its source has it; the worker's copy has its allocated resources. */
  desired: Pod;
  /**
   * Ends the worker. Each worker has its own controller, so that no signal has hundreds of
   * listeners.
   */
  readonly end: AbortController;
  /** The pod was added again while its worker was ending. */
  again: Pod | undefined;
  /** `refused`: will never start; `waiting`: has not started yet. */
  state: 'waiting' | 'begun' | 'refused';
  /** Resolves once the pod may start. */
  readonly admitted: (signal: AbortSignal) => Promise<void>;
  task: Promise<void> | undefined;
}

/** A pod may be refused while it waits. */
function endWait(running: Running): void {
  if (running.state === 'waiting') running.state = 'begun';
}

/** A pod that must end gets this many times its grace period. */
const PATIENCE = 1.5;
const LEAST_PATIENCE_MS = 10_000;
/** Pause before a broken worker continues. */
const BROKEN_MS = 10_000;

/** All pods of the node. Each has one worker, created when the pod is first seen and admitted. */
export class PodWorkers {
  readonly #ports: WorkersPorts;
  readonly #admission: Admission;
  readonly #resizes: Resizes | undefined;
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
    this.#resizes = ports.resize && this.#createResizes(ports.resize);
  }

  #createResizes({ records, rules, synced }: ResizePorts): Resizes {
    const { events, clock, metrics, log } = this.#ports;
    return new Resizes({
      ...{ records, rules, synced, events, clock, metrics, log },
      desired: (uid) => {
        const running = this.#workers.get(uid);
        return running?.worker.life.kind === 'syncing' ? running.desired : undefined;
      },
      judge: async (pod, signal) => {
        const decision = this.#admission.decide(pod);
        return decision.kind === 'decided' ? decision.refusal : decision.refusal(signal);
      },
      onChange: (uid) => {
        const running = this.#workers.get(uid);
        if (running === undefined) return;
        running.worker.update(this.#allocated(running.desired));
        running.worker.probed();
      },
    });
  }

  /** All pods are known; work that had to wait for that may begin. */
  synced(): void {
    this.#resizes?.retry('pods_added');
  }

  #allocated(pod: Pod): Pod {
    return this.#resizes?.allocated(pod) ?? pod;
  }

  /** Uids of all pods with a worker, including ended pods that their source still has. */
  get uids(): readonly string[] {
    return [...this.#workers.keys()];
  }

  pods(): readonly Pod[] {
    return [...this.#workers.values()].map(({ worker }) => worker.pod);
  }

  /** Pods that use resources, or will once they start. */
  active(): readonly Pod[] {
    return this.#othersThan(undefined);
  }

  /** Undefined for a pod without a worker. */
  standing(uid: string): PodStanding | undefined {
    const running = this.#workers.get(uid);
    if (running === undefined) return undefined;
    if (running.worker.life.kind === 'finished') return 'gone';
    return isActive(running) ? 'active' : 'ended';
  }

  /** The pods as metrics count them. */
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
          ephemeral: worker.pod.spec?.ephemeralContainers?.length ?? 0,
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

  /**
   * Starts the pods that were put before. Ends, after the signal, once the last worker has ended.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const resizing = this.#resizes?.run(signal);
    for (const running of this.#workers.values()) this.#begin(running, signal);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    for (const { end } of this.#workers.values()) end.abort(signal.reason);
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
    await resizing;
  }

  /** A pod was added or changed. */
  put(pod: Pod): void {
    const uid = podUid(pod);
    const running = this.#workers.get(uid);
    if (running === undefined) this.#add(pod);
    else if (running.worker.removed) running.again = pod;
    else {
      const before = running.desired;
      running.desired = pod;
      this.#admission.noteUpdate(before, pod);
      if (running.state !== 'refused') this.#resizes?.changed(before, pod);
      running.worker.update(this.#allocated(pod));
      this.#ports.reporter.seen(pod);
    }
  }

  /** @param graceSeconds undefined: the pod's own value */
  remove(uid: string, graceSeconds: number | undefined): void {
    const running = this.#workers.get(uid);
    if (running === undefined) return;
    running.again = undefined;
    this.#ports.reporter.forget(uid);
    if (running.worker.life.kind === 'finished') this.#forget(uid);
    else running.worker.remove(graceSeconds);
    this.#reportStatic(running);
  }

  /**
   * Ends a pod by the kubelet's own decision, which its status then shows. Resolves when nothing of
   * it runs, or after one and a half times its grace period, at least 10 s; the latter causes an
   * event.
   *
   * @param graceSeconds shortens the pod's own grace period
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

  /** Returns whether the pod has ended and has no volumes on the node any more. */
  isGone(uid: string): boolean {
    return this.#workers.get(uid)?.worker.isEmptied ?? true;
  }

  /** The pod may have changed in the runtime. */
  wake(uid: string): void {
    this.#workers.get(uid)?.worker.wake();
  }

  /** A verdict on one of its containers changed. */
  probed(uid: string): void {
    this.#workers.get(uid)?.worker.probed();
  }

  #add(pod: Pod): void {
    const allocated = this.#allocated(pod);
    const worker = new PodWorker(allocated, this.#ports, {
      resizes: this.#resizes,
      refuse: (refusal) => this.#refuse(running, refusal),
    });
    const decision = worker.life.kind === 'syncing' ? this.#admission.decide(allocated) : undefined;
    const running: Running = {
      worker,
      desired: pod,
      end: new AbortController(),
      again: undefined,
      state: 'waiting',
      admitted: async (signal) => {
        if (decision?.kind !== 'later') return;
        const refusal = await decision.refusal(signal);
        if (refusal !== undefined) this.#refuse(running, refusal);
        else this.#resizes?.admitted(running.worker.pod, running.desired);
      },
      task: undefined,
    };
    if (decision?.kind === 'decided' && decision.refusal !== undefined) {
      this.#refuse(running, decision.refusal);
    }
    this.#workers.set(podUid(pod), running);
    if (decision?.kind === 'decided' && decision.refusal === undefined) {
      this.#resizes?.admitted(allocated, pod);
    }
    void worker.stopped.then(() => this.#resizes?.ended(podUid(pod)));
    if (this.#signal !== undefined) this.#begin(running, this.#signal);
  }

  #refuse(running: Running, refusal: FailureVerdict): void {
    const { worker } = running;
    if (worker.life.kind !== 'syncing') return;
    this.#admission.report(worker.pod, refusal);
    const message = `Pod was rejected: ${refusal.message}`;
    running.state = 'refused';
    worker.stop('rejected', { verdict: { reason: refusal.reason, message } });
  }

  /**
   * A pod that is being stopped still uses its allocation; one that has ended, or never started,
   * does not.
   */
  #othersThan(uid: string | undefined): readonly Pod[] {
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
    while (!end.signal.aborted) {
      try {
        // A pod that was deleted meanwhile needs no admission.
        if (running.state === 'waiting') {
          await Promise.race([running.admitted(end.signal), worker.leaving]);
          endWait(running);
        }
        this.#reportStatic(running);
        await worker.run(end.signal);
        this.#reportStatic(running);
        return;
      } catch (error) {
        if (!isAborted(end.signal)) await this.#broke(running, error);
      }
    }
  }

  /** An internal error that this pod triggers must not affect other pods. */
  async #broke({ worker, end }: Running, error: unknown): Promise<void> {
    const { log, events, clock } = this.#ports;
    const { pod } = worker;
    const names = { namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) };
    log.error({ pod: names, err: error, retryInMs: BROKEN_MS }, 'worker of a pod broke');
    events.warning(pod, 'FailedSync', `error syncing the pod: ${messageOf(error)}`);
    await clock.sleep(BROKEN_MS, end.signal);
  }

  /**
   * A static pod keeps its name when its manifest changes. Only one pod of a name runs at a time.
   */
  #namesakes(pod: Pod): readonly Promise<void>[] {
    if (!isStaticPod(pod)) return [];
    const uid = podUid(pod);
    const name = podFullName(pod);
    return [...this.#workers.values()].flatMap(({ worker, task }) => {
      const isOther = podUid(worker.pod) !== uid && podFullName(worker.pod) === name;
      return isOther && isStaticPod(worker.pod) && task !== undefined ? [task] : [];
    });
  }

  #reportStatic({ worker }: Running): void {
    if (isStaticPod(worker.pod)) this.#ports.onStaticPod?.(podFullName(worker.pod));
  }

  #forget(uid: string): void {
    this.#workers.delete(uid);
    this.#resizes?.forget(uid);
  }

  #ended(running: Running): void {
    const uid = podUid(running.worker.pod);
    const { again, worker } = running;
    if (again === undefined && worker.life.kind === 'finished' && !worker.removed) return;
    this.#forget(uid);
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
