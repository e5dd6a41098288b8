import type { Clock } from '@nodeagent/base';

/** Tells when a loop has stopped going round. */
export class TurnWatch {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #lastMs: number | undefined;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  turn(): void {
    this.#lastMs = this.#clock.monotonicMs();
  }

  /** Undefined while all is well, and before the first turn. */
  problem(): string | undefined {
    if (this.#lastMs === undefined) return undefined;
    const late = this.#clock.monotonicMs() - this.#lastMs > this.#limitMs;
    return late ? 'sync Loop took longer than expected' : undefined;
  }
}
