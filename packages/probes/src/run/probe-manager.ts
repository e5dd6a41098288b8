import type { Clock, Random } from '@nodeagent/base';
import { createSystemClock, systemRandom } from '@nodeagent/base/system';

import { type Due, DueQueue } from '../model/due-queue.js';
import { PROBE_KINDS, type ProbeKind, type ProbeSpec } from '../model/probe.js';
import type { ProbeOutcome, Verdict } from '../model/result.js';
import type { ProbedInstance, ProbeSubject } from '../model/subject.js';
import { checkProbes } from '../plan/check-probes.js';
import { decideProbe, initialVerdict } from '../plan/decide.js';
import { foldResult, type ProbeRun } from '../plan/thresholds.js';
import type { Prober, VerdictSink } from '../ports.js';
import { attemptProbe } from './attempt.js';

/** The probers, and the receiver of verdicts. */
export interface ProbeManagerOptions {
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  readonly prober: Prober;
  readonly sink: VerdictSink;
  /** `Math.random` when absent. */
  readonly random?: Random;
}

/** Due times are rounded up to this, so that many probes share one timer. */
const TICK_MS = 25;
/**
 * An instance that started earlier than this before the manager was already supervised by another
 * process.
 */
const ADOPTED_AFTER_MS = 10_000;

interface Worker extends Due {
  readonly entry: Entry;
  readonly kind: ProbeKind;
  spec: ProbeSpec;
  run: ProbeRun | undefined;
  onHold: boolean;
  finished: boolean;
  /** The earliest time of the next attempt, by the monotonic clock: period, start jitter. */
  nextMs: number;
  /** Identifies the current attempt; results of others are late. */
  attempt: object | undefined;
  /** True when another attempt was requested during the current one. */
  again: boolean;
}

interface Entry {
  subject: ProbeSubject;
  /** The instance's start on the monotonic clock. */
  startedMs: number;
  started: boolean;
  readonly verdicts: Map<ProbeKind, Verdict>;
  readonly workers: Map<ProbeKind, Worker>;
  /** Aborts attempts on the present instance. */
  abort: AbortController;
}

/**
 * Probes any number of subjects with one timer. Call {@link set} whenever anything about a subject
 * changes; attempts are made while {@link run} runs. Keeps one entry per subject, without limit,
 * until {@link remove}.
 */
export class ProbeManager {
  readonly #options: Required<ProbeManagerOptions>;
  readonly #entries = new Map<string, Entry>();
  readonly #byInstance = new Map<string, Entry>();
  readonly #due = new DueQueue<Worker>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #bornMs: number;
  readonly #bornAtMs: number;
  /** The time until which the loop sleeps, and the function that wakes it. */
  #alarm: { readonly atMs: number; readonly ring: AbortController } | undefined;

  constructor(options: ProbeManagerOptions) {
    const { clock = createSystemClock(), random = systemRandom } = options;
    this.#options = { ...options, clock, random };
    this.#bornMs = clock.monotonicMs();
    this.#bornAtMs = clock.nowMs();
  }

  /**
   * Adds or updates a subject; repeating a call is cheap and harmless.
   *
   * @throws {ProbeError} `PROBE_INVALID`; the subject's probes are as before
   */
  set(subject: ProbeSubject): void {
    checkProbes(subject.probes);
    const entry = this.#entries.get(subject.key) ?? newEntry(subject);
    const before = this.#entries.has(subject.key) ? entry.subject : undefined;
    this.#entries.set(subject.key, entry);
    entry.subject = subject;
    this.#matchWorkers(entry);
    const { instance } = subject;
    if (before?.phase !== subject.phase || before.instance?.state !== instance?.state) {
      for (const worker of entry.workers.values()) worker.attempt = undefined; // it tests the previous state
    }
    const isNew = instance?.id !== before?.instance?.id;
    if (isNew) this.#replaceInstance(entry, before?.instance?.id);
    // A new instance may follow a running one, if it was stopped and started between two calls.
    if (instance?.state === 'running' && (isNew || before?.instance?.state !== 'running')) {
      this.#noteStart(entry, instance);
    }
    entry.started ||= !entry.workers.has('startup') || instance?.started === true;
    for (const worker of entry.workers.values()) this.#wake(worker);
  }

  /** Ends a subject's probes and drops its verdicts. */
  remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    entry.abort.abort();
    for (const worker of entry.workers.values()) this.#due.remove(worker);
    const id = entry.subject.instance?.id;
    if (id !== undefined && this.#byInstance.get(id) === entry) this.#byInstance.delete(id);
  }

