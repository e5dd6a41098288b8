import { setTimeout as delay } from 'node:timers/promises';

import { TestbedError } from './errors.ts';

export interface WaitOptions {
  /** The awaited event, for the error message: `the node to be Ready`. */
  readonly what: string;
  /** 60 s when absent. */
  readonly timeoutMs?: number;
  /** Pause between two looks; 100 ms when absent. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Looks repeatedly until there is a result. `undefined`, `false` and errors mean "not yet", except
 * for a program that has ended, because it will not come back. The last error becomes the cause of
 * the time-out error.
 *
 * @throws {TestbedError} `TESTBED_TIMED_OUT`, `TESTBED_PROCESS_ENDED`
 */
export async function waitFor<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
  { what, timeoutMs = 60_000, everyMs = 100, signal }: WaitOptions,
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      if (error instanceof TestbedError && error.code === 'TESTBED_PROCESS_ENDED') throw error;
      last = error;
    }
    if (performance.now() >= endMs) {
      const reason = last instanceof Error ? `: ${last.message}` : '';
      throw new TestbedError(
        'TESTBED_TIMED_OUT',
        `waited ${timeoutMs / 1000} s for ${what}${reason}`,
        { cause: last },
      );
    }
    await delay(everyMs, undefined, signal === undefined ? {} : { signal });
  }
}
