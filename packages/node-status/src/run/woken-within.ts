import type { Clock, Wake } from '@nodeagent/base';

/** Resolves when woken, when the time is over, or when the signal fires. */
export async function wokenWithin(
  clock: Clock,
  { wake, ms }: Readonly<{ wake: Wake; ms: number }>,
  signal: AbortSignal,
): Promise<void> {
  const timer = new AbortController();
  const stop = (): void => timer.abort();
  signal.addEventListener('abort', stop, { once: true });
  const alarm = clock.sleep(ms, timer.signal).then((how) => {
    if (how === 'elapsed') wake.wake();
  });
  await wake.wait(signal);
  signal.removeEventListener('abort', stop);
  timer.abort();
  await alarm;
}
