import { isIP } from 'node:net';

import { quotaToMilli, sharesToMilli } from '@nodeagent/cgroups';
import type {
  Container,
  ContainerStatus,
  LinuxResources,
  Sandbox,
  SandboxStatus,
} from '@nodeagent/cri-client';

import {
  ANNOTATION_HASH,
  ANNOTATION_RESTART_COUNT,
  type ContainerAmounts,
  type ContainerObservation,
  LABEL_CONTAINER_NAME,
  type SandboxObservation,
} from '../../pod/index.js';

export function observedSandbox(
  sandbox: Sandbox,
  status: SandboxStatus | undefined,
): SandboxObservation {
  return {
    id: sandbox.id,
    attempt: sandbox.metadata?.attempt ?? 0,
    ready: (status?.state ?? sandbox.state) === 'ready',
    createdAtMs: sandbox.createdAtMs,
    network: status?.namespaces?.network === 'node' ? 'node' : 'pod',
    ips: addresses(status?.ips ?? []),
  };
}

/**
 * The addresses as the network plugin reported them, or none if any is not an IP address: an API
 * server would refuse the whole status.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_sandbox.go, determinePodSandboxIPs
 */
function addresses(ips: readonly string[]): readonly string[] {
  return ips.every((ip) => isIP(ip) !== 0 && !ip.includes('%')) ? ips : [];
}

/** @param message termination message of an exited container, from its file or logs */
export function observedContainer(
  container: Container,
  status: ContainerStatus | undefined,
  more: Readonly<{ runtimeName: string; message: string; stopSignals?: boolean | undefined }>,
): ContainerObservation {
  const image = status?.image ?? container.image;
  return {
    id: container.id,
    sandboxId: container.sandboxId,
    name: container.labels[LABEL_CONTAINER_NAME] ?? container.metadata?.name ?? '',
    createdAtMs: container.createdAtMs,
    restartCount: parseCount(container.annotations[ANNOTATION_RESTART_COUNT]),
    specHash: parseHash(container.annotations[ANNOTATION_HASH]),
    image: image?.userSpecifiedImage || (image?.image ?? ''),
    imageRef: status?.imageRef ?? container.imageRef,
    runtimeName: more.runtimeName,
    ...(status?.user === undefined ? {} : { user: status.user }),
    ...(more.stopSignals === true && stopSignalIn(status)),
    ...resourcesIn(status?.resources),
    ...recursiveIn(status),
    state: stateOf(container, status, more.message),
  };
}

function recursiveIn(
  status: ContainerStatus | undefined,
): Readonly<{ recursiveReadOnly?: readonly string[] }> {
  const mounts = status?.mounts.filter(({ recursiveReadOnly }) => recursiveReadOnly === true) ?? [];
  return mounts.length === 0
    ? {}
    : { recursiveReadOnly: mounts.map(({ containerPath }) => containerPath) };
}

function stopSignalIn(status: ContainerStatus | undefined): Readonly<{ stopSignal?: string }> {
  const signal = status?.stopSignal;
  return signal === undefined || signal === 'unknown' ? {} : { stopSignal: signal };
}

/** The resources of a running container as the runtime reports them; older runtimes report none. */
function resourcesIn(
  linux: LinuxResources | undefined,
): Readonly<{ resources?: Partial<ContainerAmounts> }> {
  if (linux === undefined) return {};
  const { cpuPeriodUs = 0, cpuQuotaUs = 0, cpuShares = 0, memoryLimitBytes = 0 } = linux;
  const limitMilli = cpuPeriodUs > 0 && cpuQuotaUs > 0 ? quotaToMilli(cpuQuotaUs, cpuPeriodUs) : 0;
  const requestMilli = cpuShares > 0 ? sharesToMilli(cpuShares) : 0;
  const resources: Partial<ContainerAmounts> = {
    ...(limitMilli > 0 && { cpuLimitMilli: limitMilli }),
    ...(requestMilli > 0 && { cpuRequestMilli: requestMilli }),
    ...(memoryLimitBytes > 0 && { memoryLimitBytes }),
  };
  return Object.keys(resources).length > 0 ? { resources } : {};
}

function stateOf(
  container: Container,
  status: ContainerStatus | undefined,
  message: string,
): ContainerObservation['state'] {
  switch (status?.state ?? container.state) {
    case 'created':
      return { kind: 'created' };
    case 'running':
      return { kind: 'running', startedAtMs: status?.startedAtMs ?? container.createdAtMs };
    case 'exited':
      if (status !== undefined && wasInterrupted(status)) return { kind: 'created' };
      return {
        kind: 'exited',
        startedAtMs: status?.startedAtMs,
        finishedAtMs: status?.finishedAtMs ?? container.createdAtMs,
        exitCode: status?.exitCode ?? 0,
        reason: status?.reason ?? '',
        message,
      };
    default:
      return { kind: 'unknown' };
  }
}

/** containerd's errors when it abandons a start: its helper processes are killed with the call. */
const INTERRUPTED = /context canceled|context deadline exceeded|signal: killed|ttrpc: closed/;

/**
 * The runtime abandoned the start because its caller, a kubelet that was killed, went away. No
 * program of the container ran, so none has ended, and the container can be started as if for the
 * first time.
 */
function wasInterrupted({ startedAtMs, reason, message }: ContainerStatus): boolean {
  const neverRan = startedAtMs === undefined && reason === 'StartError';
  return neverRan && INTERRUPTED.test(message);
}

/** 0 if the text is not a 32-bit count, the API's type. */
function parseCount(text: string | undefined): number {
  const count = text !== undefined && /^\d+$/.test(text) ? Number(text) : 0;
  return count < 2 ** 31 ? count : 0;
}

function parseHash(text: string | undefined): string | undefined {
  return text !== undefined && /^[0-9a-f]+$/i.test(text) ? text.toLowerCase() : undefined;
}

/** Newest first: by attempt, then creation time. */
export function newestSandboxFirst(a: SandboxObservation, b: SandboxObservation): number {
  return b.attempt - a.attempt || b.createdAtMs - a.createdAtMs;
}
