/**
 * Resolves with the task's result, or rejects with the signal's reason as soon as it fires. Use it
 * for work that cannot be cancelled; the work then continues unobserved.
 *
 * @throws what the task throws; the signal's reason
 */
export async function orAborted<T>(task: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const quit = (): void => aborted.reject(signal.reason);
  if (signal.aborted) quit();
  signal.addEventListener('abort', quit, { once: true });
  try {
    return await Promise.race([aborted.promise, task]);
  } finally {
    signal.removeEventListener('abort', quit);
  }
}
