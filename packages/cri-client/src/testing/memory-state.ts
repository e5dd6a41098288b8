import type { Clock } from '@nodeagent/base';

import type {
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerStatus,
} from '../model/container.js';
import type { ContainerId, SandboxId } from '../model/ids.js';
import { containerId, sandboxId } from '../model/ids.js';
import type { Image } from '../model/image.js';
import type { Labels, LinuxResources } from '../model/linux.js';
import type {
  Sandbox,
  SandboxConfig,
  SandboxFilter,
  SandboxState,
  SandboxStatus,
} from '../model/sandbox.js';

export interface SandboxRecord {
  readonly id: SandboxId;
  readonly config: SandboxConfig;
  readonly runtimeHandler: string;
  readonly createdAtMs: number;
  state: SandboxState;
  ips: readonly string[];
}

export interface ContainerRecord {
  readonly id: ContainerId;
  readonly sandbox: SandboxRecord;
  readonly config: ContainerConfig;
  readonly image: Image;
  readonly createdAtMs: number;
  resources: LinuxResources | undefined;
  startedAtMs: number | undefined;
  end: ContainerEnd | undefined;
  /** Fires when the container ends, to end its simulated program. */
  readonly life: AbortController;
}

export interface ContainerEnd {
  readonly atMs: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
}

/** Issues ids, addresses and time stamps for one in-memory runtime. */
export class MemoryIssuer {
  readonly #clock: Clock;
  #issued = 0;
  #addresses = 1;
  #lastMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sandboxId(): SandboxId {
    return sandboxId(this.#id('a'));
  }

  containerId(): ContainerId {
    return containerId(this.#id('c'));
  }

  token(): string {
    return this.#id('f').slice(0, 8);
  }

  /** Addresses start at 10.88.0.2. */
  address(): string {
    this.#addresses += 1;
    return `10.88.${Math.floor(this.#addresses / 256)}.${this.#addresses % 256}`;
  }

  /** Returns the wall clock, plus a microsecond for each call within one instant. */
  stampMs(): number {
    this.#lastMs = Math.max(this.#clock.nowMs(), this.#lastMs + 0.001);
    return this.#lastMs;
  }

  #id(kind: string): string {
    this.#issued += 1;
    return `${kind}${this.#issued.toString(16).padStart(11, '0')}`.padEnd(64, '0');
  }
}

export function stateOf(record: ContainerRecord): 'created' | 'running' | 'exited' {
  if (record.end !== undefined) return 'exited';
  return record.startedAtMs === undefined ? 'created' : 'running';
}

export function toSandbox(record: SandboxRecord): Sandbox {
  return {
    id: record.id,
    metadata: record.config.metadata,
    state: record.state,
    createdAtMs: record.createdAtMs,
    labels: record.config.labels ?? {},
    annotations: record.config.annotations ?? {},
    runtimeHandler: record.runtimeHandler,
  };
}

export function toSandboxStatus(record: SandboxRecord): SandboxStatus {
  const wanted = record.config.linux?.securityContext?.namespaces;
  return {
    ...toSandbox(record),
    metadata: record.config.metadata,
    ips: record.ips,
    namespaces: {
      network: wanted?.network ?? 'pod',
      pid: wanted?.pid ?? 'pod',
      ipc: wanted?.ipc ?? 'pod',
      targetId: wanted?.targetId,
      user: wanted?.user,
    },
    containers: [],
  };
}

export function toContainer(record: ContainerRecord): Container {
  return {
    id: record.id,
    sandboxId: record.sandbox.id,
    metadata: record.config.metadata,
    image: record.config.image,
    imageRef: imageRefOf(record.image),
    imageId: record.image.id,
    state: stateOf(record),
    createdAtMs: record.createdAtMs,
    labels: record.config.labels ?? {},
    annotations: record.config.annotations ?? {},
  };
}

export function toContainerStatus(record: ContainerRecord): ContainerStatus {
  const { config, end, sandbox } = record;
  const security = config.linux?.securityContext;
  return {
    id: record.id,
    metadata: config.metadata,
    state: stateOf(record),
    createdAtMs: record.createdAtMs,
    startedAtMs: record.startedAtMs,
    finishedAtMs: end?.atMs,
    exitCode: end?.exitCode ?? 0,
    image: { ...config.image, image: record.image.repoTags[0] ?? config.image.image },
    imageRef: imageRefOf(record.image),
    imageId: record.image.id,
    reason: end?.reason ?? '',
    message: end?.message ?? '',
    labels: config.labels ?? {},
    annotations: config.annotations ?? {},
    mounts: config.mounts ?? [],
    logPath: logPathOf(sandbox.config, config),
    resources: record.resources,
    user: {
      uid: security?.runAsUser ?? record.image.uid ?? 0,
      gid: security?.runAsGroup ?? 0,
      supplementalGroups: security?.supplementalGroups ?? [],
    },
    stopSignal: config.stopSignal,
  };
}

export function matchesSandbox(record: SandboxRecord, filter: SandboxFilter): boolean {
  if (filter.id !== undefined && filter.id !== record.id) return false;
  if (filter.state !== undefined && filter.state !== record.state) return false;
  return hasLabels(record.config.labels, filter.labels);
}

export function matchesContainer(record: ContainerRecord, filter: ContainerFilter): boolean {
  if (filter.id !== undefined && filter.id !== record.id) return false;
  if (filter.state !== undefined && filter.state !== stateOf(record)) return false;
  if (filter.sandboxId !== undefined && filter.sandboxId !== record.sandbox.id) return false;
  return hasLabels(record.config.labels, filter.labels);
}

export function hasLabels(labels: Labels = {}, wanted: Labels = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

function imageRefOf(image: Image): string {
  return image.repoDigests[0] ?? image.id;
}

function logPathOf(sandbox: SandboxConfig, container: ContainerConfig): string {
  if (sandbox.logDirectory === undefined || container.logPath === undefined) return '';
  return `${sandbox.logDirectory}/${container.logPath}`;
}
