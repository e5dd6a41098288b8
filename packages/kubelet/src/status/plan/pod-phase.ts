import type { Container, ContainerStatus, Pod } from '@nodeagent/kube-client';

import {
  initContainers,
  initExitCode,
  isStaticPod,
  policyRestarts,
  regularContainers,
} from '../../pod/index.js';

export type ApiPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export interface PhaseInput {
  readonly pod: Pod;
  /** By name, for containers of all kinds. */
  readonly statuses: ReadonlyMap<string, ContainerStatus>;
  /** Nothing of the pod runs or will run again. */
  readonly terminal: boolean;
  /** The current sandbox has a regular container. */
  readonly initialised: boolean;
}

interface Tally {
  pendingInits: number;
  pendingSidecars: number;
  waiting: number;
  running: number;
  stopped: number;
  succeeded: number;
  restartable: number;
  unknown: number;
  failed: boolean;
}

/** @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, getPhase */
export function podPhase(input: PhaseInput): ApiPhase {
  const tally = tallyOf(input);
  if (tally.failed) return 'Failed';
  const notYet = tally.pendingInits > 0 || (tally.pendingSidecars > 0 && !input.initialised);
  if (notYet || tally.waiting > 0) return 'Pending';
  if (tally.unknown > 0) return 'Pending';
  if (tally.running > 0) return 'Running';
  if (tally.stopped === 0) return 'Pending';
  const allSucceeded = tally.stopped === tally.succeeded;
  if (input.terminal && !isStaticPod(input.pod)) return allSucceeded ? 'Succeeded' : 'Failed';
  if (tally.restartable > 0) return 'Running';
  return allSucceeded ? 'Succeeded' : 'Failed';
}

function tallyOf(input: PhaseInput): Tally {
  const tally: Tally = {
    pendingInits: 0,
    pendingSidecars: 0,
    waiting: 0,
    running: 0,
    stopped: 0,
    succeeded: 0,
    restartable: 0,
    unknown: 0,
    failed: false,
  };
  for (const { role, spec } of initContainers(input.pod)) {
    const status = input.statuses.get(spec.name);
    if (role === 'sidecar') countSidecar(tally, status);
    else countInit(tally, { pod: input.pod, spec }, status);
  }
  for (const { spec } of regularContainers(input.pod)) {
    countRegular(tally, { pod: input.pod, spec }, input.statuses.get(spec.name));
  }
  return tally;
}

type Subject = Readonly<{ pod: Pod; spec: Container }>;

function countInit(tally: Tally, subject: Subject, status: ContainerStatus | undefined): void {
  const { terminated, waiting } = status?.state ?? {};
  const ended = terminated ?? (waiting && status?.lastState?.terminated);
  const exitCode = ended && initExitCode(ended);
  if (exitCode === undefined) {
    tally.pendingInits += 1;
  } else if (exitCode !== 0) {
    if (policyRestarts(subject.pod, subject.spec, exitCode)) tally.pendingInits += 1;
    else tally.failed = true;
  }
}

function countSidecar(tally: Tally, status: ContainerStatus | undefined): void {
  const { running, waiting, terminated } = status?.state ?? {};
  if (running !== undefined) {
    if (status?.started !== true) tally.pendingSidecars += 1;
    tally.running += 1;
  } else if (waiting !== undefined) {
    if (status?.lastState?.terminated !== undefined) return;
    tally.pendingSidecars += 1;
    tally.waiting += 1;
  } else if (terminated === undefined) {
    tally.unknown += 1;
  }
}

function countRegular(tally: Tally, subject: Subject, status: ContainerStatus | undefined): void {
  const { running, waiting, terminated } = status?.state ?? {};
  const ended = terminated ?? (waiting && status?.lastState?.terminated);
  if (running !== undefined) {
    tally.running += 1;
  } else if (ended !== undefined) {
    tally.stopped += 1;
    if (ended.exitCode === 0) tally.succeeded += 1;
    if (policyRestarts(subject.pod, subject.spec, ended.exitCode)) tally.restartable += 1;
  } else if (waiting !== undefined) {
    tally.waiting += 1;
  } else {
    tally.unknown += 1;
  }
}
