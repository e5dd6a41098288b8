import type { Clock } from '@nodeagent/base';
import { CriError } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import {
  type ContainerObservation,
  type ContainerRunState,
  containerSpecHash,
  findContainer,
  isHostNetwork,
  podName,
  podNamespace,
  type PodObservation,
  podUid,
  type SandboxObservation,
  type StartContainerRequest,
  StartError,
} from '../pod/index.js';
import { nextRun } from '../runtime/index.js';

export interface HeldPod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly processes: 'shared' | 'apart';
  /** Newest first, like {@link containers}. */
  sandboxes: SandboxObservation[];
  containers: ContainerObservation[];
}

export interface ContainerEnd {
  readonly exitCode: number;
  readonly reason?: string;
  readonly message?: string;
}

export const KILLED: ContainerEnd = { exitCode: 137 };

/** Sandboxes, containers and logs in memory, by the rules of a container runtime. */
export class HeldPods {
  readonly pods = new Map<string, HeldPod>();
  /** Log files by pod uid: `<container>/<restart count>.log`. */
  readonly #logs = new Map<string, Set<string>>();
  /** By container id, for containers whose end someone waits for. */
  readonly #lives = new Map<string, AbortController>();
  readonly #clock: Clock;
  #serial = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(pod: Pod): HeldPod {
    const uid = podUid(pod);
    const held = this.pods.get(uid) ?? {
      ...{ uid, namespace: podNamespace(pod), name: podName(pod) },
      processes: pod.spec?.shareProcessNamespace === true ? 'shared' : 'apart',
      sandboxes: [],
      containers: [],
    };
    this.pods.set(uid, held);
    return held;
  }

  observe(uid: string): PodObservation {
    const { sandboxes = [], containers = [] } = this.pods.get(uid) ?? {};
    return {
      sandboxes: [...sandboxes],
      containers: [...containers],
      podIps: sandboxes[0]?.ready === true ? sandboxes[0].ips : [],
      observedAtMs: this.#clock.nowMs(),
    };
  }

  logs(uid: string): readonly string[] {
    return [...(this.#logs.get(uid) ?? [])].sort();
  }

  /** Fires when the container ends; already fired if the container does not run. */
  lifeOf(containerId: string): AbortSignal {
    if (this.container(containerId)?.state.kind !== 'running') return AbortSignal.abort();
    const life = this.#lives.get(containerId) ?? new AbortController();
    this.#lives.set(containerId, life);
    return life.signal;
  }

  find(id: string): HeldPod | undefined {
    const isIt = (one: Readonly<{ id: string }>): boolean => one.id === id;
    return [...this.pods.values()].find(
      ({ sandboxes, containers }) => sandboxes.some(isIt) || containers.some(isIt),
    );
  }

  container(id: string): ContainerObservation | undefined {
    return this.find(id)?.containers.find((one) => one.id === id);
  }

  /** @throws {StartError} `CreatePodSandboxError` if the pod has a sandbox of this attempt */
  addSandbox(pod: Pod, attempt: number): string {
    const other = this.pods.get(podUid(pod))?.sandboxes.find((one) => one.attempt === attempt);
    if (other !== undefined) {
      const text = `name of attempt ${attempt} is reserved for "${other.id}"`;
      throw new StartError('CreatePodSandboxError', text);
    }
    const id = `sandbox-${this.#next()}`;
    const host = isHostNetwork(pod);
    this.of(pod).sandboxes.unshift({
      ...{ id, attempt, ready: true, createdAtMs: this.#clock.nowMs() },
      network: host ? 'node' : 'pod',
      ips: host ? [] : [`10.1.0.${this.#serial}`],
    });
    return id;
  }

  /** @throws {CriError} `CRI_NOT_FOUND` */
  needSandbox(id: string): SandboxObservation {
    const found = this.find(id)?.sandboxes.find((one) => one.id === id);
    if (found !== undefined) return found;
    throw notFound(`sandbox "${id}"`);
  }

  /** @throws {CriError} `CRI_NOT_FOUND` */
  needContainer(id: string): ContainerObservation {
    const found = this.container(id);
    if (found !== undefined) return found;
    throw notFound(`container "${id}"`);
  }

  /**
   * Creates a container without starting it.
   *
   * @throws {StartError} `CreateContainerConfigError` if the spec has no such container,
   *   `CreateContainerError` if the sandbox is not ready or the restart count is taken
   */
  addContainer({ pod, name, sandboxId, restartCount: known }: StartContainerRequest): string {
    const spec = findContainer(pod, name)?.spec;
    if (spec === undefined) {
      throw new StartError('CreateContainerConfigError', `no container ${name}`);
    }
    const held = this.of(pod);
    if (!this.needSandbox(sandboxId).ready) {
      throw new StartError('CreateContainerError', `sandbox "${sandboxId}" is not running`);
    }
    const prefix = `${name}/`;
    const logs = this.logs(held.uid).filter((log) => log.startsWith(prefix));
    const restartCount = known > 0 ? known : nextRun(logs.map((log) => log.slice(prefix.length)));
    const other = held.containers.find(
      (one) => one.name === name && one.restartCount === restartCount,
    );
    if (other !== undefined) {
      const text = `name "${name}_${restartCount}" is reserved for "${other.id}"`;
      throw new StartError('CreateContainerError', text);
    }
    const id = `${name}-${this.#next()}`;
    held.containers.unshift({
      ...{ id, sandboxId, name, restartCount, createdAtMs: this.#clock.nowMs() },
      specHash: containerSpecHash(spec),
      image: spec.image ?? '',
      imageRef: `sha256:${name}`,
      runtimeName: 'containerd',
      state: { kind: 'created' },
    });
    return id;
  }

  start(id: string): void {
    this.#openLog(id);
    this.#setState(id, { kind: 'running', startedAtMs: this.#clock.nowMs() });
  }

  /** Ends a container whose program cannot start. */
  refuse(id: string): void {
    this.#openLog(id);
    this.#setState(id, {
      ...{ kind: 'exited', startedAtMs: undefined, finishedAtMs: this.#clock.nowMs() },
      ...{ exitCode: 128, reason: 'StartError', message: '' },
    });
  }

  /** Does nothing if the container does not run: an exit is final. */
  end(id: string, { exitCode, reason, message = '' }: ContainerEnd): void {
    const state = this.container(id)?.state;
    if (state?.kind !== 'running') return;
    this.#setState(id, {
      ...{ kind: 'exited', startedAtMs: state.startedAtMs, finishedAtMs: this.#clock.nowMs() },
      ...{ exitCode, message, reason: reason ?? (exitCode === 0 ? 'Completed' : 'Error') },
    });
    this.#lives.get(id)?.abort();
    this.#lives.delete(id);
  }

  /** Kills the sandbox's process, and containers that share its process namespace; the network stays. */
  killSandbox(id: string): void {
    if (this.find(id)?.processes === 'shared') {
      for (const container of this.#containersOf(id)) this.end(container.id, KILLED);
    }
    this.#changeSandbox(id, { ready: false });
  }

  stopSandbox(id: string): void {
    for (const container of this.#containersOf(id)) this.end(container.id, KILLED);
    this.#changeSandbox(id, { ready: false, ips: [] });
  }

  removeContainer(id: string, logs: 'remove' | 'keep'): void {
    const held = this.find(id);
    const container = this.container(id);
    if (held === undefined || container === undefined) return;
    this.end(id, KILLED);
    held.containers = held.containers.filter((one) => one.id !== id);
    if (logs === 'remove') this.#logs.get(held.uid)?.delete(logOf(container));
    this.#forgetEmpty(held);
  }

  removeSandbox(id: string): void {
    const held = this.find(id);
    if (held === undefined) return;
    this.stopSandbox(id);
    for (const container of this.#containersOf(id)) this.removeContainer(container.id, 'keep');
    held.sandboxes = held.sandboxes.filter((one) => one.id !== id);
    this.#forgetEmpty(held);
  }

  #containersOf(sandboxId: string): readonly ContainerObservation[] {
    const containers = this.find(sandboxId)?.containers ?? [];
    return containers.filter((one) => one.sandboxId === sandboxId);
  }

  #changeSandbox(id: string, change: Partial<SandboxObservation>): void {
    const held = this.find(id);
    if (held === undefined) return;
    held.sandboxes = held.sandboxes.map((one) => (one.id === id ? { ...one, ...change } : one));
  }

  #setState(id: string, state: ContainerRunState): void {
    const held = this.find(id);
    if (held === undefined) return;
    held.containers = held.containers.map((one) => (one.id === id ? { ...one, state } : one));
  }

  #openLog(id: string): void {
    const [held, container] = [this.find(id), this.container(id)];
    if (held === undefined || container === undefined) return;
    const logs = this.#logs.get(held.uid) ?? new Set();
    this.#logs.set(held.uid, logs.add(logOf(container)));
  }

  #forgetEmpty({ uid, sandboxes, containers }: HeldPod): void {
    if (sandboxes.length + containers.length === 0) this.pods.delete(uid);
  }

  #next(): number {
    this.#serial += 1;
    return this.#serial;
  }
}

function notFound(what: string): CriError {
  return new CriError('CRI_NOT_FOUND', `${what} not found`, { method: 'MemoryPodRuntime' });
}

function logOf({ name, restartCount }: ContainerObservation): string {
  return `${name}/${restartCount}.log`;
}
