import type { Clock } from '../ports.js';

/** A clock whose time passes only while somebody sleeps: each sleep is over at once. */
export function createHastyClock(): Clock {
  let ms = 0;
  return {
    nowMs: () => ms,
    monotonicMs: () => ms,
    sleep: async (wait, signal) => {
      if (signal.aborted) return 'aborted';
      ms += wait;
      return 'elapsed';
    },
  };
}
