import { type Clock, type Logger, type Metrics, Wake } from '@nodeagent/base';
import {
  type CgroupDifference,
  type CgroupTree,
  checkTree,
  describeDifferences,
  type OpenTree,
} from '@nodeagent/cgroups';
import type { NodeEvents } from '@nodeagent/node-status';

import { meterCgroups } from './cgroup-meter.js';

export interface CheckOptions {
  readonly metrics: Metrics;
  readonly events: Pick<NodeEvents, 'warning'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Cgroups that are measured, and whose limits are read back from the kernel. */
export interface CheckedCgroups {
  readonly tree: CgroupTree;
  /** Reads all limits back whenever another program may have overwritten them. */
  readonly follow: (signal: AbortSignal) => Promise<void>;
}

/** Reports each limit that the kernel has otherwise than it was set, by an event and a metric. */
export function checkCgroups(opened: OpenTree, options: CheckOptions): CheckedCgroups {
  const { metrics, clock, log } = options;
  const checked = checkTree(opened, reporter(options));
  return {
    tree: meterCgroups(checked.tree, { metrics, clock, version: opened.version }),
    follow: async (signal) => {
      const { watchOverwrites } = opened;
      if (watchOverwrites === undefined) return;
      const overwritten = new Wake();
      const recheck = async (): Promise<void> => {
        while ((await overwritten.wait(signal)) === 'woken') {
          try {
            await checked.recheck();
          } catch (err) {
            log.error({ err }, 'cannot read all limits of cgroups back');
          }
        }
      };
      await Promise.all([watchOverwrites(() => overwritten.wake(), signal), recheck()]);
    },
  };
}

function reporter({ metrics, events, log }: CheckOptions): (difference: CgroupDifference) => void {
  const count = metrics.counter({
    name: 'nodeagent_cgroup_differences_total',
    help: 'Limits that the kernel had otherwise, by outcome: corrected, remains.',
    labelNames: ['limit', 'outcome'],
  });
  return ({ path, differences, remaining }) => {
    for (const { limit } of differences) {
      const remains = remaining.some((one) => one.limit === limit);
      count.increment({ limit, outcome: remains ? 'remains' : 'corrected' });
    }
    const outcome =
      remaining.length === 0
        ? 'they were set again'
        : `setting them again left: ${describeDifferences(remaining)}`;
    const message = `Limits of cgroup ${path} differ in the kernel: ${describeDifferences(differences)}; ${outcome}`;
    log.warn({ path, differences, remaining }, 'limits of a cgroup differ in the kernel');
    events.warning('CgroupLimitsDiffer', message);
  };
}
