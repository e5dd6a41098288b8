import { type Clock, formatTimestamp } from '@nodeagent/base';
import { isCriError, type RuntimeService } from '@nodeagent/cri-client';

import { findContainer, podName, podNamespace } from '../../pod/index.js';
import { failure, json, Refusal } from '../model/exchange.js';
import type { PodsOnNode } from '../ports.js';
import { findPod, runningContainer } from './find-pod.js';
import type { Handler } from './node-api.js';

export interface CheckpointOptions {
  readonly cri: Pick<RuntimeService, 'listContainers' | 'checkpointContainer'>;
  readonly directory: string;
  readonly clock: Clock;
}

/** `/checkpoint`: makes the runtime write a container's state to an archive on this node. */
export function checkpointHandler(pods: PodsOnNode, options: CheckpointOptions): Handler {
  const { cri, directory, clock } = options;
  return async ({ request, params }, signal) => {
    const pod = findPod(pods, params);
    if (pod === undefined) throw new Refusal(404, 'pod does not exist');
    const { container = '' } = params;
    if (findContainer(pod, container) === undefined) {
      throw new Refusal(404, `container ${container} does not exist`);
    }
    const timeout = request.query.get('timeout') ?? '0';
    if (!/^\d{1,9}$/.test(timeout)) {
      throw new Refusal(404, 'cannot parse value of timeout parameter');
    }
    const where = `${podNamespace(pod)}/${podName(pod)}/${container}`;
    const containerId = await runningContainer({ cri, pods }, pod, params, signal);
    if (containerId === undefined) {
      throw new Refusal(500, `checkpointing of ${where} failed (container is not running)`);
    }
    const full = `${podName(pod)}_${podNamespace(pod)}-${container}`;
    const stamp = formatTimestamp(clock.nowMs());
    const location = `${directory}/checkpoint-${full}-${stamp}.tar`;
    try {
      const timeoutMs = timeout === '0' ? undefined : Number(timeout) * 1000;
      await cri.checkpointContainer({ containerId, location, timeoutMs }, signal);
    } catch (error) {
      if (!isCriError(error)) throw error;
      const status = isCriError(error, 'CRI_UNIMPLEMENTED') ? 404 : 500;
      throw new Refusal(failure(status, `checkpointing of ${where} failed (${error.detail})`));
    }
    return json({ items: [location] });
  };
}
