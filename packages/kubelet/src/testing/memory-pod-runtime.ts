import type { Clock } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import {
  effectiveResources,
  findContainer,
  isStartError,
  type PodEvents,
  type PodObservation,
  type PodRuntime,
  podUid,
  type ResizePodRequest,
  resourcesOf,
  type RuntimePod,
  type RuntimeView,
  type StartContainerRequest,
  StartError,
  type StopContainerRequest,
} from '../pod/index.js';
import type { ResourceRecords } from '../resize/run/index.js';
import { HeldPods, KILLED } from './held-pods.js';

type Verb =
  | 'observe'
  | 'create-sandbox'
  | 'start'
  | 'stop'
  | 'resize'
  | 'stop-sandbox'
  | 'remove'
  | 'remove-sandbox';

/** Behaviour of a container once it is started. */
export interface MemoryBehaviour {
  /** Exits with this code right after its start. */
  readonly exitsAtOnceWith?: number;
  /** Ignores the stop signal and runs until it is killed. */
  readonly ignoresStop?: boolean;
  /** Exit code after the stop signal; default 0. */
  readonly stopExitCode?: number;
  /** The start fails: the image or the program is missing, or the postStart hook fails. */
  readonly startFails?: 'image' | 'program' | 'hook';
}

/** Shortest time between the stop signal and SIGKILL, whatever the grace period. */
const LEAST_GRACE_MS = 2000;
const RELIST_MS = 1000;

/**
 * A container runtime in memory, together with a `RuntimeView` of it that caches nothing. Passes the
 * same contract suite as containerd. Only grace periods and preStop hooks of kind `sleep` take time,
 * measured by the clock; other hooks do not run.
 */
