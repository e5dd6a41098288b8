import { type Clock, isAborted, type Logger } from '@nodeagent/base';
import type { NodeEvents } from '@nodeagent/node-status';

import { OomRecords, parseKernelRecord } from '../codec/oom-records.js';
import { killsOfMachine, type OomCounts } from '../model/oom-counts.js';
import type { KernelLog } from '../ports.js';

export interface SystemOomOptions {
  readonly kernelLog: KernelLog;
  readonly events: Pick<NodeEvents, 'warning'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const LOOK_MS = 10_000;

/**
 * Reports each process that the kernel ends because the machine is out of memory, until the signal
 * fires. While the kernel's log cannot be read, which is noted once, the kernel's counts are compared
 * every ten seconds: they do not name the process.
 *
 * @see Kubernetes 1.36 pkg/kubelet/oom/oom_watcher_linux.go
 */
export async function watchSystemOom(
  options: SystemOomOptions,
  signal: AbortSignal,
): Promise<void> {
  let isNoted = false;
  while (!signal.aborted) {
    try {
      await reportRecords(options, signal);
      return;
    } catch (err) {
      if (isAborted(signal)) return;
      if (!isNoted) note(options, err);
      isNoted = true;
    }
    await reportCounts(options, signal);
  }
}

async function reportRecords(
  { kernelLog, events }: SystemOomOptions,
  signal: AbortSignal,
): Promise<void> {
  const records = new OomRecords();
  for await (const text of kernelLog.follow(signal)) {
    const record = parseKernelRecord(text);
    const found = record && records.next(record);
    if (found === undefined) continue;
    const { process, pid } = found;
    const isKnown = process !== undefined && pid !== undefined;
    const victim = isKnown ? `, victim process: ${process}, pid: ${pid}` : '';
    events.warning('SystemOOM', `System OOM encountered${victim}`);
  }
}

async function reportCounts(options: SystemOomOptions, signal: AbortSignal): Promise<void> {
  const { events, clock } = options;
  const before = countsOf(options);
  if ((await clock.sleep(LOOK_MS, signal)) === 'aborted') return;
  const now = countsOf(options);
  const kills = before && now ? killsOfMachine(before, now) : 0;
  for (let kill = 0; kill < kills; kill += 1) events.warning('SystemOOM', 'System OOM encountered');
}

function countsOf({ kernelLog, log }: SystemOomOptions): OomCounts | undefined {
  try {
    return kernelLog.oomCounts();
  } catch (err) {
    log.warn({ err }, 'the counts of processes that the kernel ended cannot be read');
    return undefined;
  }
}

function note(options: SystemOomOptions, err: unknown): void {
  const { log } = options;
  const instead =
    countsOf(options) === undefined
      ? 'lack of memory is not reported as an event'
      : 'lack of memory is reported without the name of the ended process';
  log.info({ err }, `the kernel log cannot be read; ${instead}`);
}
