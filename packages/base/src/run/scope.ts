/** A task of a scope: ends when its work is done or its signal fires. */
export type ScopeTask = (signal: AbortSignal) => Promise<void>;

/**
 * Runs children under one signal. The first failure aborts the others, and the scope waits for all
 * of them, so nothing outlives it.
 *
 * @throws the first failure; failures after an abort, as its consequence, are dropped
 */
export async function runScope(tasks: readonly ScopeTask[], signal: AbortSignal): Promise<void> {
  const inner = new AbortController();
  const forward = (): void => inner.abort(signal.reason);
  if (signal.aborted) forward();
  else signal.addEventListener('abort', forward, { once: true });
  const failures: unknown[] = [];
  try {
    await Promise.all(
      tasks.map(async (task) => {
        try {
          await task(inner.signal);
        } catch (error) {
          if (inner.signal.aborted) return;
          failures.push(error);
          inner.abort(error);
        }
      }),
    );
  } finally {
    signal.removeEventListener('abort', forward);
  }
  if (failures.length > 0) throw failures[0];
}
