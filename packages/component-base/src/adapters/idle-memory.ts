import { getHeapStatistics, setFlagsFromString } from 'node:v8';

import type { Clock } from '@nodeagent/base';

const CHECK_MS = 2000;
/** Share of the time between two checks: a process that uses less processor time is idle. */
const QUIET_CPU_SHARE = 0.1;
/**
 * Growth that makes a collection worthwhile: at least this much, and at least this share of the
 * memory that the last collection left.
 */
const WORTHWHILE_BYTES = 6 * 1024 * 1024;
const WORTHWHILE_SHARE = 0.25;
/** Above this size a thorough collection would block the program for too long. */
const LARGE_BYTES = 32 * 1024 * 1024;
const MOST_PLAIN_ROUNDS = 2;

/**
 * Gives back memory that a burst of work, or the start, needed. V8 collects when it runs out of
 * room, and an idle agent never does: without this class a kubelet holds 40 MiB after a hundred
 * pods have started, and a proxy 8 MiB of parsed source. It collects only while the process is idle
 * and has grown since the last collection; the larger the process, the more it must have grown.
 *
 * A small heap is collected thoroughly, in some 50 ms. For 100 MiB that took 250 ms, during which
 * no change was served. So a large heap is collected the plain way, in a fifth of the time, and
 * once more if it then still holds far more than it uses.
 */
export async function collectWhenIdle(clock: Clock, signal: AbortSignal): Promise<void> {
  const collect = globalThis.gc ?? (await findCollector());
  let floorBytes = 0;
  let plainRounds = 0;
  let before = process.cpuUsage();
  while ((await clock.sleep(CHECK_MS, signal)) === 'elapsed') {
    const used = process.cpuUsage(before);
    before = process.cpuUsage();
    const busyMs = (used.user + used.system) / 1000;
    const heldBytes = heapBytes();
    const worthwhileBytes = Math.max(WORTHWHILE_BYTES, WORTHWHILE_SHARE * floorBytes);
    if (busyMs > QUIET_CPU_SHARE * CHECK_MS || heldBytes - floorBytes < worthwhileBytes) continue;
    const isLarge = heldBytes > LARGE_BYTES;
    collect({ type: 'major', execution: 'sync', flavor: isLarge ? 'regular' : 'last-resort' });
    plainRounds = isLarge ? (plainRounds + 1) % MOST_PLAIN_ROUNDS : 0;
    floorBytes = plainRounds > 0 ? getHeapStatistics().used_heap_size : heapBytes();
    before = process.cpuUsage();
  }
}

/** For processes started without `--expose-gc`; it costs one context, which stays in memory. */
async function findCollector(): Promise<NodeJS.GCFunction> {
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as NodeJS.GCFunction;
}

function heapBytes(): number {
  return getHeapStatistics().total_heap_size;
}
