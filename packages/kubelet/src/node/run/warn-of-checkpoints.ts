import type { Logger } from '@nodeagent/base';

import { isAnythingGiven, MANAGER_CHECKPOINTS } from '../codec/manager-checkpoint.js';
import type { ManagerCheckpoints } from '../ports.js';

export interface WarnOfCheckpointsOptions {
  readonly checkpoints: ManagerCheckpoints;
  readonly log: Logger;
}

/**
 * Warns when containers of another kubelet have CPUs, memory or devices for themselves: this kubelet
 * gives none, and lets other containers use the same CPUs and memory. The files stay as they are.
 */
export async function warnOfCheckpoints(options: WarnOfCheckpointsOptions): Promise<void> {
  const { checkpoints, log } = options;
  for (const { name, gives } of MANAGER_CHECKPOINTS) {
    try {
      const text = await checkpoints.read(name);
      if (text === undefined || !isAnythingGiven(text)) continue;
      log.warn(
        { file: name },
        `another kubelet has given ${gives} to containers for themselves, which this kubelet does not heed: drain the node, then delete the file`,
      );
    } catch (err) {
      log.warn({ err, file: name }, 'cannot read what another kubelet has given to containers');
    }
  }
}
