import { jittered, type Logger, Wake } from '@nodeagent/base';
import type { Pod, PodStatus } from '@nodeagent/kube-client';

import {
  type FailureVerdict,
  isDeleting,
  isHostNetwork,
  isTerminalPhase,
  messageOf,
  podGraceSeconds,
  podName,
  podNamespace,
  type PodObservation,
  type PodPlan,
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
import { planCleanup } from '../plan/plan-cleanup.js';
import { planPod } from '../plan/plan-pod.js';
import { changeOf } from '../plan/pod-change.js';
import { cleanUpPod, type EndingPod, terminatePod } from './end-pod.js';
import { executePlan } from './execute-plan.js';
import { StartMemory } from './start-memory.js';
import { NetworkNotReady, StepRetry, VolumesNotReady } from './step-retry.js';
import { traceStep } from './trace-step.js';
import type { StepType } from './worker-metrics.js';
import type { WorkerPorts } from './worker-ports.js';

/**
 * The life of one pod: observe, plan, act, observe again, report, until it is as it should be; then
 * wait for a reason to look again. Remembers only what cannot be observed: how far its life is, how
 * often its containers crashed, and why they could not be started.
 */
export class PodWorker {
  readonly #ports: WorkerPorts;
  readonly #wake = new Wake();
  readonly #log: Logger;
  #pod: Pod;
  #life: PodLife = NEW_LIFE;
  #verdict: FailureVerdict | undefined;
  readonly #leaving = Promise.withResolvers<undefined>();
  readonly #stopped = Promise.withResolvers<undefined>();
  /** Its source no longer has it, so nobody reads its status. */
  #removed = false;
  /** Why the next look is taken. */
  #because: StepType = 'create';
  /** Cancels the step under way. */
  #step = new AbortController();
  readonly #memory: StartMemory;
  readonly #retry: StepRetry;
  /** Waits after a failure; what the runtime tells meanwhile may be our own doing. */
  #backingOff = false;

  constructor(pod: Pod, ports: WorkerPorts) {
    this.#pod = pod;
    this.#ports = ports;
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

  /** Resolves when the pod is to end, whatever of it has begun. */
  get leaving(): Promise<undefined> {
    return this.#leaving.promise;
  }

  /** Resolves when nothing of the pod runs any more, nor will. */
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

  /** Something of it may have changed in the runtime; a back-off goes on. */
  wake(): void {
    if (!this.#backingOff) this.#wake.wake();
  }

  /** A verdict on one of its containers changed, which its status shows at once. */
  probed(): void {
    this.#wake.wake();
  }

  /** Ends the pod for good; a later stop may only shorten the time it has. */
  stop(
    reason: StopReason,
    options: { graceSeconds?: number; verdict?: FailureVerdict } = {},
  ): void {
    this.#verdict ??= options.verdict;
    const graceSeconds = podGraceSeconds(this.#pod, options.graceSeconds);
    this.#advance({ kind: 'stop', reason, graceSeconds });
  }

  /** Its source has it no more: what is left is stopped and removed, and no one is told. */
  remove(graceSeconds: number | undefined): void {
    this.#removed = true;
    this.stop('removed', graceSeconds === undefined ? {} : { graceSeconds });
    this.#wake.wake();
  }

  /** Ends when nothing of the pod is left on the node, or with the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const quit = (): void => this.#step.abort(signal.reason);
    signal.addEventListener('abort', quit);
    try {
      while (!signal.aborted && this.#life.kind !== 'finished') {
        this.#step = new AbortController();
        const waitMs = await this.#takeStep(this.#step.signal);
        if (signal.aborted) return;
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
    this.#log.debug({ from: before.kind, to: this.#life }, 'pod moves on in its life');
    if (this.#life.kind === 'terminating') this.#leaving.resolve(undefined);
    if (this.#life.kind === 'terminated') this.#stopped.resolve(undefined);
    if (event.kind !== 'stop') return;
    this.#step.abort(new Error('the pod is being stopped'));
    this.#wake.wake();
  }

  /** @returns how long to wait for a reason to look again; 0: none */
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
      onStep?.(type, clock.monotonicMs() - startedMs);
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

  /** @param after what has just been made, and might not be seen */
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
    const { reporter, probes, resizes } = this.#ports;
    if (this.#removed) return this.#pod.status ?? {};
    const uid = podUid(this.#pod);
    return reporter.report({
      pod: this.#pod,
      seen,
      probes: probes.verdicts(uid),
      waiting: this.#memory.waiting,
      actuated: resizes?.actuated(uid),
      resize: terminal ? {} : (resizes?.conditions(uid) ?? {}),
      terminal,
      verdict: this.#verdict,
    });
  }

  async #sync(signal: AbortSignal): Promise<number> {
    // Volumes are made ready while the runtime is asked; only starts wait for them.
    const volumes = settled(this.#ports.volumes.prepare(this.#pod, signal));
    try {
      let seen = await this.#observe(signal);
      for (let rounds = 0; ; rounds += 1) {
        if (rounds > maxRounds(this.#pod)) throw new Error('the pod does not come to rest');
        const plan = this.#plan(seen);
        this.#ports.resizes?.progress(this.#pod, seen);
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
          await this.#execute(planCleanup(seen), seen, signal);
          return this.#waitMs(seen, leftMs);
        }
        await this.#awaitVolumes(plan, volumes);
        const [failure] = await this.#execute(plan, seen, signal);
        const made = plan.some(({ kind }) => kind === 'create-sandbox') ? 'sandbox' : undefined;
        seen = await this.#observe(signal, made);
        if (failure !== undefined) {
          this.#report(seen);
          throw failure;
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
      actuated: this.#ports.resizes?.actuated(podUid(this.#pod)),
    });
    this.#memory.notePlan(this.#pod, plan);
    return plan;
  }

  async #awaitVolumes(plan: PodPlan, volumes: Promise<{ error?: unknown }>): Promise<void> {
    if (!plan.some(({ kind }) => kind === 'create-sandbox' || kind === 'start-container')) return;
    const outcome = await volumes;
    if ('error' in outcome) throw new VolumesNotReady(outcome.error);
  }

  async #execute(
    plan: PodPlan,
    seen: PodObservation,
    signal: AbortSignal,
  ): Promise<readonly Error[]> {
    const { runtime, events, sandboxGate, resizes } = this.#ports;
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
      onResizeFailed: (message: string) => resizes?.failed(this.#pod, message),
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
    await terminatePod(this.#ending(), { ...this.#ports, graceSeconds }, signal);
    this.#advance({ kind: 'all-stopped' });
    return 0;
  }

  async #cleanUp(signal: AbortSignal): Promise<number> {
    if (!(await cleanUpPod(this.#ending(), this.#ports, signal))) return this.#ports.resyncMs;
    this.#advance({ kind: 'cleaned-up' });
    return 0;
  }

  #ending(): EndingPod {
    const newest = (): Pod => this.#pod;
    const isRemoved = (): boolean => this.#removed;
    return {
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

/**
 * How often one sync may act before it takes a rest: every init container is a round of its own, and
 * a container may end as soon as it has started; more means that something is lost over and over.
 */
function maxRounds(pod: Pod): number {
  return 5 + 2 * (pod.spec?.initContainers?.length ?? 0);
}

/** Steps that change something. */
function isWork({ kind }: PodPlan[number]): boolean {
  return kind !== 'hold-container';
}

/** Never rejects, so that it may be left alone for a while. */
async function settled(task: Promise<void>): Promise<{ error?: unknown }> {
  try {
    await task;
    return {};
  } catch (error) {
    return { error };
  }
}
