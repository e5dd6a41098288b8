import { formatTimestamp } from '@nodeagent/base';
import type { ContainerState, ContainerStatus } from '@nodeagent/kube-client';

import {
  type ContainerObservation,
  initContainers,
  initExitCode,
  isDeleting,
  latestOf,
  regularContainers,
  restartsAfterExit,
  type RoledContainer,
} from '../../pod/index.js';
import type { StatusInput } from '../model/status-input.js';
import { containerResourceFields } from './container-resources.js';
import { cutText, messageLimitBytes } from './message-limit.js';
import { containerUrl, readinessOf } from './readiness.js';

const UNKNOWN = 'ContainerStatusUnknown';
const KILLED = 137;
/** The waiting reason of a container that was removed to restart all containers of its pod. */
export const RESTARTING_ALL = 'RestartingAllContainers';

/**
 * The status of one container. The runtime's newest record gives the state, the record before it
 * the last state. The previous status supplies runs that the runtime no longer remembers.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, convertToAPIContainerStatuses
 */
export function containerStatus(
  input: StatusInput,
  roled: RoledContainer,
  previous: ContainerStatus | undefined,
): ContainerStatus {
  const { seen } = input;
  const [newest, older] = seen.containers.filter(({ name }) => name === roled.spec.name);
  const bare =
    newest === undefined
      ? statusWithoutRecord(input, roled, previous)
      : statusFromRecord(input, { newest, older }, previous);
  const status = {
    ...withWaitingReason(input, roled, bare),
    ...mountFields(roled, newest),
    ...(newest !== undefined && containerResourceFields(input, roled, newest)),
  };
  return { ...status, ...readyFields(input, { roled, newest, status }, previous) };
}

function statusFromRecord(
  input: StatusInput,
  records: Readonly<{ newest: ContainerObservation; older: ContainerObservation | undefined }>,
  previous: ContainerStatus | undefined,
): ContainerStatus {
  const { newest, older } = records;
  const lastState =
    older?.state.kind === 'exited' ? stateOf(input, older, undefined) : previous?.lastState;
  const state = stateOf(input, newest, previous);
  const found = newest.state.kind === 'unknown' && previous?.state?.running !== undefined ? 1 : 0;
  return {
    name: newest.name,
    image: newest.image,
    imageID: newest.imageRef,
    containerID: containerUrl(newest),
    restartCount: Math.max(newest.restartCount, (previous?.restartCount ?? 0) + found),
    ready: false,
    state,
    lastState: lastState ?? {},
    ...(newest.stopSignal !== undefined && { stopSignal: newest.stopSignal }),
    ...(newest.user && {
      user: {
        linux: {
          uid: newest.user.uid,
          gid: newest.user.gid,
          supplementalGroups: [...newest.user.supplementalGroups],
        },
      },
    }),
  };
}

function stateOf(
  input: StatusInput,
  record: ContainerObservation,
  previous: ContainerStatus | undefined,
): ContainerState {
  const { state } = record;
  switch (state.kind) {
    case 'running':
      return { running: { startedAt: formatTimestamp(state.startedAtMs) } };
    case 'created':
      return { waiting: {} };
    case 'exited':
      return {
        terminated: {
          exitCode: state.exitCode,
          ...(state.reason !== '' && { reason: state.reason }),
          ...(state.message !== '' && {
            message: cutText(state.message, messageLimitBytes(input.pod)),
          }),
          // A container that never started reports the Unix epoch as its start.
          startedAt: formatTimestamp(state.startedAtMs ?? 0),
          finishedAt: formatTimestamp(state.finishedAtMs),
          containerID: containerUrl(record),
        },
      };
    case 'unknown': {
      if (previous?.state?.terminated !== undefined) return previous.state;
      if (previous?.state?.running === undefined) return { waiting: {} };
      return lostState('The container could not be located when the pod was terminated', record);
    }
  }
}

function lostState(message: string, record?: ContainerObservation): ContainerState {
  return {
    terminated: {
      exitCode: KILLED,
      reason: UNKNOWN,
      message,
      ...(record && { containerID: containerUrl(record) }),
    },
  };
}

