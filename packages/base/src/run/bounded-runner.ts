import type { BackoffRules, BackoffState } from '../plan/backoff.js';
import { nextBackoff } from '../plan/backoff.js';
import type { Clock } from '../ports.js';
import { Wake } from './wake.js';

/** Bounds on how often the work of a {@link BoundedRunner} runs. */
export interface BoundedRunnerOptions {
  readonly clock: Clock;
  /** Minimum time from the end of one run to the start of the next, regardless of requests. */
  readonly minIntervalMs: number;
  /** Maximum time from the end of one run to the start of the next, requested or not. */
  readonly maxIntervalMs: number;
  /** Back-off after failed runs, counted from the end of each; a success resets it. */
  readonly retry: BackoffRules;
  readonly task: (signal: AbortSignal) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/**
 * Runs a task on request, with a minimum and a maximum interval, never twice at a time. Requests
 * during a run lead to one more run after it.
 */
export class BoundedRunner {
  readonly #options: BoundedRunnerOptions;
  readonly #wake = new Wake();

  constructor(options: BoundedRunnerOptions) {
    this.#options = options;
  }

  /** Requests a run. */
  request(): void {
    this.#wake.wake();
  }

  /** Serves requests until the signal fires. The first run waits for the first request. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, minIntervalMs, maxIntervalMs, retry, task, onError } = this.#options;
    let failed: BackoffState | undefined;
    let restedMs = 0;
    for (;;) {
      const waitMs = Math.max(0, (failed?.delayMs ?? maxIntervalMs) - restedMs);
      if ((await this.#wake.waitAtMost(waitMs, clock, signal)) === 'aborted') return;
      try {
        await task(signal);
        failed = undefined;
      } catch (error) {
        if (signal.aborted) return;
        failed = nextBackoff(failed, retry, clock.monotonicMs());
        onError(error);
      }
      if (minIntervalMs > 0 && (await clock.sleep(minIntervalMs, signal)) === 'aborted') return;
      restedMs = minIntervalMs;
    }
  }
}
