import { parseTimestamp } from '@nodeagent/base';
import { asWritten, type ContainerStatus, type Pod } from '@nodeagent/kube-client';

import type { ApiObject } from '../model/object.js';
import { typed } from '../model/typed.js';
import { humanDuration } from './human.js';

interface PodSummary {
  readonly ready: string;
  readonly status: string;
  readonly restarts: string;
}

/**
 * Computes READY, STATUS and RESTARTS of a pod from the container whose state matters most.
 *
 * @see Kubernetes 1.36 pkg/printers/internalversion/printers.go, printPod
 */
export function summarizePod(object: ApiObject, nowMs: number): PodSummary {
  const { spec, status, metadata } = typed('Pod', object);
  const sidecars = new Set(
    (spec?.initContainers ?? [])
      .filter(({ restartPolicy }) => restartPolicy === 'Always')
      .map(({ name }) => name),
  );
  const inits = status?.initContainerStatuses ?? [];
  const mains = status?.containerStatuses ?? [];
  const isDone = (init: ContainerStatus): boolean =>
    init.state?.terminated?.exitCode === 0 || (sidecars.has(init.name) && init.started === true);
  const stuck = inits.findIndex((init) => !isDone(init));
  const initialized = (status?.conditions ?? []).some(
    ({ type, status: value }) => type === 'Initialized' && value === 'True',
  );
  const initializing = stuck >= 0 && !initialized;
  const counted = initializing
    ? inits.slice(0, stuck + 1)
    : [...inits.filter(({ name }) => sidecars.has(name)), ...mains];
  const readySidecars = inits.filter(({ name, ready }) => sidecars.has(name) && ready).length;
  const readyMains = mains.filter(({ ready, state }) => ready && state?.running !== undefined);
  const total = (spec?.containers ?? []).length + sidecars.size;
  const gated = (status?.conditions ?? []).some(({ reason }) => reason === 'SchedulingGated');
  const phase = status?.phase ?? '';
  const plain = gated ? 'SchedulingGated' : status?.reason || phase;
  const stuckInit = inits[stuck];
  const reason =
    initializing && stuckInit !== undefined
      ? initReason(stuckInit, `${stuck}/${(spec?.initContainers ?? []).length}`)
      : mainReason(mains, plain, hasReadyCondition(status));
  return {
    ready: `${(initializing ? 0 : readyMains.length) + readySidecars}/${total}`,
    status: deletionReason(metadata.deletionTimestamp, { status, phase }) ?? reason,
    restarts: restartsOf(counted, nowMs),
  };
}

function deletionReason(
  deletionTimestamp: string | undefined,
  { status, phase }: Readonly<{ status: Pod['status']; phase: string }>,
): string | undefined {
  if (deletionTimestamp === undefined) return undefined;
  if (status?.reason === 'NodeLost') return 'Unknown';
  return phase === 'Failed' || phase === 'Succeeded' ? undefined : 'Terminating';
}

function hasReadyCondition(status: Pod['status']): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: value }) => type === 'Ready' && value === 'True',
  );
}

function initReason({ state }: ContainerStatus, progress: string): string {
  if (state?.terminated !== undefined) return `Init:${terminatedReason(state.terminated)}`;
  const waiting = state?.waiting?.reason ?? '';
  return waiting === '' || waiting === 'PodInitializing' ? `Init:${progress}` : `Init:${waiting}`;
}

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

function terminatedReason({ reason = '', signal = 0, exitCode }: Terminated): string {
  if (reason !== '') return reason;
  return signal === 0 ? `ExitCode:${exitCode}` : `Signal:${signal}`;
}

/** The first failing container wins; completed ones do not hide one that still runs. */
function mainReason(mains: readonly ContainerStatus[], plain: string, podReady: boolean): string {
  let reason = plain;
  let failure = '';
  for (const { state } of [...mains].reverse()) {
    if ((state?.waiting?.reason ?? '') !== '') reason = state?.waiting?.reason ?? '';
    else if (state?.terminated !== undefined) {
      reason = terminatedReason(state.terminated);
      if (state.terminated.exitCode !== 0) failure = reason;
    }
  }
  if (reason !== 'Completed') return reason;
  const running = mains.some(({ ready, state }) => ready && state?.running !== undefined);
  if (running && podReady) return 'Running';
  if (failure !== '') return failure;
  return running ? 'NotReady' : reason;
}

function restartsOf(counted: readonly ContainerStatus[], nowMs: number): string {
  const count = counted.reduce((sum, status) => sum + (asWritten(status).restartCount ?? 0), 0);
  const ends = counted.flatMap(({ lastState }) => {
    return parseTimestamp(lastState?.terminated?.finishedAt ?? '') ?? [];
  });
  if (count === 0 || ends.length === 0) return String(count);
  return `${count} (${humanDuration(nowMs - Math.max(...ends))} ago)`;
}
