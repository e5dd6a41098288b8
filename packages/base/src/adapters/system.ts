import type { Clock, Random } from '../ports.js';

export { lackOfPipes } from './child-pipes.js';
export { hasFreeDescriptor, SpareDescriptor } from './files/spare-descriptor.js';

/** The limit of setTimeout; a longer sleep takes several timers. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Numbers that are good enough to spread work in time, not for secrets. */
export const systemRandom: Random = () => Math.random();

/** The system clocks of the machine. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs,
    sleep,
  };
}

/**
 * Imported rather than taken from the global `performance`, which loads all of Node's performance
 * hooks.
 */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Uses plain timers: `node:timers/promises` makes an error with a stack for each aborted sleep, and
 * most sleeps end that way.
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
