import type { Clock } from '@nodeagent/base';

import { CriError, type CriErrorCode } from '../model/errors.js';
import type { ImageService, RuntimeService } from '../ports.js';

/** Calls that older runtimes answer with `CRI_UNIMPLEMENTED`. */
export type OptionalCall =
  'containerEvents' | 'runtimeConfig' | 'podSandboxStats' | 'metrics' | 'streamingLists';

/** The name of a method of either service. */
export type CriMethod = keyof RuntimeService | keyof ImageService;

/** A call that the memory runtime has received, in order. */
export interface RecordedCall {
  readonly method: CriMethod;
  /** The argument before the signal; undefined for calls without one. */
  readonly argument: unknown;
}

/** A scripted failure: an error is thrown as it is, a code becomes a CriError. */
export type Failure = Error | CriErrorCode;

/**
 * Every call of the in-memory runtime passes through here, so that a test can record it, delay it
 * or make it fail.
 */
export class MemoryCalls {
  readonly recorded: RecordedCall[] = [];
  readonly #clock: Clock;
  readonly #failures = new Map<CriMethod, Failure[]>();
  readonly #delays = new Map<CriMethod, number>();
  #away = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes the next `times` calls of a method fail without effect. */
  failNext(method: CriMethod, failure: Failure, times = 1): void {
    const queue = this.#failures.get(method) ?? [];
    for (let i = 0; i < times; i += 1) queue.push(failure);
    this.#failures.set(method, queue);
  }

  /** Makes every later call of a method take this long on the runtime's clock; 0 ends the delay. */
  delay(method: CriMethod, ms: number): void {
    this.#delays.set(method, ms);
  }

  /** Returns the recorded calls of one method, oldest first. */
  of(method: CriMethod): readonly RecordedCall[] {
    return this.recorded.filter((call) => call.method === method);
  }

  /**
   * Makes the runtime stop answering: calls fail with `CRI_UNAVAILABLE`, and streams end with it.
   */
  goAway(): void {
    this.#away.abort(unavailable('connection'));
  }

  comeBack(): void {
    if (this.#away.signal.aborted) this.#away = new AbortController();
  }

  /** Fires when the runtime goes away. */
  get away(): AbortSignal {
    return this.#away.signal;
  }

  async enter(method: CriMethod, argument: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.recorded.push({ method, argument });
    const delayMs = this.#delays.get(method) ?? 0;
    if (delayMs > 0) await this.#clock.sleep(delayMs, signal);
    signal.throwIfAborted();
    if (this.#away.signal.aborted) throw unavailable(method);
    const failure = this.#failures.get(method)?.shift();
    if (failure === undefined) return;
    if (typeof failure !== 'string') throw failure;
    throw new CriError(failure, 'scripted by the test', { method });
  }
}

function unavailable(method: string): CriError {
  return new CriError('CRI_UNAVAILABLE', 'the in-memory runtime is away', { method });
}
