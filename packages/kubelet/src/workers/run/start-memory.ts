import type { Clock } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import {
  findContainer,
  type PodEvents,
  podLabel,
  type PodObservation,
  type PodPlan,
  type WaitingReason,
} from '../../pod/index.js';
import {
  afterStart,
  type CrashLoopContext,
  type CrashLoopRules,
  type CrashLoops,
  NO_CRASH_LOOPS,
} from '../plan/crash-loop.js';

/** Facts about the starts of one pod's containers that cannot be observed. */
export class StartMemory {
  readonly #clock: Clock;
  readonly #rules: CrashLoopRules;
  readonly #events: PodEvents;
  #crashLoops: CrashLoops = NO_CRASH_LOOPS;
  #waiting: ReadonlyMap<string, WaitingReason> = new Map();
  #holdUntilMs: number | undefined;
  readonly #restartCounts = new Map<string, number>();

  constructor(
    ports: Readonly<{ clock: Clock; crashLoopRules: CrashLoopRules; events: PodEvents }>,
  ) {
    this.#clock = ports.clock;
    this.#rules = ports.crashLoopRules;
    this.#events = ports.events;
  }

  get crashLoops(): CrashLoopContext {
    return {
      crashLoops: this.#crashLoops,
      crashLoopRules: this.#rules,
      nowMs: this.#clock.nowMs(),
    };
  }

  /** By container name: the reason why it does not run. */
  get waiting(): ReadonlyMap<string, WaitingReason> {
    return this.#waiting;
  }

  /** The time at which the first held-back container may start; undefined if none is held back. */
  get holdUntilMs(): number | undefined {
    return this.#holdUntilMs;
  }

  /**
   * By container name: the restart count of the next run, for containers whose record was removed.
   */
  get restartCounts(): ReadonlyMap<string, number> {
    return this.#restartCounts;
  }

  /** A container's record was removed, and with it its restart count. */
  noteRemoval(seen: PodObservation, id: string): void {
    const record = seen.containers.find((container) => container.id === id);
    if (record === undefined) return;
    const { name, restartCount } = record;
    const next = Math.max(this.#restartCounts.get(name) ?? 0, restartCount + 1);
    this.#restartCounts.set(name, next);
  }

  notePlan(pod: Pod, plan: PodPlan): void {
    const holds = plan.filter((action) => action.kind === 'hold-container');
    for (const { name, why } of holds) {
      const before = this.#waiting.get(name);
      if (before?.reason !== 'CrashLoopBackOff' || before.message !== why) {
        const message = `Back-off restarting failed container ${name} in pod ${podLabel(pod)}`;
        this.#events.warning(pod, 'BackOff', message, name);
      }
      this.noteOutcome(name, { reason: 'CrashLoopBackOff', message: why });
    }
    const ends = holds.map(({ untilMs }) => untilMs);
    this.#holdUntilMs = ends.length > 0 ? Math.min(...ends) : undefined;
  }

  /** A start is about to be attempted. */
  noteStart(pod: Pod, seen: PodObservation, name: string): void {
    const container = findContainer(pod, name)?.spec;
    if (container !== undefined) this.#crashLoops = afterStart(container, seen, this.crashLoops);
  }

  /** @param failure undefined if the start succeeded */
  noteOutcome(name: string, failure: WaitingReason | undefined): void {
    const waiting = new Map(this.#waiting);
    if (failure === undefined) waiting.delete(name);
    else waiting.set(name, failure);
    this.#waiting = waiting;
  }
}
