import type { Clock } from '@nodeagent/base';

/** Detects that a loop no longer makes progress. */
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

  /** Undefined while the loop makes progress, and before its first turn. */
  problem(): string | undefined {
    if (this.#lastMs === undefined) return undefined;
    const late = this.#clock.monotonicMs() - this.#lastMs > this.#limitMs;
    return late ? 'sync Loop took longer than expected' : undefined;
  }
}
