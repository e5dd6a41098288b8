import { isAborted } from '../model/is-aborted.js';
import type { Clock } from '../ports.js';

/**
 * A task and its period, counted from the start of one run to the start of the next; a run that
 * takes longer delays the next.
 */
export interface LoopOptions {
  readonly clock: Clock;
  readonly periodMs: number;
  readonly task: (signal: AbortSignal) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/** Runs the task at once, then every `periodMs`, never twice at a time; resolves after an abort. */
export async function runEvery(options: LoopOptions, signal: AbortSignal): Promise<void> {
  const { clock, periodMs, task, onError } = options;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    try {
      await task(signal);
    } catch (error) {
      if (!isAborted(signal)) onError(error);
    }
    const restMs = Math.max(0, periodMs - (clock.monotonicMs() - startedMs));
    if ((await clock.sleep(restMs, signal)) === 'aborted') return;
  }
}
