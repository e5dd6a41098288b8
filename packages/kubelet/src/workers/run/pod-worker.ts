import { isAborted, jittered, type Logger, Wake } from '@nodeagent/base';
import type { Pod, PodStatus } from '@nodeagent/kube-client';

import {
  type FailureVerdict,
  isDeleting,
  isHostNetwork,
  isPodRejected,
  isTerminalPhase,
  messageOf,
  podGraceSeconds,
  podName,
  podNamespace,
  type PodObservation,
  type PodPlan,
  type PodResizes,
  podUid,
} from '../../pod/index.js';
import {
  NEW_LIFE,
  nextLife,
  type PodLife,
  type PodLifeEvent,
  type StopReason,
} from '../model/pod-life.js';
import { DEADLINE_EXCEEDED, deadlineLeftMs } from '../plan/deadline.js';
import { lookAgainMs } from '../plan/look-again.js';
import { maxRounds } from '../plan/max-rounds.js';
import { planCleanup } from '../plan/plan-cleanup.js';
import { planPod } from '../plan/plan-pod.js';
import { changeOf } from '../plan/pod-change.js';
import { cleanUpPod, type EndingPod, terminatePod } from './end-pod.js';
import { executePlan } from './execute-plan.js';
import { StartMemory } from './start-memory.js';
import { LoggedFailure, NetworkNotReady, StepRetry, VolumesNotReady } from './step-retry.js';
import { traceStep } from './trace-step.js';
import type { StepType } from './worker-metrics.js';
import type { PodWorkerHooks, WorkerPorts } from './worker-ports.js';

/**
 * The loop of one pod: observe, plan, act, observe again, and report, until the pod is in its
 * desired state; then wait for a reason to continue. It remembers only facts that cannot be
 * observed: the phase of the pod's life, its containers' crashes, and the reasons why they could
 * not be started.
 */
export class PodWorker {
  readonly #ports: WorkerPorts;
  readonly #resizes: PodResizes | undefined;
  readonly #refuse: PodWorkerHooks['refuse'];
  readonly #wake = new Wake();
  readonly #log: Logger;
  #pod: Pod;
  #life: PodLife = NEW_LIFE;
  #verdict: FailureVerdict | undefined;
  #isEmptied = false;
  readonly #leaving = Promise.withResolvers<undefined>();
  readonly #stopped = Promise.withResolvers<undefined>();
  /** Its source no longer has it, so its status is not needed. */
  #removed = false;
  /** The reason for the next step. */
  #because: StepType = 'create';
  /** Cancels the step in progress. */
  #step = new AbortController();
  readonly #memory: StartMemory;
  readonly #retry: StepRetry;
  /** The worker waits after a failure; runtime events in this time may be its own doing. */
  #backingOff = false;

