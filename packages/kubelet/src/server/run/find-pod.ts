import { type ContainerId, isCriError, type RuntimeService } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import {
  LABEL_CONTAINER_NAME,
  LABEL_POD_UID,
  podName,
  podNamespace,
  podUid,
} from '../../pod/index.js';
import { failure, Refusal } from '../model/exchange.js';
import type { PodsOnNode } from '../ports.js';

export type RouteParams = Readonly<Record<string, string>>;

export function findPod(pods: PodsOnNode, params: RouteParams): Pod | undefined {
  const { namespace, pod: name } = params;
  return pods.pods().find((pod) => podNamespace(pod) === namespace && podName(pod) === name);
}

/** True if the path has no uid, or that of the pod or of its mirror pod. */
export function isUidOf(pods: PodsOnNode, pod: Pod, { uid }: RouteParams): boolean {
  return uid === undefined || uid === podUid(pod) || uid === pods.mirrorUid?.(pod);
}

/** @returns the id of the newest running container of that name */
export async function runningContainer(
  { cri, pods }: Readonly<{ cri: Pick<RuntimeService, 'listContainers'>; pods: PodsOnNode }>,
  pod: Pod,
  params: RouteParams,
  signal: AbortSignal,
): Promise<ContainerId | undefined> {
  const { container: name } = params;
  if (!isUidOf(pods, pod, params)) return undefined;
  const labels = { [LABEL_POD_UID]: podUid(pod), [LABEL_CONTAINER_NAME]: name ?? '' };
  const found = await cri.listContainers({ labels, state: 'running' }, signal);
  return found.toSorted((a, b) => b.createdAtMs - a.createdAtMs)[0]?.id;
}

/** Converts a failure of the runtime to an answer to the client. */
export function runtimeRefusal(error: unknown): unknown {
  if (!isCriError(error)) return error;
  const { detail } = error;
  if (isCriError(error, 'CRI_NOT_FOUND')) return new Refusal(404, detail);
  if (isCriError(error, 'CRI_RESOURCE_EXHAUSTED')) {
    return new Refusal({ ...failure(429, detail), headers: { 'retry-after': '60' } });
  }
  return new Refusal(500, detail);
}
