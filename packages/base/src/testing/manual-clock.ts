import type { Clock } from '../ports.js';

interface Sleeper {
  readonly atMs: number;
  readonly wake: (how: 'elapsed' | 'aborted') => void;
}

/** A clock that moves only when a test moves it: tests of hours run in microseconds. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** The number of waiting sleepers. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal: AbortSignal): Promise<'elapsed' | 'aborted'> {
    if (signal.aborted) return Promise.resolve('aborted');
    return new Promise((resolve) => {
      const onAbort = (): void => sleeper.wake('aborted');
      const sleeper: Sleeper = {
        atMs: this.#monotonicMs + Math.max(0, ms),
        wake: (how) => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener('abort', onAbort);
          resolve(how);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Moves both clocks on, wakes sleepers in order of time and lets each react before the next. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    await settle();
    for (;;) {
      const due = [...this.#sleepers].filter((sleeper) => sleeper.atMs <= endMs);
      const next = due.sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#moveTo(Math.max(next.atMs, this.#monotonicMs));
      next.wake('elapsed');
      await settle();
    }
    this.#moveTo(endMs);
  }

  /** Sets the wall clock only, as an administrator or NTP would. */
  jumpWall(toMs: number): void {
    this.#wallMs = toMs;
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** More than the longest chain of a program's start; a whole kubelet takes some 60. */
const SETTLING_TURNS = 200;

/** Lets pending promise reactions, and the ones they cause, run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < SETTLING_TURNS; turn += 1) await Promise.resolve();
}