  constructor(pod: Pod, ports: WorkerPorts, { resizes, refuse }: PodWorkerHooks) {
    this.#pod = pod;
    this.#ports = ports;
    this.#resizes = resizes;
    this.#refuse = refuse;
    this.#memory = new StartMemory(ports);
    this.#log = ports.log.child({
      pod: { namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) },
    });
    this.#retry = new StepRetry({ clock: ports.clock, random: ports.random, log: this.#log });
    this.#notice(pod);
  }

  get pod(): Pod {
    return this.#pod;
  }

  get life(): PodLife {
    return this.#life;
  }

  get removed(): boolean {
    return this.#removed;
  }

  /** True when the pod has ended and has no volumes any more; its API object may stay. */
  get isEmptied(): boolean {
    return this.#isEmptied;
  }

  /** Resolves when the pod begins to end, even if it never started. */
  get leaving(): Promise<undefined> {
    return this.#leaving.promise;
  }

  /** Resolves when nothing of the pod runs, and nothing will run again. */
  get stopped(): Promise<undefined> {
    return this.#stopped.promise;
  }

  /** A newer copy from its source. */
  update(pod: Pod): void {
    const change = changeOf(this.#pod, pod);
    this.#pod = pod;
    this.#notice(pod);
    if (change === 'none') return;
    if (this.#because === 'sync') this.#because = 'update';
    this.#wake.wake();
  }

  /** The pod may have changed in the runtime. This does not shorten a back-off. */
  wake(): void {
    if (!this.#backingOff) this.#wake.wake();
  }

  /** A verdict on one of its containers changed; the status shows it at once. */
  probed(): void {
    this.#wake.wake();
  }

  /** Ends the pod for good; a later call can only shorten its grace period. */
  stop(
    reason: StopReason,
    options: { graceSeconds?: number; verdict?: FailureVerdict } = {},
  ): void {
    this.#verdict ??= options.verdict;
    const graceSeconds = podGraceSeconds(this.#pod, options.graceSeconds);
    this.#advance({ kind: 'stop', reason, graceSeconds });
  }

  /** Its source no longer has it: its remains are stopped and removed without a report. */
  remove(graceSeconds: number | undefined): void {
    this.#removed = true;
    this.stop('removed', graceSeconds === undefined ? {} : { graceSeconds });
    this.#wake.wake();
  }

  /** Ends when nothing of the pod is left on the node, or when the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const quit = (): void => this.#step.abort(signal.reason);
    signal.addEventListener('abort', quit);
    try {
      while (!signal.aborted && this.#life.kind !== 'finished') {
        this.#step = new AbortController();
        const waitMs = await this.#takeStep(this.#step.signal);
        if (isAborted(signal)) return;
        this.#backingOff = this.#retry.isFailing;
        if (waitMs > 0) await this.#wake.waitAtMost(waitMs, this.#ports.clock, signal);
        this.#backingOff = false;
      }
    } finally {
      signal.removeEventListener('abort', quit);
    }
  }

  #notice(pod: Pod): void {
    if (isDeleting(pod)) this.stop('deleted');
    else if (isTerminalPhase(pod.status?.phase)) this.stop('completed');
  }

  #advance(event: PodLifeEvent): void {
    const before = this.#life;
    this.#life = nextLife(before, event);
    if (this.#life === before) return;
    const { kind: to, ...details } = this.#life;
    this.#log.debug({ from: before.kind, to, ...details }, 'pod life changed');
    if (this.#life.kind === 'terminating') this.#leaving.resolve(undefined);
    if (this.#life.kind === 'terminated') this.#stopped.resolve(undefined);
    if (event.kind !== 'stop') return;
    this.#step.abort(new Error('the pod is being stopped'));
    this.#wake.wake();
  }

  /**
   * @returns milliseconds until the next step, unless something wakes the worker earlier; 0: no
   *   timer
   */
  async #takeStep(signal: AbortSignal): Promise<number> {
    const { clock, onStep } = this.#ports;
    const startedMs = clock.monotonicMs();
    const type = this.#life.kind === 'terminating' ? 'kill' : this.#because;
    this.#because = 'sync';
    try {
      const life = this.#life;
      const step = (): Promise<number> => this.#stepOf(life)(signal);
      const waitMs = await traceStep(this.#ports.tracer, { pod: this.#pod, life }, step);
      this.#retry.succeeded();
      return waitMs;
    } catch (error) {
      if (signal.aborted) return 0;
      return this.#retry.failed(error, this.#life);
    } finally {
      onStep?.(type, clock.monotonicMs() - startedMs, this.#pod);
    }
  }

  #stepOf(life: PodLife): (signal: AbortSignal) => Promise<number> {
    switch (life.kind) {
      case 'syncing':
        return (signal) => this.#sync(signal);
      case 'terminating':
        return (signal) => this.#terminate(life.graceSeconds, signal);
      case 'terminated':
        return (signal) => this.#cleanUp(signal);
      case 'finished':
        return async () => 0;
    }
  }

  /** @param after an object that was just created and may not be visible yet */
  async #observe(signal: AbortSignal, after?: 'sandbox'): Promise<PodObservation> {
    try {
      const seen = await this.#ports.runtimeView.observe(podUid(this.#pod), signal);
      if (this.#life.kind === 'syncing') this.#ports.probes.update(this.#pod, seen);
      return seen;
    } catch (error) {
      if (!signal.aborted) {
        const [reason, what] =
          after === 'sandbox'
            ? ['FailedPodSandBoxStatus', 'Unable to get pod sandbox status']
            : ['FailedSync', 'error determining status'];
        this.#ports.events.warning(this.#pod, reason, `${what}: ${messageOf(error)}`);
      }
      throw error;
    }
  }

  #report(seen: PodObservation, terminal = false): PodStatus {
    const { reporter, probes } = this.#ports;
    if (this.#removed) return this.#pod.status ?? {};
    const uid = podUid(this.#pod);
    return reporter.report({
      pod: this.#pod,
      seen,
      probes: probes.verdicts(uid),
      waiting: this.#memory.waiting,
      actuated: this.#resizes?.actuated(uid),
      resize: terminal ? {} : (this.#resizes?.conditions(uid) ?? {}),
      terminal,
      verdict: this.#verdict,
    });
  }

  async #sync(signal: AbortSignal): Promise<number> {
    // Volumes are prepared while the runtime is observed; only starts wait for them.
    const volumes = settled(this.#ports.volumes.prepare(this.#pod, signal));
    try {
      let seen = await this.#observe(signal);
      for (let rounds = 0; ; rounds += 1) {
        if (rounds > maxRounds(this.#pod))
          throw new Error('the pod does not settle: its containers keep changing');
        const plan = this.#plan(seen);
        this.#resizes?.progress(this.#pod, seen);
        const status = this.#report(seen);
        if (isTerminalPhase(status.phase)) {
          this.stop('completed');
          return 0;
        }
        const leftMs = deadlineLeftMs(this.#pod, status, this.#ports.clock.nowMs());
        if (leftMs === 0) {
          const { reason, message } = DEADLINE_EXCEEDED;
          this.#ports.events.normal(this.#pod, reason, message);
          this.stop('deadline-exceeded', { verdict: DEADLINE_EXCEEDED });
          return 0;
        }
        if (!plan.some(isWork)) {
          await this.#execute(planCleanup(seen, this.#ports.keptRuns), seen, signal);
          return this.#waitMs(seen, leftMs);
        }
        await this.#awaitVolumes(plan, volumes);
        const [failure] = await this.#execute(plan, seen, signal);
        const made = plan.some(({ kind }) => kind === 'create-sandbox') ? 'sandbox' : undefined;
        seen = await this.#observe(signal, made);
        if (failure !== undefined) {
          this.#report(seen);
          throw new LoggedFailure(failure);
        }
      }
    } finally {
      await volumes;
    }
  }

  #plan(seen: PodObservation): PodPlan {
    const plan = planPod(this.#pod, seen, {
      ...this.#memory.crashLoops,
      restartCounts: this.#memory.restartCounts,
      probes: this.#ports.probes.verdicts(podUid(this.#pod)),
      actuated: this.#resizes?.actuated(podUid(this.#pod)),
    });
    this.#memory.notePlan(this.#pod, plan);
    return plan;
  }

  async #awaitVolumes(plan: PodPlan, volumes: Promise<{ error?: unknown }>): Promise<void> {
    if (!plan.some(({ kind }) => kind === 'create-sandbox' || kind === 'start-container')) return;
    const outcome = await volumes;
    if (!('error' in outcome)) return;
    const { error } = outcome;
    // This stops the pod, and with it this step.
    if (isPodRejected(error)) this.#refuse({ reason: error.reason, message: error.message });
    throw new VolumesNotReady(error);
  }

  async #execute(
    plan: PodPlan,
    seen: PodObservation,
    signal: AbortSignal,
  ): Promise<readonly Error[]> {
    const { runtime, events, sandboxGate } = this.#ports;
    if (plan.some(({ kind }) => kind === 'create-sandbox')) this.#assertNetwork();
    const context = {
      pod: this.#pod,
      seen,
      runtime,
      events,
      sandboxGate,
      log: this.#log,
      failureLevel: this.#retry.level(this.#life),
      memory: this.#memory,
      onResizeFailed: (message: string) => this.#resizes?.failed(this.#pod, message),
    };
    return executePlan(plan, context, signal);
  }

  #assertNetwork(): void {
    const problem = this.#ports.node.networkProblem();
    if (problem === undefined || isHostNetwork(this.#pod)) return;
    const message = `network is not ready: ${problem}`;
    this.#ports.events.warning(this.#pod, 'NetworkNotReady', message);
    throw new NetworkNotReady(message);
  }

  #waitMs(seen: PodObservation, deadlineMs: number | undefined): number {
    const { clock, random, resyncMs } = this.#ports;
    const nowMs = clock.nowMs();
    const { holdUntilMs = Number.POSITIVE_INFINITY } = this.#memory;
    const waits = [
      jittered(resyncMs, 0.5, random),
      deadlineMs ?? Number.POSITIVE_INFINITY,
      lookAgainMs(this.#pod, seen, nowMs) ?? Number.POSITIVE_INFINITY,
      holdUntilMs - nowMs,
    ];
    return Math.max(1, Math.min(...waits));
  }

  async #terminate(graceSeconds: number, signal: AbortSignal): Promise<number> {
    await terminatePod(this.#ending(), graceSeconds, this.#ports, signal);
    this.#advance({ kind: 'all-stopped' });
    return 0;
  }

  async #cleanUp(signal: AbortSignal): Promise<number> {
    const isOver = await cleanUpPod(this.#ending(), this.#ports, signal);
    this.#isEmptied = true;
    if (!isOver) return this.#ports.resyncMs;
    this.#advance({ kind: 'cleaned-up' });
    return 0;
  }

  #ending(): EndingPod {
    const newest = (): Pod => this.#pod;
    const isRemoved = (): boolean => this.#removed;
    return {
      verdict: this.#verdict,
      get pod() {
        return newest();
      },
      get removed() {
        return isRemoved();
      },
      observe: (signal) => this.#observe(signal),
      report: (seen, terminal) => this.#report(seen, terminal),
      execute: (plan, seen, signal) => this.#execute(plan, seen, signal),
    };
  }
}

/** Steps that change something. */
function isWork({ kind }: PodPlan[number]): boolean {
  return kind !== 'hold-container';
}

/** Never rejects, so the promise may be awaited later. */
async function settled(task: Promise<void>): Promise<{ error?: unknown }> {
  try {
    await task;
    return {};
  } catch (error) {
    return { error };
  }
}
