import { type Clock, isAborted, type Logger } from '@nodeagent/base';
import { type Iptables, isNetfilterError, type TableName } from '@nodeagent/netfilter';

import { CHAIN } from '../../plan/iptables/names.js';

export interface CanaryOptions {
  readonly iptables: Iptables;
  readonly clock: Clock;
  readonly log: Logger;
  readonly periodMs: number;
  readonly onLost: () => void;
}

/** The first table is the one checked at each period. */
const TABLES: readonly TableName[] = ['mangle', 'nat', 'filter'];

const FLUSH_POLL_MS = 100;
const FLUSH_PATIENCE_MS = 5000;

/**
 * Keeps an empty chain in three tables and calls back when they vanish: another program then
 * flushed the tables, and our rules with them. Checks every period; waits for the flush to end
 * before it calls back.
 *
 * @see Kubernetes 1.36 pkg/util/iptables/iptables.go, Monitor
 */
export async function watchCanaries(options: CanaryOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, periodMs, onLost } = options;
  while (!signal.aborted) {
    try {
      await ensureCanaries(options, signal);
      await untilLost(options, signal);
      if (isAborted(signal)) return;
      log.info({ family: options.iptables.family }, 'another program flushed the rules');
      onLost();
    } catch (error) {
      if (isAborted(signal)) return;
      log.warn({ err: error, retryInMs: periodMs }, 'canary chains cannot be watched');
      await clock.sleep(periodMs, signal);
    }
  }
}

async function ensureCanaries({ iptables }: CanaryOptions, signal: AbortSignal): Promise<void> {
  for (const table of TABLES) await iptables.ensureChain(table, CHAIN.canary, signal);
}

async function untilLost(options: CanaryOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, periodMs } = options;
  const [first = 'mangle', ...others] = TABLES;
  while (!(await isLost(options, first, signal))) {
    if ((await clock.sleep(periodMs, signal)) === 'aborted') return;
  }
  const deadlineMs = clock.monotonicMs() + FLUSH_PATIENCE_MS;
  for (const table of others) {
    while (!(await isLost(options, table, signal))) {
      if (clock.monotonicMs() >= deadlineMs) {
        log.warn({ table }, 'only some canary chains are gone; writing all rules again');
        return;
      }
      if ((await clock.sleep(FLUSH_POLL_MS, signal)) === 'aborted') return;
    }
  }
}

async function isLost(
  { iptables }: CanaryOptions,
  table: TableName,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return !(await iptables.chainExists(table, CHAIN.canary, signal));
  } catch (error) {
    // an unknown state does not count as a flush
    if (isNetfilterError(error, 'NETFILTER_LOCKED')) return false;
    throw error;
  }
}
