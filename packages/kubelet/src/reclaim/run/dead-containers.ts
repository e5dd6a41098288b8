import type { Logger } from '@nodeagent/base';
import type { RuntimeService } from '@nodeagent/cri-client';

import { LABEL_POD_UID } from '../../pod/index.js';

export interface DeadContainersOptions {
  readonly cri: Pick<RuntimeService, 'listContainers' | 'removeContainer'>;
  /** Uids of the pods that use resources. */
  readonly active: () => ReadonlySet<string>;
  readonly log: Logger;
}

/**
 * Removes the ended containers of pods that do not run any more. A failed removal is logged, and the
 * others follow.
 *
 * @see Kubernetes 1.36 pkg/kubelet/container/container_gc.go, DeleteAllUnusedContainers
 */
export async function removeDeadContainers(
  { cri, active, log }: DeadContainersOptions,
  signal: AbortSignal,
): Promise<void> {
  const ended = await cri.listContainers({ state: 'exited' }, signal);
  const pods = active();
  for (const { id, labels } of ended) {
    if (pods.has(labels[LABEL_POD_UID] ?? '')) continue;
    try {
      await cri.removeContainer(id, signal);
    } catch (err) {
      signal.throwIfAborted();
      log.warn({ containerId: id, err }, 'cannot remove an ended container');
    }
  }
}