function statusWithoutRecord(
  input: StatusInput,
  { role, spec }: RoledContainer,
  previous: ContainerStatus | undefined,
): ContainerStatus {
  const removed = previous && removedToRestart(input, previous);
  if (removed !== undefined) return removed;
  if (previous?.state?.terminated !== undefined) return previous;
  const reason = initContainers(input.pod).length > 0 ? 'PodInitializing' : 'ContainerCreating';
  const waiting: ContainerStatus = {
    name: spec.name,
    image: spec.image ?? '',
    imageID: '',
    restartCount: previous?.restartCount ?? 0,
    ready: false,
    state: { waiting: { reason } },
    lastState: previous?.lastState ?? {},
  };
  if (role === 'init' && regularContainers(input.pod).some((c) => hasRecord(input, c))) {
    const message =
      'Unable to get init container status from container runtime and pod has been initialized, ' +
      'treat it as exited normally';
    return { ...waiting, state: { terminated: { exitCode: 0, reason: 'Completed', message } } };
  }
  if (previous?.state?.running === undefined) return waiting;
  return {
    ...waiting,
    restartCount: waiting.restartCount + (isDeleting(input.pod) ? 0 : 1),
    lastState: lostState(
      'The container could not be located when the pod was deleted.  ' +
        'The container used to be Running',
    ),
  };
}

/**
 * The status of a container that was removed to restart all containers of its pod.
 *
 * @returns undefined if the container is absent for another reason
 */
function removedToRestart(
  { previous: pod }: StatusInput,
  status: ContainerStatus,
): ContainerStatus | undefined {
  if (status.state?.waiting?.reason === RESTARTING_ALL) return status;
  const under = pod.conditions?.find(({ type }) => type === 'AllContainersRestarting');
  const { running, terminated } = status.state ?? {};
  if (under?.status !== 'True' || (running ?? terminated) === undefined) return undefined;
  const message = 'The container is removed because RestartAllContainers in place';
  return {
    ...status,
    restartCount: status.restartCount + 1,
    ready: false,
    started: false,
    state: { waiting: { reason: RESTARTING_ALL, message } },
    lastState: {
      terminated: terminated ?? { exitCode: KILLED, reason: RESTARTING_ALL, message },
    },
  };
}

function hasRecord(input: StatusInput, { spec }: RoledContainer): boolean {
  return latestOf(input.seen, spec.name) !== undefined;
}

/** Shows the reason that a container which should run could not be started. */
function withWaitingReason(
  input: StatusInput,
  { role, spec }: RoledContainer,
  status: ContainerStatus,
): ContainerStatus {
  const why = input.waiting.get(spec.name);
  if (why === undefined || isDeleting(input.pod)) return status;
  const state = latestOf(input.seen, spec.name)?.state;
  if (state?.kind === 'running') return status;
  if (state?.kind === 'exited') {
    const exitCode = role === 'init' ? initExitCode(state) : state.exitCode;
    if (role === 'init' && exitCode === 0) return status;
    if (!restartsAfterExit(input.pod, spec, exitCode)) return status;
  }
  const { reason, message } = why;
  return {
    ...status,
    state: { waiting: { reason, ...(message !== '' && { message }) } },
    ...(status.state?.terminated && { lastState: status.state }),
  };
}

function mountFields(
  { spec }: RoledContainer,
  newest: ContainerObservation | undefined,
): Pick<ContainerStatus, 'volumeMounts'> {
  const mounts = spec.volumeMounts ?? [];
  if (mounts.length === 0) return {};
  return {
    volumeMounts: mounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => {
      if (readOnly !== true) return { name, mountPath };
      // `IfPossible`: the created container shows whether it was possible.
      const isRecursive =
        newest === undefined
          ? recursiveReadOnly === 'Enabled'
          : newest.recursiveReadOnly?.includes(mountPath) === true;
      const mode = isRecursive ? 'Enabled' : 'Disabled';
      return { name, mountPath, readOnly, recursiveReadOnly: mode };
    }),
  };
}

function readyFields(
  input: StatusInput,
  subject: Readonly<{
    roled: RoledContainer;
    newest: ContainerObservation | undefined;
    status: ContainerStatus;
  }>,
  previous: ContainerStatus | undefined,
): Partial<ContainerStatus> {
  const { roled, newest, status } = subject;
  if (roled.role === 'ephemeral') return { ready: false };
  if (newest?.state.kind !== 'running') {
    const end = status.state?.terminated;
    const succeeded = end !== undefined && initExitCode(end) === 0;
    return { started: false, ready: roled.role === 'init' && succeeded };
  }
  const verdicts = input.probes.get(newest.id) ?? {};
  const { started, ready } = readinessOf(
    roled.spec,
    { id: containerUrl(newest), verdicts },
    previous,
  );
  return { started, ready: roled.role !== 'init' && ready };
}
