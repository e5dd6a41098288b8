import { backoffLeftMs, type BackoffState, type Clock, nextBackoff, Wake } from '@nodeagent/base';

const FIRST_MS = 30_000;
const LONGEST_MS = 3_600_000;

/**
 * Decides when to retry ports whose rules the kernel refused: it may have been short of memory, or
 * a module may have been loaded since. Retries after 30 s, then after twice as long each time, an
 * hour at most.
 */
export class RefusedRetry {
  readonly #clock: Clock;
  readonly #tried = new Wake();
  #backoff: BackoffState | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Must be called after every sync that tried all ports. */
  tried(isAnyRefused: boolean): void {
    const rules = { initialMs: FIRST_MS, maxMs: LONGEST_MS };
    const nowMs = this.#clock.monotonicMs();
    this.#backoff = isAnyRefused ? nextBackoff(this.#backoff, rules, nowMs) : undefined;
    this.#tried.wake();
  }

  /** @param onDue requests a sync that tries all ports */
  async run(onDue: () => void, signal: AbortSignal): Promise<void> {
    const clock = this.#clock;
    while (!signal.aborted) {
      if (this.#backoff !== undefined) {
        const leftMs = backoffLeftMs(this.#backoff, clock.monotonicMs());
        if ((await this.#tried.waitAtMost(leftMs, clock, signal)) !== 'elapsed') continue;
        onDue();
      }
      await this.#tried.wait(signal);
    }
  }
}
