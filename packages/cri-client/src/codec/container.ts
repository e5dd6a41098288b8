import type { runtime } from '../adapters/generated/runtime-v1.js';
import type {
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerMetadata,
  ContainerStatus,
  ContainerUser,
  EnvVar,
  Mount,
  MountPropagation,
} from '../model/container.js';
import { containerId, sandboxId } from '../model/ids.js';
import type { Seen } from '../model/linux.js';
import { STOP_SIGNALS, type StopSignal } from '../model/stop-signal.js';
import { decodeImageSpec, encodeImageSpec } from './image.js';
import {
  decodeIdMapping,
  decodeResources,
  encodeContainerSecurity,
  encodeIdMapping,
  encodeResources,
} from './linux.js';
import {
  enumCodec,
  list,
  map,
  optional,
  orNull,
  toMs,
  toMsOrUndefined,
  toNumber,
} from './scalar.js';

const propagation = enumCodec(['private', 'host-to-container', 'bidirectional']);
const containerState = enumCodec(['created', 'running', 'exited', 'unknown']);

const utf8 = new TextEncoder();

export function encodeContainerConfig(
  config: ContainerConfig,
): runtime.v1.ContainerConfig.$Properties {
  return {
    metadata: { ...config.metadata },
    image: encodeImageSpec(config.image),
    command: list(config.command),
    args: list(config.args),
    workingDir: config.workingDir ?? null,
    envs: orNull(config.env, (env) => env.map(encodeEnvVar)),
    mounts: orNull(config.mounts, (mounts) => mounts.map(encodeMount)),
    devices: orNull(config.devices, (devices) => devices.map((device) => ({ ...device }))),
    labels: map(config.labels),
    annotations: map(config.annotations),
    logPath: config.logPath ?? null,
    stdin: config.stdin ?? null,
    stdinOnce: config.stdinOnce ?? null,
    tty: config.tty ?? null,
    linux: orNull(config.linux, ({ resources, securityContext }) => ({
      resources: orNull(resources, encodeResources),
      securityContext: orNull(securityContext, encodeContainerSecurity),
    })),
    CDIDevices: orNull(config.cdiDevices, (names) => names.map((name) => ({ name }))),
    stopSignal: orNull(config.stopSignal, encodeStopSignal),
  };
}

export function encodeContainerFilter(
  filter: ContainerFilter,
): runtime.v1.ContainerFilter.$Properties {
  return {
    id: filter.id ?? null,
    state: orNull(filter.state, (name) => ({ state: containerState.encode(name) })),
    podSandboxId: filter.sandboxId ?? null,
    labelSelector: map(filter.labels),
  };
}

export function decodeContainer(message: runtime.v1.Container.$Properties): Container {
  return {
    id: containerId(message.id ?? ''),
    sandboxId: sandboxId(message.podSandboxId ?? ''),
    metadata: optional(message.metadata, decodeContainerMetadata),
    image: optional(message.image, decodeImageSpec),
    imageRef: message.imageRef ?? '',
    imageId: message.imageId ?? '',
    state: containerState.decode(message.state),
    createdAtMs: toMs(message.createdAt),
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
  };
}

export function decodeContainerStatus(
  message: runtime.v1.ContainerStatus.$Properties,
): ContainerStatus {
  return {
    id: containerId(message.id ?? ''),
    metadata: decodeContainerMetadata(message.metadata ?? {}),
    state: containerState.decode(message.state),
    createdAtMs: toMs(message.createdAt),
    startedAtMs: toMsOrUndefined(message.startedAt),
    finishedAtMs: toMsOrUndefined(message.finishedAt),
    exitCode: message.exitCode ?? 0,
    image: decodeImageSpec(message.image ?? {}),
    imageRef: message.imageRef ?? '',
    imageId: message.imageId ?? '',
    reason: message.reason ?? '',
    message: message.message ?? '',
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
    mounts: (message.mounts ?? []).map(decodeMount),
    logPath: message.logPath ?? '',
    resources: optional(message.resources?.linux, decodeResources),
    user: optional(message.user?.linux, decodeUser),
    stopSignal: decodeStopSignal(message.stopSignal),
  };
}

export function decodeContainerMetadata(
  message: runtime.v1.ContainerMetadata.$Properties,
): ContainerMetadata {
  return { name: message.name ?? '', attempt: message.attempt ?? 0 };
}

/** @returns the name of a field that callers rely on and that the runtime left out */
export function missingInContainerStatus(status: ContainerStatus): string | undefined {
  if (status.id === '') return 'id';
  if (status.metadata.name === '') return 'metadata.name';
  if (status.createdAtMs === 0) return 'created_at';
  if (status.image.image === '') return 'image.image';
  return status.imageRef === '' ? 'image_ref' : undefined;
}

function encodeEnvVar({ name, value = '' }: EnvVar): runtime.v1.KeyValue.$Properties {
  return { key: name, value: typeof value === 'string' ? utf8.encode(value) : value };
}

function encodeMount(mount: Mount): runtime.v1.Mount.$Properties {
  return {
    containerPath: mount.containerPath,
    hostPath: mount.hostPath ?? null,
    readonly: mount.readOnly ?? null,
    selinuxRelabel: mount.selinuxRelabel ?? null,
    propagation: orNull(mount.propagation, propagation.encode),
    uidMappings: orNull(mount.uidMappings, (mappings) => mappings.map(encodeIdMapping)),
    gidMappings: orNull(mount.gidMappings, (mappings) => mappings.map(encodeIdMapping)),
    recursiveReadOnly: mount.recursiveReadOnly ?? null,
    image: orNull(mount.image, encodeImageSpec),
    imageSubPath: mount.imageSubPath ?? null,
  };
}

function decodeMount(message: runtime.v1.Mount.$Properties): Mount<Seen<MountPropagation>> {
  return {
    containerPath: message.containerPath ?? '',
    hostPath: message.hostPath || undefined,
    readOnly: message.readonly ?? false,
    selinuxRelabel: message.selinuxRelabel ?? false,
    propagation: propagation.decode(message.propagation),
    uidMappings: (message.uidMappings ?? []).map(decodeIdMapping),
    gidMappings: (message.gidMappings ?? []).map(decodeIdMapping),
    recursiveReadOnly: message.recursiveReadOnly ?? false,
    image: optional(message.image, decodeImageSpec),
    imageSubPath: message.imageSubPath || undefined,
  };
}

function decodeUser(message: runtime.v1.LinuxContainerUser.$Properties): ContainerUser {
  return {
    uid: toNumber(message.uid),
    gid: toNumber(message.gid),
    supplementalGroups: (message.supplementalGroups ?? []).map(toNumber),
  };
}

/** The signal's position in the list, counted from 1; 0 is "the runtime's default". */
function encodeStopSignal(signal: StopSignal): number {
  return STOP_SIGNALS.indexOf(signal) + 1;
}

function decodeStopSignal(wire: number | null | undefined): Seen<StopSignal> | undefined {
  if (wire === null || wire === undefined || wire === 0) return undefined;
  return STOP_SIGNALS[wire - 1] ?? 'unknown';
}
