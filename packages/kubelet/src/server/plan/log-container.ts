import type { ContainerStatus, Pod } from '@nodeagent/kube-client';

import { findContainer, podName } from '../../pod/index.js';

export type LogChoice =
  | Readonly<{ kind: 'container'; id: string }>
  /** The reason that there is no log: a wrong request (404) or the container's state (400). */
  | Readonly<{ kind: 'none'; status: 404 | 400; text: string }>;

/**
 * Chooses the container whose log to read, from the pod's status: the running container, else the
 * last one; with `previous`, the one before.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, validateContainerLogStatus
 */
export function chooseLogContainer(pod: Pod, container: string, previous: boolean): LogChoice {
  const name = podName(pod);
  const none = (status: 404 | 400, text: string): LogChoice => ({ kind: 'none', status, text });
  if (findContainer(pod, container) === undefined) {
    return none(
      404,
      `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`,
    );
  }
  const where = `container ${JSON.stringify(container)} in pod ${JSON.stringify(name)}`;
  const status = statusOf(pod, container);
  if (status === undefined) return none(400, `${where} is not available`);
  const last = bareId(status.lastState?.terminated?.containerID);
  if (previous) {
    if (last !== undefined) return { kind: 'container', id: last };
    return none(400, `previous terminated ${where} not found`);
  }
  const { running, terminated, waiting } = status.state ?? {};
  if (running !== undefined) return found(bareId(status.containerID), where);
  if (terminated !== undefined) {
    const own = bareId(terminated.containerID) ?? last;
    return own === undefined ? none(400, `${where} is terminated`) : { kind: 'container', id: own };
  }
  if (last !== undefined) return { kind: 'container', id: last };
  if (waiting === undefined) return none(400, `${where} is waiting to start - no logs yet`);
  return none(
    400,
    `${where} is waiting to start: ${WAITING[waiting.reason ?? ''] ?? waiting.reason}`,
  );
}

const WAITING: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};

function found(id: string | undefined, where: string): LogChoice {
  if (id !== undefined) return { kind: 'container', id };
  return { kind: 'none', status: 400, text: `${where} is not available` };
}

function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  return [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ].find((one) => one.name === name);
}

/** `containerd://abc` → `abc`. */
function bareId(id: string | undefined): string | undefined {
  const bare = id?.replace(/^[^:]*:\/\//, '');
  return bare === '' ? undefined : bare;
}
