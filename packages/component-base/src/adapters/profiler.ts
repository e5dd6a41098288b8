import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapSnapshot } from 'node:v8';

import type { Profiler } from '../ports.js';

/** Profiles of this process by V8's inspector, without a port for debuggers. */
export function createProfiler(): Profiler {
  return {
    cpu: async (seconds, signal) => {
      const session = new Session();
      session.connect();
      try {
        await session.post('Profiler.enable');
        await session.post('Profiler.start');
        await sleep(seconds * 1000, undefined, { signal });
        const { profile } = await session.post('Profiler.stop');
        return JSON.stringify(profile);
      } finally {
        session.disconnect();
      }
    },
    heap: () => getHeapSnapshot(),
  };
}
