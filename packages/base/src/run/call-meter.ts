import type { Clock, Counter, Histogram, Labels } from '../ports.js';

/** The metrics of one kind of call; an absent one is not kept. */
export interface CallMetrics {
  /** Counts each call as it begins. */
  readonly total?: Counter;
  /** Counts each call that rejects. */
  readonly errors?: Counter;
  /** Further labels of `errors`, beside those of the call. */
  readonly errorLabels?: (error: unknown) => Labels;
  /** Observes how long each call took, in seconds, whether it failed or not. */
  readonly seconds?: Histogram;
}

/** Makes the call, counts and times it, and passes on its answer or failure. */
export type CallMeter = <R>(labels: Labels, call: () => Promise<R>) => Promise<R>;

/** Counts calls, failed calls and their duration in seconds, by the clock's monotonic time. */
export function createCallMeter(
  clock: Clock,
  { total, errors, errorLabels, seconds }: CallMetrics,
): CallMeter {
  return async (labels, call) => {
    total?.increment(labels);
    const startedMs = clock.monotonicMs();
    try {
      return await call();
    } catch (error) {
      errors?.increment({ ...labels, ...errorLabels?.(error) });
      throw error;
    } finally {
      seconds?.observe((clock.monotonicMs() - startedMs) / 1000, labels);
    }
  };
}