  /**
   * Returns the verdict in force. Undefined: no such instance or probe, or the instance was running
   * before this process and is not decided yet.
   */
  verdict(instanceId: string, kind: ProbeKind): Verdict | undefined {
    return this.#byInstance.get(instanceId)?.verdicts.get(kind);
  }

  /** Makes a readiness attempt now instead of at the next period, unless the verdict is success. */
  recheck(key: string): void {
    const worker = this.#entries.get(key)?.workers.get('readiness');
    if (worker === undefined || worker.entry.verdicts.get('readiness') === 'success') return;
    if (worker.attempt !== undefined) {
      worker.again = true;
      return;
    }
    worker.nextMs = Math.min(worker.nextMs, this.#now());
    this.#wake(worker);
  }

  /** Makes attempts until the signal fires; resolves when none is running any more. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#alarm?.ring.abort();
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      this.#startDue();
      await this.#sleep();
    }
    for (const key of [...this.#entries.keys()]) this.remove(key);
    await Promise.all(this.#underWay);
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }

  #matchWorkers(entry: Entry): void {
    for (const kind of PROBE_KINDS) {
      const spec = entry.subject.probes[kind];
      const worker = entry.workers.get(kind);
      if (spec === undefined) {
        if (worker !== undefined) this.#due.remove(worker);
        entry.workers.delete(kind);
      } else if (worker !== undefined) worker.spec = spec;
      else entry.workers.set(kind, newWorker(entry, kind, spec));
    }
  }

  #replaceInstance(entry: Entry, oldId: string | undefined): void {
    const { instance } = entry.subject;
    if (oldId !== undefined) this.#byInstance.delete(oldId);
    if (instance !== undefined) this.#byInstance.set(instance.id, entry);
    entry.abort.abort();
    entry.abort = new AbortController();
    entry.verdicts.clear();
    entry.started = false;
    const adopted = this.#adopted(instance);
    const startedAlready = instance?.started === true;
    for (const worker of entry.workers.values()) {
      const { kind, spec } = worker;
      worker.run = undefined;
      worker.onHold = worker.finished = worker.again = false;
      worker.attempt = undefined;
      worker.nextMs = adopted ? this.#spread(spec.periodMs) : this.#now();
      const verdict =
        kind === 'startup' && startedAlready ? 'success' : initialVerdict(kind, adopted);
      if (instance !== undefined && verdict !== undefined) entry.verdicts.set(kind, verdict);
    }
  }

  #adopted(instance: ProbedInstance | undefined): boolean {
    const startedAtMs = instance?.startedAtMs;
    return startedAtMs !== undefined && startedAtMs < this.#bornAtMs - ADOPTED_AFTER_MS;
  }

  /**
   * Spreads the first attempts on instances that were found running, so that they do not all come
   * at once.
   */
  #spread(periodMs: number): number {
    const now = this.#now();
    return now - this.#bornMs < periodMs ? now + this.#options.random() * periodMs : now;
  }

