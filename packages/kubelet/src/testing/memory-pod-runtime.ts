import type { Clock } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import {
  type ContainerObservation,
  containerSpecHash,
  effectiveResources,
  findContainer,
  isHostNetwork,
  podName,
  podNamespace,
  type PodObservation,
  type PodRuntime,
  podUid,
  type ResizePodRequest,
  resourcesOf,
  type RuntimePod,
  type RuntimeView,
  type SandboxObservation,
  type StartContainerRequest,
  type StopContainerRequest,
} from '../pod/index.js';
import type { ResourceRecords } from '../resize/run/index.js';

type Verb =
  | 'observe'
  | 'create-sandbox'
  | 'start'
  | 'stop'
  | 'resize'
  | 'stop-sandbox'
  | 'remove'
  | 'remove-sandbox';

interface Held {
  readonly namespace: string;
  readonly name: string;
  sandboxes: SandboxObservation[];
  containers: ContainerObservation[];
}

/** How a container behaves that is started. */
export interface MemoryBehaviour {
  /** Ends with this code as soon as it has started. */
  readonly exitsAtOnceWith?: number;
  /** Goes on after the stop signal, until it is killed. */
  readonly ignoresStop?: boolean;
}

/**
 * A container runtime in memory, and the view of it, which remembers nothing. Calls take no time but
 * for grace periods, which the clock counts.
 */
