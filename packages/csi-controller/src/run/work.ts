import {
  backoffLeftMs,
  type BackoffRules,
  type BackoffState,
  type Clock,
  nextBackoff,
  Wake,
} from '@nodeagent/base';

export interface WorkOptions<Task extends { readonly key: string }> {
  readonly clock: Clock;
  /** Everything that is left to do. */
  readonly plan: () => readonly Task[];
  readonly perform: (task: Task, signal: AbortSignal) => Promise<void>;
  readonly onError: (task: Task, error: unknown, retryInMs: number) => void;
  /** The wait after a task's first failure doubles with each further one. */
  readonly retry: BackoffRules;
  /** Maximum number of tasks at the same time. */
  readonly concurrency: number;
}

/** Time until the next plan without a change. */
const RESYNC_MS = 60_000;

/**
 * Performs the tasks of a plan, one per key at a time, and plans again after each change. A task that
 * fails waits; one that is no longer in the plan is forgotten with its waits.
 */
export class Work<Task extends { readonly key: string }> {
  readonly #options: WorkOptions<Task>;
  readonly #wake = new Wake();
  readonly #failed = new Map<string, BackoffState>();
  readonly #busy = new Map<string, Promise<void>>();

  constructor(options: WorkOptions<Task>) {
    this.#options = options;
  }

  /** Requests a plan: something has changed. */
  request(): void {
    this.#wake.wake();
  }

  /** Works until the signal fires, and ends when the tasks under way have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let waitMs = 0;
    while ((await this.#wake.waitAtMost(waitMs, clock, signal)) !== 'aborted') {
      waitMs = this.#start(signal);
    }
    await Promise.all(this.#busy.values());
  }

  /** @returns the time until a task may be tried again */
  #start(signal: AbortSignal): number {
    const { clock, plan, concurrency } = this.#options;
    const tasks = plan();
    const keys = new Set(tasks.map(({ key }) => key));
    for (const key of this.#failed.keys()) {
      if (!keys.has(key) && !this.#busy.has(key)) this.#failed.delete(key);
    }
    let soonestMs = RESYNC_MS;
    for (const task of tasks) {
      if (this.#busy.has(task.key)) continue;
      const leftMs = backoffLeftMs(this.#failed.get(task.key), clock.monotonicMs());
      if (leftMs > 0) soonestMs = Math.min(soonestMs, leftMs);
      else if (this.#busy.size < concurrency) this.#busy.set(task.key, this.#perform(task, signal));
    }
    return soonestMs;
  }

  async #perform(task: Task, signal: AbortSignal): Promise<void> {
    const { clock, perform, onError, retry } = this.#options;
    try {
      await perform(task, signal);
      this.#failed.delete(task.key);
    } catch (error) {
      if (signal.aborted) return;
      const failed = nextBackoff(this.#failed.get(task.key), retry, clock.monotonicMs());
      this.#failed.set(task.key, failed);
      onError(task, error, failed.delayMs);
    } finally {
      this.#busy.delete(task.key);
      this.#wake.wake();
    }
  }
}