  #noteStart(entry: Entry, { startedAtMs }: ProbedInstance): void {
    const agoMs = this.#options.clock.nowMs() - (startedAtMs ?? Number.POSITIVE_INFINITY);
    entry.startedMs = this.#now() - Math.max(0, agoMs);
  }

  /** Decides again, and queues the worker for its next attempt if there is one. */
  #wake(worker: Worker): void {
    if (worker.finished || worker.attempt !== undefined) return;
    const atMs = this.#decide(worker);
    if (atMs === undefined) this.#due.remove(worker);
    else this.#queue(worker, atMs);
  }

  /** @returns the time of the next attempt; undefined when it depends on a change */
  #decide(worker: Worker): number | undefined {
    const { entry, kind, spec, onHold } = worker;
    const { started, startedMs, subject } = entry;
    const now = this.#now();
    const runningMs = now - startedMs;
    const decision = decideProbe(subject, { kind, spec, onHold, started, runningMs });
    if (decision.kind === 'finish') worker.finished = true;
    if ('verdict' in decision) {
      this.#record(worker, decision.verdict, '');
    }
    if (decision.kind === 'probe') return Math.max(now, worker.nextMs);
    if (decision.kind !== 'wait' || decision.forMs === undefined) return undefined;
    return Math.max(now + decision.forMs, worker.nextMs);
  }

  #queue(worker: Worker, atMs: number): void {
    this.#due.put(worker, atMs);
    if (this.#alarm !== undefined && atMs < this.#alarm.atMs - TICK_MS) this.#alarm.ring.abort();
  }

  async #sleep(): Promise<void> {
    const now = this.#now();
    const atMs = this.#due.peek()?.dueMs ?? Number.POSITIVE_INFINITY;
    const roundedMs = Math.ceil(atMs / TICK_MS) * TICK_MS;
    this.#alarm = { atMs: roundedMs, ring: new AbortController() };
    await this.#options.clock.sleep(Math.max(0, roundedMs - now), this.#alarm.ring.signal);
    this.#alarm = undefined;
  }

  #startDue(): void {
    const now = this.#now();
    for (let worker = this.#due.peek(); worker !== undefined; worker = this.#due.peek()) {
      if (worker.dueMs > now) return;
      const dueMs = worker.dueMs;
      this.#due.remove(worker);
      const atMs = this.#decide(worker);
      if (atMs === undefined) continue;
      // Read the clock again: time has passed since `now`, so "at once" is later.
      if (atMs > this.#now()) this.#due.put(worker, atMs);
      else this.#start(worker, dueMs);
    }
  }

  #start(worker: Worker, dueMs: number): void {
    const { instance } = worker.entry.subject;
    if (instance === undefined) return;
    const attempt = {};
    worker.attempt = attempt;
    const startedMs = this.#now();
    const { prober } = this.#options;
    const { signal } = worker.entry.abort;
    const done = attemptProbe(worker.spec, { prober, instance }, signal).then(
      (outcome) => {
        if (worker.attempt !== attempt || signal.aborted) return;
        worker.attempt = undefined;
        this.#finish(worker, { outcome, instance, durationMs: this.#now() - startedMs });
        const now = this.#now();
        const soon = worker.again && worker.entry.verdicts.get(worker.kind) !== 'success';
        worker.nextMs = soon ? now : Math.max(now, dueMs + worker.spec.periodMs);
        worker.again = false;
        this.#wake(worker);
      },
      () => undefined, // rejects only when aborted, and then the result does not matter
    );
    this.#underWay.add(done);
    void done.finally(() => this.#underWay.delete(done));
  }

  #finish(
    worker: Worker,
    report: Readonly<{ outcome: ProbeOutcome; instance: ProbedInstance; durationMs: number }>,
  ): void {
    const { entry, kind, spec } = worker;
    const { outcome, instance, durationMs } = report;
    const { key } = entry.subject;
    this.#options.sink.attempted?.({ key, instanceId: instance.id, kind, outcome, durationMs });
    if (outcome.result === 'error') return;
    const result = outcome.result === 'failure' ? 'failure' : 'success';
    const folded = foldResult(worker.run, result, { kind, thresholds: spec });
    worker.run = folded.run;
    worker.onHold ||= folded.hold;
    if (folded.verdict !== undefined) this.#record(worker, folded.verdict, outcome.detail);
  }

  #record(worker: Worker, verdict: Verdict, detail: string): void {
    const { entry, kind, spec } = worker;
    const { key, instance } = entry.subject;
    if (instance === undefined || entry.verdicts.get(kind) === verdict) return;
    entry.verdicts.set(kind, verdict);
    if (kind === 'startup' && verdict === 'success') this.#passStartup(entry);
    this.#options.sink.changed({ key, instanceId: instance.id, kind, verdict, spec, detail });
  }

  /** Readiness is probed at once; liveness waits for its first period. */
  #passStartup(entry: Entry): void {
    entry.started = true;
    const now = this.#now();
    for (const worker of entry.workers.values()) {
      if (worker.kind === 'startup') continue;
      worker.nextMs = worker.kind === 'readiness' ? now : now + worker.spec.periodMs;
      this.#wake(worker);
    }
  }
}

function newEntry(subject: ProbeSubject): Entry {
  return {
    subject,
    startedMs: 0,
    started: false,
    verdicts: new Map(),
    workers: new Map(),
    abort: new AbortController(),
  };
}

function newWorker(entry: Entry, kind: ProbeKind, spec: ProbeSpec): Worker {
  return {
    entry,
    kind,
    spec,
    run: undefined,
    onHold: false,
    finished: false,
    nextMs: 0,
    attempt: undefined,
    again: false,
    dueMs: 0,
    slot: -1,
  };
}