export class MemoryPodRuntime implements PodRuntime, RuntimeView {
  /** Every call but `observe`, in order: `start app`, `stop app 30`, `create-sandbox 0`. */
  readonly calls: string[] = [];
  /** By container name. */
  readonly behaviour = new Map<string, MemoryBehaviour>();
  /** Runs before each call: may delay it, or throw what it shall fail with. */
  onCall: ((verb: Verb, subject: string, signal: AbortSignal) => void | Promise<void>) | undefined;
  unhealthy: string | undefined;
  /** Where it is kept what containers were given. */
  records: Pick<ResourceRecords, 'setActuated'> | undefined;
  readonly #clock: Clock;
  readonly #pods = new Map<string, Held>();
  #onChange: ((podUid: string) => void) | undefined;
  #serial = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async onChange(listener: (podUid: string) => void, signal: AbortSignal): Promise<void> {
    this.#onChange = listener;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.#onChange = undefined;
  }

  unhealthyReason(): string | undefined {
    return this.unhealthy;
  }

  /** Puts a pod there as another kubelet left it. */
  seed(pod: Pod, seen: Pick<PodObservation, 'sandboxes' | 'containers'>): void {
    const held = this.#held(pod);
    held.sandboxes = [...seen.sandboxes];
    held.containers = [...seen.containers];
  }

  /** The newest container of the name ends by itself. */
  exit(uid: string, name: string, exitCode: number): void {
    const container = this.#pods.get(uid)?.containers.find((each) => each.name === name);
    if (container === undefined) throw new Error(`no container ${name} in pod ${uid}`);
    this.#end(container.id, exitCode);
    this.#onChange?.(uid);
  }

  /** The newest sandbox dies with all that runs in it. */
  loseSandbox(uid: string): void {
    const held = this.#pods.get(uid);
    for (const { id, state } of held?.containers ?? [])
      if (state.kind === 'running') this.#end(id, 137);
    const [newest, ...older] = held?.sandboxes ?? [];
    if (held !== undefined && newest !== undefined)
      held.sandboxes = [{ ...newest, ready: false }, ...older];
    this.#onChange?.(uid);
  }

  async observe(uid: string, signal: AbortSignal): Promise<PodObservation> {
    await this.onCall?.('observe', uid, signal);
    signal.throwIfAborted();
    const { sandboxes = [], containers = [] } = this.#pods.get(uid) ?? {};
    const podIps = sandboxes[0]?.ready === true ? sandboxes[0].ips : [];
    return {
      sandboxes: [...sandboxes],
      containers: [...containers],
      podIps,
      observedAtMs: this.#clock.nowMs(),
    };
  }

  async listPods(signal: AbortSignal): Promise<readonly RuntimePod[]> {
    signal.throwIfAborted();
    return [...this.#pods].map(([uid, { namespace, name, sandboxes, containers }]) => ({
      uid,
      namespace,
      name,
      running:
        sandboxes.some(({ ready }) => ready) ||
        containers.some(({ state }) => state.kind === 'running'),
    }));
  }

  async createSandbox(pod: Pod, attempt: number, signal: AbortSignal): Promise<string> {
    await this.#enter('create-sandbox', String(attempt), signal);
    const id = `sandbox-${this.#next()}`;
    const host = isHostNetwork(pod);
    this.#held(pod).sandboxes.unshift({
      id,
      attempt,
      ready: true,
      createdAtMs: this.#clock.nowMs(),
      network: host ? 'node' : 'pod',
      ips: host ? [] : [`10.1.0.${this.#serial}`],
    });
    return id;
  }

  async startContainer(request: StartContainerRequest, signal: AbortSignal): Promise<string> {
    const { pod, name, sandboxId, restartCount } = request;
    await this.#enter('start', name, signal);
    const spec = findContainer(pod, name)?.spec;
    if (spec === undefined) throw new Error(`no container ${name} in the spec`);
    this.records?.setActuated(podUid(pod), name, effectiveResources(pod, spec));
    const id = `${name}-${this.#next()}`;
    const nowMs = this.#clock.nowMs();
    this.#held(pod).containers.unshift({
      id,
      sandboxId,
      name,
      createdAtMs: nowMs,
      restartCount,
      specHash: containerSpecHash(spec),
      image: spec.image ?? '',
      imageRef: `sha256:${name}`,
      runtimeName: 'containerd',
      state: { kind: 'running', startedAtMs: nowMs },
    });
    const code = this.behaviour.get(name)?.exitsAtOnceWith;
    if (code !== undefined) this.#end(id, code);
    return id;
  }

  async stopContainer(request: StopContainerRequest, signal: AbortSignal): Promise<void> {
    const { containerId, name, graceSeconds, turn } = request;
    await this.#enter('stop', `${name} ${graceSeconds}`, signal);
    await turn;
    if (this.behaviour.get(name)?.ignoresStop !== true) return this.#end(containerId, 0);
    await this.#clock.sleep(graceSeconds * 1000, signal);
    signal.throwIfAborted();
    return this.#end(containerId, 137);
  }

  async resizePod({ pod, memory, cpu }: ResizePodRequest, signal: AbortSignal): Promise<void> {
    const names = new Set([...memory, ...cpu].map(({ name }) => name));
    await this.#enter('resize', [...names].join(), signal);
    for (const { name, to } of [...memory, ...cpu]) {
      this.records?.setActuated(podUid(pod), name, resourcesOf(to));
    }
  }

  async stopSandbox(sandboxId: string, signal: AbortSignal): Promise<void> {
    await this.#enter('stop-sandbox', sandboxId, signal);
    for (const held of this.#pods.values()) {
      held.sandboxes = held.sandboxes.map((sandbox) =>
        sandbox.id === sandboxId ? { ...sandbox, ready: false } : sandbox,
      );
    }
  }

  async removeContainer(
    containerId: string,
    _logs: 'remove' | 'keep',
    signal: AbortSignal,
  ): Promise<void> {
    await this.#enter('remove', containerId, signal);
    for (const held of this.#pods.values()) {
      held.containers = held.containers.filter(({ id }) => id !== containerId);
    }
  }

  async removeSandbox(sandboxId: string, signal: AbortSignal): Promise<void> {
    await this.#enter('remove-sandbox', sandboxId, signal);
    for (const [uid, held] of this.#pods) {
      held.sandboxes = held.sandboxes.filter(({ id }) => id !== sandboxId);
      if (held.sandboxes.length + held.containers.length === 0) this.#pods.delete(uid);
    }
  }

  async #enter(verb: Verb, subject: string, signal: AbortSignal): Promise<void> {
    this.calls.push(`${verb} ${subject}`);
    await this.onCall?.(verb, subject, signal);
    signal.throwIfAborted();
  }

  #held(pod: Pod): Held {
    const uid = podUid(pod);
    const held = this.#pods.get(uid) ?? {
      namespace: podNamespace(pod),
      name: podName(pod),
      sandboxes: [],
      containers: [],
    };
    this.#pods.set(uid, held);
    return held;
  }

  #next(): number {
    this.#serial += 1;
    return this.#serial;
  }

  #end(id: string, exitCode: number): void {
    for (const held of this.#pods.values()) {
      held.containers = held.containers.map((container) => {
        if (container.id !== id || container.state.kind === 'exited') return container;
        const startedAtMs =
          container.state.kind === 'running' ? container.state.startedAtMs : undefined;
        return {
          ...container,
          state: {
            kind: 'exited',
            startedAtMs,
            finishedAtMs: this.#clock.nowMs(),
            exitCode,
            reason: exitCode === 0 ? 'Completed' : 'Error',
            message: '',
          },
        };
      });
    }
  }
}
