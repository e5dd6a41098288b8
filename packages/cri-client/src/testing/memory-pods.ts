import type { Clock } from '@nodeagent/base';

import type { Container, ContainerFilter } from '../model/container.js';
import { CriError, type CriErrorCode } from '../model/errors.js';
import type { ContainerEventType } from '../model/event.js';
import type { Image } from '../model/image.js';
import type { Sandbox, SandboxFilter } from '../model/sandbox.js';
import type { CreateContainerRequest, RunPodSandboxRequest } from '../ports.js';
import { MemoryEvents } from './memory-events.js';
import {
  type ContainerEnd,
  type ContainerRecord,
  matchesContainer,
  matchesSandbox,
  MemoryIssuer,
  type SandboxRecord,
  stateOf,
  toContainer,
  toContainerStatus,
  toSandbox,
  toSandboxStatus,
} from './memory-state.js';

/** The result of an ended container; absent parts follow from the exit code. */
export interface ExitOptions {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** Called as the state of containers changes. */
export interface PodHooks {
  /** Starts the program when a container starts; the program must end when the signal fires. */
  onStart(record: ContainerRecord, signal: AbortSignal): void;
  readonly openLog?: ((path: string) => void) | undefined;
}

/**
 * Sandboxes and containers with the runtime's state rules: the preconditions for creating them, the
 * uniqueness of names, and the consequences of stopping and removing. Every change is one
 * synchronous step, so callers never see an intermediate state.
 */
export class MemoryPods {
  readonly issuer: MemoryIssuer;
  readonly events = new MemoryEvents();
  readonly sandboxes = new Map<string, SandboxRecord>();
  readonly containers = new Map<string, ContainerRecord>();
  readonly #hooks: PodHooks;

  constructor(clock: Clock, hooks: PodHooks) {
    this.issuer = new MemoryIssuer(clock);
    this.#hooks = hooks;
  }

  listSandboxes(filter: SandboxFilter): readonly Sandbox[] {
    const records = [...this.sandboxes.values()];
    return records.filter((record) => matchesSandbox(record, filter)).map(toSandbox);
  }

  listContainers(filter: ContainerFilter): readonly Container[] {
    const records = [...this.containers.values()];
    return records.filter((record) => matchesContainer(record, filter)).map(toContainer);
  }

  sandbox(id: string, method: string): SandboxRecord {
    const record = this.sandboxes.get(id);
    if (record !== undefined) return record;
    throw refused('CRI_NOT_FOUND', `sandbox "${id}" not found`, method);
  }

  container(id: string, method: string): ContainerRecord {
    const record = this.containers.get(id);
    if (record !== undefined) return record;
    throw refused('CRI_NOT_FOUND', `container "${id}" not found`, method);
  }

  running(id: string, method: string): ContainerRecord {
    const record = this.container(id, method);
    const state = stateOf(record);
    if (state === 'running') return record;
    throw refused('CRI_UNKNOWN', `container "${id}" is ${state}, not running`, method);
  }

  containersOf(sandbox: SandboxRecord): readonly ContainerRecord[] {
    return [...this.containers.values()].filter((record) => record.sandbox === sandbox);
  }

  addSandbox({ config, runtimeHandler = '' }: RunPodSandboxRequest): SandboxRecord {
    const method = 'RuntimeService/RunPodSandbox';
    const name = sandboxName(config.metadata);
    for (const other of this.sandboxes.values()) {
      if (sandboxName(other.config.metadata) !== name) continue;
      throw refused('CRI_UNKNOWN', `name "${name}" is reserved for "${other.id}"`, method);
    }
    const ownNetwork = config.linux?.securityContext?.namespaces?.network !== 'node';
    const record: SandboxRecord = {
      id: this.issuer.sandboxId(),
      config,
      runtimeHandler,
      createdAtMs: this.issuer.stampMs(),
      state: 'ready',
      ips: ownNetwork ? [this.issuer.address()] : [],
    };
    this.sandboxes.set(record.id, record);
    this.#tell('created', record.id, record);
    this.#tell('started', record.id, record);
    return record;
  }

  /** Frees its network too, also of one whose process was killed. */
  stopSandbox(record: SandboxRecord): void {
    for (const container of this.containersOf(record)) this.endContainer(container, KILLED);
    record.ips = [];
    this.killSandbox(record);
  }

  /**
   * Its process alone: its network stays, and containers that do not share its process namespace
   * run on.
   */
  killSandbox(record: SandboxRecord): void {
    if (record.state === 'not-ready') return;
    for (const container of this.containersOf(record)) {
      const { pid = 'pod' } = container.config.linux?.securityContext?.namespaces ?? {};
      if (pid === 'pod') this.endContainer(container, KILLED);
    }
    record.state = 'not-ready';
    this.#tell('stopped', record.id, record);
  }

