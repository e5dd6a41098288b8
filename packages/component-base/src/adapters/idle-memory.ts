import { getHeapStatistics, setFlagsFromString } from 'node:v8';

import type { Clock } from '@nodeagent/base';

const CHECK_MS = 2000;
/** Of the time between two checks: below this the process has nothing to do. */
const QUIET_CPU_SHARE = 0.1;
/** Less than this is not worth a collection, nor is less than this part of what stays. */
const WORTHWHILE_BYTES = 6 * 1024 * 1024;
const WORTHWHILE_SHARE = 0.25;
/** From here on the thorough way would keep the program from its work for too long. */
const LARGE_BYTES = 32 * 1024 * 1024;
const MOST_PLAIN_ROUNDS = 2;

/**
 * Gives back what a burst of work, or the start, needed. V8 collects when it runs out of room, and
 * an idle agent never does: without this a kubelet holds 40 MiB after a hundred pods have started,
 * a proxy 8 MiB of parsed source. A collection only happens while the process is quiet and has grown
 * since the last one: the more it holds, the more by.
 *
 * A small heap is collected thoroughly, in some 50 ms. That took 250 ms for 100 MiB, during which no
 * change was served; so a large one is collected the plain way, in a fifth of the time, and once
 * more when it then still holds far more than it uses.
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

/** For processes that were started without `--expose-gc`: costs a context that stays. */
async function findCollector(): Promise<NodeJS.GCFunction> {
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as NodeJS.GCFunction;
}

function heapBytes(): number {
  return getHeapStatistics().total_heap_size;
}
