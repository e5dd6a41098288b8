import type { Clock } from '../ports.js';

/** setTimeout's limit; longer sleeps are made of several. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The machine's clocks. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs,
    sleep,
  };
}

/** Not by the global `performance`, which brings in all of Node's performance hooks. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * On plain timers: those of `node:timers/promises` make an error with a stack for each sleep that is
 * cut short, which is how most of them end.
 */
function sleep(ms: number, signal: AbortSignal): Promise<'elapsed' | 'aborted'> {
  if (signal.aborted) return Promise.resolve('aborted');
  return new Promise((resolve) => {
    const endMs = monotonicMs() + ms;
    const set = (): NodeJS.Timeout =>
      setTimeout(check, Math.min(Math.max(0, endMs - monotonicMs()), MAX_TIMER_MS));
    const end = (how: 'elapsed' | 'aborted'): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(how);
    };
    const abort = (): void => end('aborted');
    const check = (): void => {
      if (monotonicMs() >= endMs) end('elapsed');
      else timer = set();
    };
    let timer = set();
    signal.addEventListener('abort', abort);
  });
}