  removeSandbox(record: SandboxRecord): void {
    this.stopSandbox(record);
    for (const container of this.containersOf(record)) this.removeContainer(container);
    this.sandboxes.delete(record.id);
    this.#tell('deleted', record.id, undefined);
  }

  addContainer(request: CreateContainerRequest, image: Image | undefined): ContainerRecord {
    const method = 'RuntimeService/CreateContainer';
    const { config } = request;
    const sandbox = this.sandbox(request.sandboxId, method);
    if (sandbox.state !== 'ready') {
      throw refused('CRI_NOT_FOUND', `sandbox "${sandbox.id}" is not running`, method);
    }
    if (image === undefined) {
      throw refused('CRI_NOT_FOUND', `image "${config.image.image}" not found`, method);
    }
    const name = containerName(config.metadata, sandbox);
    for (const other of this.containers.values()) {
      if (containerName(other.config.metadata, other.sandbox) !== name) continue;
      throw refused('CRI_UNKNOWN', `name "${name}" is reserved for "${other.id}"`, method);
    }
    const record: ContainerRecord = {
      id: this.issuer.containerId(),
      sandbox,
      config,
      image,
      createdAtMs: this.issuer.stampMs(),
      resources: config.linux?.resources,
      startedAtMs: undefined,
      end: undefined,
      life: new AbortController(),
    };
    this.containers.set(record.id, record);
    this.#tell('created', record.id, sandbox);
    return record;
  }

  /** @param failure the container ends instead of starting, e.g. because a command is missing */
  startContainer(record: ContainerRecord, failure?: string): void {
    const method = 'RuntimeService/StartContainer';
    const state = stateOf(record);
    if (state !== 'created') {
      throw refused('CRI_UNKNOWN', `container "${record.id}" is ${state}`, method);
    }
    if (record.sandbox.state !== 'ready') {
      throw refused('CRI_UNKNOWN', `sandbox "${record.sandbox.id}" is not running`, method);
    }
    this.openLog(record);
    if (failure !== undefined) {
      record.end = this.#endOf({ exitCode: 128, reason: 'StartError', message: failure });
      throw refused('CRI_UNKNOWN', failure, method);
    }
    record.startedAtMs = this.issuer.stampMs();
    this.#tell('started', record.id, record.sandbox);
    this.#hooks.onStart(record, record.life.signal);
  }

  openLog(record: ContainerRecord): void {
    const { logPath } = toContainerStatus(record);
    if (logPath !== '') this.#hooks.openLog?.(logPath);
  }

  /** Has no effect on a container that does not run. */
  endContainer(record: ContainerRecord, options: ExitOptions): void {
    if (stateOf(record) !== 'running') return;
    record.end = this.#endOf(options);
    record.life.abort();
    this.#tell('stopped', record.id, record.sandbox);
  }

  removeContainer(record: ContainerRecord): void {
    this.endContainer(record, KILLED);
    this.containers.delete(record.id);
    this.#tell('deleted', record.id, record.sandbox);
  }

  #endOf({ exitCode = 0, reason, message = '' }: ExitOptions): ContainerEnd {
    const atMs = this.issuer.stampMs();
    return { atMs, exitCode, reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error'), message };
  }

  #tell(type: ContainerEventType, id: string, sandbox: SandboxRecord | undefined): void {
    this.events.publish({
      id,
      type,
      atMs: this.issuer.stampMs(),
      sandbox: sandbox === undefined ? undefined : toSandboxStatus(sandbox),
      containers: sandbox === undefined ? [] : this.containersOf(sandbox).map(toContainerStatus),
    });
  }
}

/** Kills with SIGKILL. */
export const KILLED: ExitOptions = { exitCode: 137 };

export function refused(code: CriErrorCode, detail: string, method: string): CriError {
  return new CriError(code, detail, { method });
}

/** Without the sandbox's attempt: a container's number counts for all sandboxes of its pod. */
function containerName(
  { name, attempt }: ContainerRecord['config']['metadata'],
  { config: { metadata: pod } }: SandboxRecord,
): string {
  return `${name}_${pod.name}_${pod.namespace}_${pod.uid}_${attempt}`;
}

function sandboxName(metadata: SandboxRecord['config']['metadata']): string {
  const { name, namespace, uid, attempt } = metadata;
  return `${name}_${namespace}_${uid}_${attempt}`;
}