export class MemoryPodRuntime implements PodRuntime, RuntimeView {
  /** Every call except `observe`, in order: `start app`, `stop app 30`, `create-sandbox 0`. */
  readonly calls: string[] = [];
  /** By container name. */
  readonly behaviour = new Map<string, MemoryBehaviour>();
  /** Runs before each call; may delay it, or throw to make it fail. */
  onCall: ((verb: Verb, subject: string, signal: AbortSignal) => void | Promise<void>) | undefined;
  /**
   * Runs after each call has had its effect, and in a start after the container is created; may throw
   * to make the call fail anyway, as when the runtime's answer is lost.
   */
  onDone: ((verb: Verb | 'create', subject: string) => void) | undefined;
  unhealthy: string | undefined;
  /** Receives the events of containers; none by default. */
  events: PodEvents | undefined;
  /** Records the resources that containers were given. */
  records: Pick<ResourceRecords, 'setActuated'> | undefined;
  readonly #clock: Clock;
  readonly #held: HeldPods;
  readonly #listeners = new Set<(podUid: string) => void>();
  /** Uids of pods that changed after they were last observed or reported. */
  readonly #changed = new Set<string>();
  #wasListed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#held = new HeldPods(clock);
  }

  async onChange(listener: (podUid: string) => void, signal: AbortSignal): Promise<void> {
    this.#listeners.add(listener);
    while (!signal.aborted) {
      this.#wasListed = true;
      this.#report();
      await this.#clock.sleep(RELIST_MS, signal);
    }
    this.#listeners.delete(listener);
  }

  unhealthyReason(): string | undefined {
    return this.unhealthy ?? (this.#wasListed ? undefined : 'pleg has yet to be successful');
  }

  /** Adds a pod as another kubelet would have left it. */
  seed(pod: Pod, seen: Pick<PodObservation, 'sandboxes' | 'containers'>): void {
    const held = this.#held.of(pod);
    held.sandboxes = [...seen.sandboxes];
    held.containers = [...seen.containers];
    this.#changed.add(podUid(pod));
  }

  /** Ends the newest container of the name. */
  exit(uid: string, name: string, exitCode: number, message = ''): void {
    const container = this.#held.observe(uid).containers.find((each) => each.name === name);
    if (container === undefined) throw new Error(`no container ${name} in pod ${uid}`);
    this.#held.end(container.id, { exitCode, message });
    this.#changed.add(uid);
    this.#report();
  }

  /** Kills the process of the newest sandbox, and containers that share its process namespace. */
  loseSandbox(uid: string): void {
    const [newest] = this.#held.observe(uid).sandboxes;
    if (newest === undefined) throw new Error(`no sandbox of pod ${uid}`);
    this.#held.killSandbox(newest.id);
    this.#changed.add(uid);
    this.#report();
  }

  /** Log files of a pod, including those of removed containers: `app/0.log`, sorted. */
  logs(uid: string): readonly string[] {
    return this.#held.logs(uid);
  }

  async observe(uid: string, signal: AbortSignal): Promise<PodObservation> {
    await this.onCall?.('observe', uid, signal);
    signal.throwIfAborted();
    this.#changed.delete(uid);
    return this.#held.observe(uid);
  }

  async listPods(signal: AbortSignal): Promise<readonly RuntimePod[]> {
    signal.throwIfAborted();
    return [...this.#held.pods.values()].map(({ uid, namespace, name, sandboxes, containers }) => ({
      uid,
      namespace,
      name,
      running:
        sandboxes.some(({ ready }) => ready) ||
        containers.some(({ state }) => state.kind === 'running'),
    }));
  }

  async createSandbox(pod: Pod, attempt: number, signal: AbortSignal): Promise<string> {
    const subject = String(attempt);
    await this.#enter('create-sandbox', subject, signal);
    const id = this.#held.addSandbox(pod, attempt);
    this.#leave('create-sandbox', subject, podUid(pod));
    return id;
  }

  async startContainer(request: StartContainerRequest, signal: AbortSignal): Promise<string> {
    try {
      return await this.#start(request, signal);
    } catch (error) {
      const { pod, name } = request;
      if (isStartError(error) && findContainer(pod, name) !== undefined) {
        const isHook = error.reason === 'PostStartHookError';
        this.events?.warning(pod, isHook ? 'FailedPostStartHook' : 'Failed', error.message, name);
      }
      throw error;
    }
  }

  async #start(request: StartContainerRequest, signal: AbortSignal): Promise<string> {
    const { pod, name, sandboxId } = request;
    const { startFails, exitsAtOnceWith } = this.behaviour.get(name) ?? {};
    await this.#enter('start', name, signal);
    this.#held.needSandbox(sandboxId);
    if (startFails === 'image') throw new StartError('ErrImageNeverPull', 'no such image');
    const spec = findContainer(pod, name)?.spec;
    if (spec !== undefined) {
      this.records?.setActuated(podUid(pod), name, effectiveResources(pod, spec));
    }
    const id = this.#held.addContainer(request);
    this.#leave('create', name, podUid(pod));
    this.events?.normal(pod, 'Created', 'Container created', name);
    if (startFails === 'program') {
      this.#held.refuse(id);
      throw new StartError('RunContainerError', 'no such program');
    }
    this.#held.start(id);
    if (exitsAtOnceWith !== undefined) this.#held.end(id, { exitCode: exitsAtOnceWith });
    this.#leave('start', name, podUid(pod));
    this.events?.normal(pod, 'Started', 'Container started', name);
    if (startFails === 'hook') {
      this.events?.normal(pod, 'Killing', 'FailedPostStartHook', name);
      await this.#endOf(id, name, LEAST_GRACE_MS, signal);
      throw new StartError('PostStartHookError', 'the hook failed');
    }
    return id;
  }

  async stopContainer(request: StopContainerRequest, signal: AbortSignal): Promise<void> {
    const { containerId: id, name, graceSeconds, pod, preStop, turn, why } = request;
    await this.#enter('stop', `${name} ${graceSeconds}`, signal);
    if (pod !== undefined) this.events?.normal(pod, 'Killing', why, name);
    const endMs = this.#clock.monotonicMs() + graceSeconds * 1000;
    const leftMs = (): number => endMs - this.#clock.monotonicMs();
    const hook = pod && findContainer(pod, name)?.spec.lifecycle?.preStop?.sleep;
    if (preStop && hook !== undefined) {
      await this.#clock.sleep(Math.min(hook.seconds * 1000, leftMs()), signal);
    }
    if (turn !== undefined && leftMs() > 0) await this.#waitFor(turn, leftMs(), signal);
    signal.throwIfAborted();
    const uid = this.#held.find(id)?.uid;
    await this.#endOf(id, name, Math.max(LEAST_GRACE_MS, leftMs()), signal);
    if (uid !== undefined) this.#changed.add(uid);
    this.#leave('stop', name, uid);
  }

  async resizePod({ pod, memory, cpu }: ResizePodRequest, signal: AbortSignal): Promise<void> {
    const names = new Set([...memory, ...cpu].map(({ name }) => name));
    await this.#enter('resize', [...names].join(), signal);
    for (const { id, name, to } of [...memory, ...cpu]) {
      this.#held.needContainer(id);
      this.records?.setActuated(podUid(pod), name, resourcesOf(to));
    }
    this.#leave('resize', [...names].join(), podUid(pod));
  }

  async stopSandbox(sandboxId: string, signal: AbortSignal): Promise<void> {
    await this.#end('stop-sandbox', sandboxId, () => this.#held.stopSandbox(sandboxId), signal);
  }

  async removeContainer(
    containerId: string,
    logs: 'remove' | 'keep',
    signal: AbortSignal,
  ): Promise<void> {
    const remove = (): void => this.#held.removeContainer(containerId, logs);
    await this.#end('remove', containerId, remove, signal);
  }

  async removeSandbox(sandboxId: string, signal: AbortSignal): Promise<void> {
    const remove = (): void => this.#held.removeSandbox(sandboxId);
    await this.#end('remove-sandbox', sandboxId, remove, signal);
  }

  async #enter(verb: Verb, subject: string, signal: AbortSignal): Promise<void> {
    this.calls.push(`${verb} ${subject}`);
    await this.onCall?.(verb, subject, signal);
    signal.throwIfAborted();
  }

  /** The view reports the pod of a failed call; a successful one creates nothing unknown. */
  #leave(verb: Verb | 'create', subject: string, uid: string | undefined): void {
    try {
      this.onDone?.(verb, subject);
    } catch (error) {
      if (uid !== undefined) this.#changed.add(uid);
      throw error;
    }
  }

  async #end(verb: Verb, id: string, act: () => void, signal: AbortSignal): Promise<void> {
    await this.#enter(verb, id, signal);
    const uid = this.#held.find(id)?.uid;
    act();
    if (uid !== undefined) this.#changed.add(uid);
    this.#leave(verb, id, uid);
  }

  /** Sends the stop signal, and kills the container after the grace period. */
  async #endOf(id: string, name: string, graceMs: number, signal: AbortSignal): Promise<void> {
    const { ignoresStop = false, stopExitCode = 0 } = this.behaviour.get(name) ?? {};
    if (!ignoresStop) {
      this.#held.end(id, { exitCode: stopExitCode });
      return;
    }
    const life = this.#held.lifeOf(id);
    if (!life.aborted) await this.#clock.sleep(graceMs, AbortSignal.any([signal, life]));
    signal.throwIfAborted();
    this.#held.end(id, KILLED);
  }

  async #waitFor(turn: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const timer = this.#clock.sleep(ms, AbortSignal.any([signal, over.signal]));
    await Promise.race([turn, timer]);
    over.abort();
    await timer;
  }

  #report(): void {
    if (this.#listeners.size === 0) return;
    const uids = [...this.#changed];
    this.#changed.clear();
    for (const uid of uids) for (const listener of this.#listeners) listener(uid);
  }
}
