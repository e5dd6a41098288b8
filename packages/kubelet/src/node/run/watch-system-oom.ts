import type { Logger } from '@nodeagent/base';
import type { NodeEvents } from '@nodeagent/node-status';

import { OomRecords, parseKernelRecord } from '../codec/oom-records.js';
import type { KernelLog } from '../ports.js';

export interface SystemOomOptions {
  readonly kernelLog: KernelLog;
  readonly events: Pick<NodeEvents, 'warning'>;
  readonly log: Logger;
}

/**
 * Reports each process that the kernel ends because the machine is out of memory, until the signal
 * fires. A kernel log that cannot be read is noted once, and nothing is reported.
 *
 * @see Kubernetes 1.36 pkg/kubelet/oom/oom_watcher_linux.go
 */
export async function watchSystemOom(
  { kernelLog, events, log }: SystemOomOptions,
  signal: AbortSignal,
): Promise<void> {
  const records = new OomRecords();
  try {
    for await (const text of kernelLog.follow(signal)) {
      const record = parseKernelRecord(text);
      const found = record && records.next(record);
      if (found === undefined) continue;
      const { process, pid } = found;
      const isKnown = process !== undefined && pid !== undefined;
      const victim = isKnown ? `, victim process: ${process}, pid: ${pid}` : '';
      events.warning('SystemOOM', `System OOM encountered${victim}`);
    }
  } catch (err) {
    if (signal.aborted) return;
    log.info({ err }, 'the kernel log cannot be read; lack of memory is not reported as an event');
  }
}
