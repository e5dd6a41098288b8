import { getHeapStatistics, setFlagsFromString } from 'node:v8';

import type { Clock } from '@nodeagent/base';

const CHECK_MS = 2000;
/** Of the time between two checks: below this the process has nothing to do. */
const QUIET_CPU_SHARE = 0.1;
/** Less than this is not worth a collection, nor is less than this part of what stays. */
const WORTHWHILE_BYTES = 6 * 1024 * 1024;
const WORTHWHILE_SHARE = 0.25;

/**
 * Gives back what a burst of work, or the start, needed. V8 collects when it runs out of room, and
 * an idle agent never does: without this a kubelet holds 40 MiB after a hundred pods have started,
 * a proxy 8 MiB of parsed source. A collection takes some 50 ms, 250 ms for 100 MiB, and only happens
 * while the process is quiet and has grown since the last one: the more it holds, the more by.
 */
export async function collectWhenIdle(clock: Clock, signal: AbortSignal): Promise<void> {
  const collect = globalThis.gc ?? (await findCollector());
  let floorBytes = 0;
  let before = process.cpuUsage();
  while ((await clock.sleep(CHECK_MS, signal)) === 'elapsed') {
    const used = process.cpuUsage(before);
    before = process.cpuUsage();
    const busyMs = (used.user + used.system) / 1000;
    const worthwhileBytes = Math.max(WORTHWHILE_BYTES, WORTHWHILE_SHARE * floorBytes);
    if (busyMs > QUIET_CPU_SHARE * CHECK_MS || heapBytes() - floorBytes < worthwhileBytes) continue;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    floorBytes = heapBytes();
    before = process.cpuUsage();
  }
}

/** For processes that were started without `--expose-gc`: costs a context that stays. */
async function findCollector(): Promise<NodeJS.GCFunction> {
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as NodeJS.GCFunction;
}

function heapBytes(): number {
  return getHeapStatistics().total_heap_size;
}
