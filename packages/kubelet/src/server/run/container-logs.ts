import type { Clock } from '@nodeagent/base';
import {
  containerId,
  isCriError,
  type LogBytesOptions,
  type RuntimeService,
} from '@nodeagent/cri-client';

import { type LogQuery, parseLogQuery } from '../codec/log-query.js';
import { Refusal } from '../model/exchange.js';
import { chooseLogContainer } from '../plan/log-container.js';
import type { PodsOnNode, ReadLog } from '../ports.js';
import { findPod, runtimeRefusal } from './find-pod.js';
import type { Handler } from './node-api.js';

export interface ContainerLogOptions {
  readonly cri: Pick<RuntimeService, 'containerStatus'>;
  readonly readLog: ReadLog;
  readonly clock: Clock;
}

/** `/containerLogs`: the pod's status determines the container, the runtime its log file. */
export function containerLogHandler(pods: PodsOnNode, options: ContainerLogOptions): Handler {
  const { cri, readLog, clock } = options;
  return async ({ request, params }, signal) => {
    const query = parseLogQuery(request.query);
    const pod = findPod(pods, params);
    if (pod === undefined) {
      throw new Refusal(404, `pod ${JSON.stringify(params['pod'])} does not exist`);
    }
    const choice = chooseLogContainer(pod, params['container'] ?? '', query.previous);
    if (choice.kind === 'none') throw new Refusal(choice.status, choice.text);
    const id = containerId(choice.id);
    const { logPath } = await cri.containerStatus(id, signal).catch((error: unknown) => {
      throw runtimeRefusal(error);
    });
    if (logPath === '') throw new Refusal(500, `container ${choice.id} has no log file`);
    const isRunning = async (inner: AbortSignal): Promise<boolean> => {
      try {
        return (await cri.containerStatus(id, inner)).state === 'running';
      } catch (error) {
        // An unreachable runtime does not mean that the container has ended.
        if (isCriError(error, 'CRI_UNAVAILABLE', 'CRI_DEADLINE')) return true;
        if (isCriError(error, 'CRI_NOT_FOUND')) return false;
        throw error;
      }
    };
    const chunks = readLog(logPath, { ...readOptions(query, clock.nowMs()), isRunning }, signal);
    return { kind: 'stream', contentType: 'text/plain', chunks };
  };
}

function readOptions(query: LogQuery, nowMs: number): LogBytesOptions {
  const { sinceSeconds, sinceTimeMs } = query;
  const sinceMs = sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * 1000;
  return {
    follow: query.follow,
    timestamps: query.timestamps,
    tailRecords: query.tailLines,
    limitBytes: query.limitBytes,
    stream: query.stream,
    sinceMs,
    rotated: true,
    lent: true,
  };
}
