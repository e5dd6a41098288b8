import { setTimeout as delay } from 'node:timers/promises';

import { TestbedError } from '../errors.ts';
import type { Machine } from './machine.ts';

const PAUSE_MS = 2_000;
const TRIES = 5;
/** Longer than this many times the pause, an answer tells nothing. */
const MOST_BLUR = 2;
/** A kernel that measured a clock while it could not run is wrong by a factor. */
const TOLERANCE = 1.3;

const OTHER_SOURCE = `cd /sys/devices/system/clocksource/clocksource0
for source in $(cat available_clocksource); do
  [ "$source" = tsc ] || { echo "$source" > current_clocksource; exit; }
done
exit 1`;

/** The host's clock; a test has its own. */
export interface HostClock {
  nowMs(): number;
  pause(ms: number): Promise<unknown>;
}

const HOST: HostClock = { nowMs: () => performance.now(), pause: (ms) => delay(ms) };

/**
 * Makes sure that a machine's clock runs as fast as the host's. On a wrong clock an hour passes in
 * minutes, and every service misses its time limits. Then another clock is used, which is slower to
 * read.
 *
 * @throws {TestbedError} `TESTBED_TIMED_OUT` when no clock is right
 */
export async function holdTrueClock(
  machine: Pick<Machine, 'name' | 'sh'>,
  host: HostClock = HOST,
): Promise<void> {
  if (await isTrue(machine, host)) return;
  await machine.sh(OTHER_SOURCE);
  if (await isTrue(machine, host)) return;
  const text = `the clock of machine ${machine.name} does not run as fast as the host's`;
  throw new TestbedError('TESTBED_TIMED_OUT', text);
}

async function isTrue(machine: Pick<Machine, 'sh'>, host: HostClock): Promise<boolean> {
  for (let left = TRIES; left > 0; left -= 1) {
    const before = await look(machine, host);
    await host.pause(PAUSE_MS);
    const after = await look(machine, host);
    const leastMs = after.startMs - before.endMs;
    const mostMs = after.endMs - before.startMs;
    const passedMs = after.uptimeMs - before.uptimeMs;
    if (passedMs < leastMs / TOLERANCE || passedMs > mostMs * TOLERANCE) return false;
    if (mostMs < leastMs * MOST_BLUR) return true;
  }
  return true;
}

interface Look {
  readonly startMs: number;
  readonly endMs: number;
  /** The machine's time since its boot. */
  readonly uptimeMs: number;
}

async function look(machine: Pick<Machine, 'sh'>, host: HostClock): Promise<Look> {
  const startMs = host.nowMs();
  const text = await machine.sh('cat /proc/uptime');
  return { startMs, endMs: host.nowMs(), uptimeMs: Number.parseFloat(text) * 1000 };
}
