import type { Clock, Random } from '@nodeagent/base';

import { type Due, DueQueue } from '../model/due-queue.js';
import { PROBE_KINDS, type ProbeKind, type ProbeSpec } from '../model/probe.js';
import type { ProbeOutcome, Verdict } from '../model/result.js';
import type { ProbedInstance, ProbeSubject } from '../model/subject.js';
import { decideProbe, initialVerdict } from '../plan/decide.js';
import { foldResult, type ProbeRun } from '../plan/thresholds.js';
import type { Prober, VerdictSink } from '../ports.js';
import { attemptProbe } from './attempt.js';

export interface ProbeManagerOptions {
  readonly clock: Clock;
  readonly prober: Prober;
  readonly sink: VerdictSink;
  readonly random: Random;
}

/** Due times are rounded up to this, so that many probes share one timer. */
const TICK_MS = 25;
/** An instance that started longer before the manager was running under someone else's eyes. */
const ADOPTED_AFTER_MS = 10_000;

interface Worker extends Due {
  readonly entry: Entry;
  readonly kind: ProbeKind;
  spec: ProbeSpec;
  run: ProbeRun | undefined;
  onHold: boolean;
  finished: boolean;
  /** Not before this, by the monotonic clock: period, start jitter. */
  nextMs: number;
  /** Identifies the attempt under way; others' results come too late. */
  attempt: object | undefined;
  /** Asked for again during an attempt. */
  again: boolean;
}

interface Entry {
  subject: ProbeSubject;
  /** When the instance started, on the monotonic clock. */
  startedMs: number;
  started: boolean;
  readonly verdicts: Map<ProbeKind, Verdict>;
  readonly workers: Map<ProbeKind, Worker>;
  /** Ends the attempts on the present instance. */
  abort: AbortController;
}

/**
 * Probes any number of subjects from one timer. Subjects are told with {@link set} whenever
 * anything about them changes; attempts are made while {@link run} runs. Keeps one entry per
 * subject, unbounded, until {@link remove}.
 */
export class ProbeManager {
  readonly #options: ProbeManagerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #byInstance = new Map<string, Entry>();
  readonly #due = new DueQueue<Worker>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #bornMs: number;
  readonly #bornAtMs: number;
  /** Until when the loop sleeps, and how to cut that short. */
  #alarm: { readonly atMs: number; readonly ring: AbortController } | undefined;

  constructor(options: ProbeManagerOptions) {
    this.#options = options;
    this.#bornMs = options.clock.monotonicMs();
    this.#bornAtMs = options.clock.nowMs();
  }

  /** Adds a subject or tells what has become of it; repeating the same is cheap and harmless. */
  set(subject: ProbeSubject): void {
    const entry = this.#entries.get(subject.key) ?? newEntry(subject);
    const before = this.#entries.has(subject.key) ? entry.subject : undefined;
    this.#entries.set(subject.key, entry);
    entry.subject = subject;
    this.#matchWorkers(entry);
    const { instance } = subject;
    if (before?.phase !== subject.phase || before.instance?.state !== instance?.state) {
      for (const worker of entry.workers.values()) worker.attempt = undefined; // it asks the past
    }
    const isNew = instance?.id !== before?.instance?.id;
    if (isNew) this.#replaceInstance(entry, before?.instance?.id);
    // A new instance may follow a running one: it was stopped and started between two calls.
    if (instance?.state === 'running' && (isNew || before?.instance?.state !== 'running')) {
      this.#noteStart(entry, instance);
    }
    entry.started ||= !entry.workers.has('startup') || instance?.started === true;
    for (const worker of entry.workers.values()) this.#wake(worker);
  }

  /** Ends a subject's probes and forgets its verdicts. */
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
   * The verdict in force. Undefined: no such instance or probe, or the instance was running before
   * this process and has not been decided yet.
   */
  verdict(instanceId: string, kind: ProbeKind): Verdict | undefined {
    return this.#byInstance.get(instanceId)?.verdicts.get(kind);
  }

  /** Asks for readiness now instead of at the next period, unless the verdict is success. */
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

  /** Makes attempts until the signal fires; resolves when none is under way any more. */
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

  /** Spreads the first attempts on instances that were found running, lest all come at once. */
  #spread(periodMs: number): number {
    const now = this.#now();
    return now - this.#bornMs < periodMs ? now + this.#options.random() * periodMs : now;
  }

  #noteStart(entry: Entry, { startedAtMs }: ProbedInstance): void {
    const agoMs = this.#options.clock.nowMs() - (startedAtMs ?? Number.POSITIVE_INFINITY);
    entry.startedMs = this.#now() - Math.max(0, agoMs);
  }

  /** Decides anew, and queues the worker for its next attempt if there is to be one. */
  #wake(worker: Worker): void {
    if (worker.finished || worker.attempt !== undefined) return;
    const atMs = this.#decide(worker);
    if (atMs === undefined) this.#due.remove(worker);
    else this.#queue(worker, atMs);
  }

  /** @returns when to make the next attempt; undefined: not before something changes */
  #decide(worker: Worker): number | undefined {
    const { entry, kind, spec, onHold } = worker;
    const { started, startedMs, subject } = entry;
    const now = this.#now();
    const runningMs = now - startedMs;
    const decision = decideProbe(subject, { kind, spec, onHold, started, runningMs });
    if (decision.kind === 'finish') worker.finished = true;
    if ('verdict' in decision && decision.verdict !== undefined) {
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
      // Asked again: on a real clock some time has passed since `now`, and "at once" is later.
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
      () => undefined, // rejects only when aborted, and then nobody wants to know
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

  /** Readiness is asked at once; liveness gets its first period. */
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
