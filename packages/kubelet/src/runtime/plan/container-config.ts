import { toPathSegment } from '@nodeagent/base';
import type { ContainerConfig, Device, EnvVar, Mount, StopSignal } from '@nodeagent/cri-client';
import type { Container, Pod } from '@nodeagent/kube-client';

import type { ImageUser } from '../../images/index.js';
import {
  ANNOTATION_DELETION_GRACE,
  ANNOTATION_HASH,
  ANNOTATION_MESSAGE_PATH,
  ANNOTATION_MESSAGE_POLICY,
  ANNOTATION_PORTS,
  ANNOTATION_PRE_STOP,
  ANNOTATION_RESTART_COUNT,
  ANNOTATION_TERMINATION_GRACE,
  containerSpecHash,
  expandWords,
  LABEL_CONTAINER_NAME,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
  podName,
  podNamespace,
  podUid,
} from '../../pod/index.js';
import { containerResources, type ResourceSettings } from './container-resources.js';
import { environmentLookup } from './environment.js';
import {
  containerSecurity,
  type SecuredContainer,
  type SecuritySettings,
} from './security-context.js';

export interface ContainerInput extends SecuredContainer {
  readonly restartCount: number;
  readonly image: ImageUser & Readonly<{ ref: string }>;
  readonly env: readonly EnvVar[];
  readonly mounts: readonly Mount[];
  /** Block volumes; none when absent. */
  readonly devices?: readonly Device[];
}

export interface ContainerSettings extends ResourceSettings, SecuritySettings {
  /** Containers may specify their stop signal: feature gate ContainerStopSignals. */
  readonly stopSignals?: boolean;
}

/**
 * The request that creates one container.
 *
 * @throws {StartError} `CreateContainerConfigError`
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go, generateContainerConfig
 */
export function containerConfig(
  input: ContainerInput,
  settings: ContainerSettings,
): ContainerConfig {
  const { pod, container, restartCount, image, env, mounts, devices = [] } = input;
  const lookup = environmentLookup(env);
  const expanded = (words: readonly string[] | undefined): readonly string[] =>
    expandWords(words ?? [], lookup);
  return {
    metadata: { name: container.name, attempt: restartCount },
    image: { image: image.ref, userSpecifiedImage: container.image ?? '' },
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir,
    env,
    mounts,
    ...(devices.length > 0 && { devices }),
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, restartCount),
    logPath: containerLogPath(container.name, restartCount),
    stdin: container.stdin,
    stdinOnce: container.stdinOnce,
    tty: container.tty,
    ...(settings.stopSignals === true && stopSignal(container)),
    linux: {
      resources: containerResources(pod, container, settings),
      securityContext: containerSecurity(input, image, settings),
    },
  };
}

function stopSignal({ lifecycle }: Container): { readonly stopSignal?: StopSignal } {
  const name = lifecycle?.stopSignal;
  return name === undefined ? {} : { stopSignal: name as StopSignal };
}

/** Relative to the pod's log directory. */
export function containerLogPath(name: string, restartCount: number): string {
  return `${toPathSegment(name, 'container name')}/${restartCount}.log`;
}

/**
 * The restart count of the next run, from the file names in a container's log directory: `0.log`,
 * `1.log.20260101-000000.gz`.
 */
export function nextRun(names: readonly string[]): number {
  const runs = names.map((name) => /^(\d+)\.log(\.|$)/.exec(name)?.[1]).filter(Boolean);
  return Math.max(-1, ...runs.map(Number)) + 1;
}

function containerLabels(pod: Pod, container: Container): Readonly<Record<string, string>> {
  return {
    [LABEL_CONTAINER_NAME]: container.name,
    [LABEL_POD_NAME]: podName(pod),
    [LABEL_POD_NAMESPACE]: podNamespace(pod),
    [LABEL_POD_UID]: podUid(pod),
  };
}

function containerAnnotations(
  pod: Pod,
  container: Container,
  restartCount: number,
): Readonly<Record<string, string>> {
  const deletionGrace = pod.metadata?.deletionGracePeriodSeconds;
  const terminationGrace = pod.spec?.terminationGracePeriodSeconds;
  const preStop = container.lifecycle?.preStop;
  const ports = container.ports ?? [];
  return {
    [ANNOTATION_HASH]: containerSpecHash(container),
    [ANNOTATION_RESTART_COUNT]: String(restartCount),
    [ANNOTATION_MESSAGE_PATH]: container.terminationMessagePath ?? '',
    [ANNOTATION_MESSAGE_POLICY]: container.terminationMessagePolicy ?? '',
    ...(deletionGrace === undefined ? {} : { [ANNOTATION_DELETION_GRACE]: String(deletionGrace) }),
    ...(terminationGrace === undefined
      ? {}
      : { [ANNOTATION_TERMINATION_GRACE]: String(terminationGrace) }),
    ...(preStop === undefined ? {} : { [ANNOTATION_PRE_STOP]: JSON.stringify(preStop) }),
    ...(ports.length === 0 ? {} : { [ANNOTATION_PORTS]: JSON.stringify(ports) }),
  };
}
