import type { Clock } from '@nodeagent/base';
import {
  type Container,
  containerId,
  type ContainerStatus,
  isCriError,
  type RuntimeService,
  type Sandbox,
  sandboxId,
} from '@nodeagent/cri-client';

import {
  type ContainerObservation,
  emptyObservation,
  LABEL_POD_UID,
  type PodObservation,
  type SandboxObservation,
} from '../../pod/index.js';
import { newestSandboxFirst, observedContainer, observedSandbox } from '../plan/observation.js';
import {
  compareStates,
  snapshotOf,
  type StateComparison,
  statesOf,
  type ToldStates,
} from '../plan/runtime-diff.js';
import {
  LOG_MESSAGE_BYTES,
  logTail,
  MESSAGE_FILE_BYTES,
  messageFile,
  terminationMessage,
  wantsLogsAsMessage,
} from '../plan/termination-message.js';
import type { Made, MessageFiles } from '../ports.js';

/** CRI's frame around each line, and lines that are cut. */
const LOG_READ_BYTES = 16 * LOG_MESSAGE_BYTES;

export interface ObserverPorts {
  readonly cri: RuntimeService;
  readonly files: MessageFiles;
  readonly clock: Clock;
  /** Containers may name their stop signal, and statuses tell it. */
  readonly stopSignals?: boolean | undefined;
}

/**
 * Sees pods by the two list calls. Details come from the status calls, which are made only for what
 * changed: a running container's start, an exited one's end and a ready sandbox's addresses stay as
 * they are, and are kept as long as the lists show the object in that state.
 *
 * Where it is known what the lists would tell beside that, they are not asked: of a pod that came
 * after the first look at the whole runtime there is nothing before {@link changing} made it, and what
 * was just made is looked at by itself. What ends meanwhile the next relist finds; what a relist sees
 * of a pod that is being made is no news ({@link compare}). Of the eight lists that a start took none
 * is left; all but one or two of them had been a sixth of the kubelet's time for it.
 */
export class Observer {
  readonly #ports: ObserverPorts;
  readonly #pods = new Map<string, KnownPod>();
  /** Uids of which the runtime may hold something. */
  readonly #there = new Set<string>();
  /** How many things are being made, or looked at for the first time, by the pod's uid. */
  readonly #underWay = new Map<string, number>();
  #firstLook: Promise<void> | undefined;
  #runtimeName: string | undefined;

  constructor(ports: ObserverPorts) {
    this.#ports = ports;
  }

  async observe(podUid: string, signal: AbortSignal): Promise<PodObservation> {
    await this.#lookFirst(signal);
    if (!this.#there.has(podUid)) return emptyObservation(this.#ports.clock.nowMs());
    const known = this.#pods.get(podUid);
    const made = known?.made ?? [];
    const seen =
      known === undefined || made.length === 0
        ? undefined
        : await this.#growing(podUid, () => this.#observeMade(known, made, signal));
    return seen ?? this.#observeAll(podUid, signal);
  }

  /**
   * Does something to a pod. Everything that is made, stopped or removed has to pass here.
   *
   * @param madeBy what is new when it worked, and all that is; without it anything may have changed
   */
  async changing<T>(
    podUid: string,
    act: () => Promise<T>,
    madeBy?: (result: T) => Made,
  ): Promise<T> {
    const isNew = this.#firstLook !== undefined && !this.#there.has(podUid);
    const known = this.#pods.get(podUid) ?? nothingYet(isNew);
    this.#pods.set(podUid, known);
    this.#there.add(podUid);
    const before = known.made;
    known.made = undefined;
    if (madeBy === undefined) return act();
    return this.#growing(podUid, async () => {
      const result = await act();
      if (before !== undefined) known.made = [...before, madeBy(result)];
      return result;
    });
  }

  /**
   * The runtime was asked for all of its pods. One that is not known may be of a killed kubelet's last
   * call; one that is not among them, and that nothing was seen of or is done to, is over.
   */
  holds(podUids: ReadonlySet<string>): void {
    for (const uid of podUids) this.#there.add(uid);
    for (const uid of this.#there) {
      if (!podUids.has(uid) && !this.#pods.has(uid)) this.#there.delete(uid);
    }
  }

  /** Something of the pod came or changed: the next observation asks for all of it. */
  noticed(podUid: string): void {
    this.#there.add(podUid);
    const known = this.#pods.get(podUid);
    if (known !== undefined) known.made = undefined;
  }

  /** Something of the pod has changed that does not show in its state: details are asked for anew. */
  forget(podUid: string): void {
    this.#pods.delete(podUid);
  }

  /** The pod that a sandbox or container was last seen of. */
  podOf(id: string): string | undefined {
    for (const [uid, { sandboxes, containers }] of this.#pods) {
      if (sandboxes.has(id) || containers.has(id)) return uid;
    }
    return undefined;
  }

  /** What the runtime tells of a pod, against the last observation. */
  compare(podUid: string, told: ToldStates): StateComparison {
    const known = this.#pods.get(podUid);
    if (known?.states === undefined) return compareStates(undefined, told);
    const { states, made = [] } = known;
    const isGrowing = made.length > 0 || this.#underWay.has(podUid);
    return compareStates({ states, isGrowing }, told);
  }

  async #lookFirst(signal: AbortSignal): Promise<void> {
    // shared by all workers, so that it ends with none of them
    this.#firstLook ??= this.#findThere(new AbortController().signal).catch((error: unknown) => {
      this.#firstLook = undefined;
      throw error;
    });
    await this.#firstLook;
    signal.throwIfAborted();
  }

  async #findThere(signal: AbortSignal): Promise<void> {
    const { cri } = this.#ports;
    const [sandboxes, containers] = await Promise.all([
      cri.listPodSandbox({}, signal),
      cri.listContainers({}, signal),
    ]);
    for (const { uid } of snapshotOf(sandboxes, containers).values()) this.#there.add(uid);
  }

  async #growing<T>(podUid: string, work: () => Promise<T>): Promise<T> {
    this.#underWay.set(podUid, (this.#underWay.get(podUid) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#underWay.get(podUid) ?? 1) - 1;
      if (left > 0) this.#underWay.set(podUid, left);
      else this.#underWay.delete(podUid);
    }
  }

  async #observeAll(podUid: string, signal: AbortSignal): Promise<PodObservation> {
    const { cri, clock } = this.#ports;
    const observedAtMs = clock.nowMs();
    const labels = { [LABEL_POD_UID]: podUid };
    const [sandboxes, containers] = await Promise.all([
      cri.listPodSandbox({ labels }, signal),
      cri.listContainers({ labels }, signal),
    ]);
    if (sandboxes.length + containers.length === 0) {
      this.#pods.delete(podUid);
      this.#there.delete(podUid);
      return emptyObservation(observedAtMs);
    }
    const before = this.#pods.get(podUid);
    const [seenSandboxes, seenContainers] = await Promise.all([
      Promise.all(sandboxes.map((sandbox) => this.#sandbox(sandbox, before, signal))),
      Promise.all(containers.map((container) => this.#container(container, before, signal))),
    ]);
    const known: KnownPod = {
      states: statesOf(snapshotOf(sandboxes, containers), podUid),
      sandboxes: byId(seenSandboxes.flatMap(present)),
      containers: byId(seenContainers.flatMap(present)),
      made: [],
    };
    this.#pods.set(podUid, isSettled(known) ? known : { ...known, states: undefined });
    return observationOf(known, observedAtMs);
  }

  /** @returns nothing when something of it is gone already, or more has to be seen */
  async #observeMade(
    known: KnownPod,
    made: readonly Made[],
    signal: AbortSignal,
  ): Promise<PodObservation | undefined> {
    known.made = undefined;
    const observedAtMs = this.#ports.clock.nowMs();
    if (known.states === undefined) return undefined;
    const states = new Map(known.states);
    for (const each of made) {
      const state = await this.#see(each, known, signal);
      if (state === undefined) return undefined;
      states.set(each.id, state);
    }
    if (!isSettled(known)) return undefined;
    known.states = states;
    known.made = [];
    return observationOf(known, observedAtMs);
  }

  /** @returns its state in the runtime's words; nothing when it is gone */
  async #see(made: Made, known: KnownPod, signal: AbortSignal): Promise<string | undefined> {
    const { cri } = this.#ports;
    if (made.kind === 'sandbox') {
      const status = await orGone(cri.podSandboxStatus(sandboxId(made.id), signal));
      if (status !== undefined) known.sandboxes.set(made.id, observedSandbox(status, status));
      return status?.state;
    }
    const status = await orGone(cri.containerStatus(containerId(made.id), signal));
    if (status === undefined) return undefined;
    const listed = { ...status, sandboxId: sandboxId(made.sandboxId) };
    known.containers.set(made.id, await this.#observed(listed, status, signal));
    return status.state;
  }

  async #sandbox(
    sandbox: Sandbox,
    before: KnownPod | undefined,
    signal: AbortSignal,
  ): Promise<SandboxObservation | undefined> {
    const known = before?.sandboxes.get(sandbox.id);
    const ready = sandbox.state === 'ready';
    const settled =
      known?.ready === ready && (!ready || known.ips.length > 0 || known.network === 'node');
    if (settled) return known;
    const status = await orGone(this.#ports.cri.podSandboxStatus(sandbox.id, signal));
    return status === undefined ? undefined : observedSandbox(sandbox, status);
  }

  async #container(
    container: Container,
    before: KnownPod | undefined,
    signal: AbortSignal,
  ): Promise<ContainerObservation | undefined> {
    const known = before?.containers.get(container.id);
    const final = container.state === 'running' || container.state === 'exited';
    if (final && known?.state.kind === container.state) return known;
    const status = await orGone(this.#ports.cri.containerStatus(container.id, signal));
    return status === undefined ? undefined : this.#observed(container, status, signal);
  }

  async #observed(
    container: Container,
    status: ContainerStatus,
    signal: AbortSignal,
  ): Promise<ContainerObservation> {
    const [runtimeName, message] = await Promise.all([
      this.#name(signal),
      status.state === 'exited' ? this.#message(status) : '',
    ]);
    const { stopSignals } = this.#ports;
    return observedContainer(container, status, { runtimeName, message, stopSignals });
  }

  async #message(status: ContainerStatus): Promise<string> {
    const { files } = this.#ports;
    const file = messageFile(status);
    let text = '';
    try {
      if (file !== undefined) text = await files.readTail(file, MESSAGE_FILE_BYTES, 'refused');
    } catch (error) {
      const why = messageOf(error);
      return terminationMessage(status, `Error on reading termination log ${file}: ${why}`);
    }
    if (!wantsLogsAsMessage(status, text)) return terminationMessage(status, text);
    try {
      // With cri-dockerd a log is a link to Docker's own.
      const log = await files.readTail(status.logPath, LOG_READ_BYTES, 'followed');
      return terminationMessage(status, logTail(log));
    } catch (error) {
      const why = messageOf(error);
      return terminationMessage(status, `Error on reading termination message from logs: ${why}`);
    }
  }

  /** Asked once: a runtime does not change its name while it runs. */
  async #name(signal: AbortSignal): Promise<string> {
    this.#runtimeName ??= (await this.#ports.cri.version(signal)).runtimeName;
    return this.#runtimeName;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface KnownPod {
  states: ReadonlyMap<string, string> | undefined;
  readonly sandboxes: Map<string, SandboxObservation>;
  readonly containers: Map<string, ContainerObservation>;
  /** New since the last observation, and all that is; undefined when anything may have changed. */
  made: readonly Made[] | undefined;
}

/** @param certain whether it is known that the runtime holds nothing of the pod */
function nothingYet(certain: boolean): KnownPod {
  const [states, made] = certain ? [new Map<string, string>(), []] : [undefined, undefined];
  return { states, made, sandboxes: new Map(), containers: new Map() };
}

/** A sandbox has its addresses a moment after it is ready. */
function isSettled({ sandboxes }: KnownPod): boolean {
  return [...sandboxes.values()].every(
    ({ ready, ips, network }) => !ready || ips.length > 0 || network === 'node',
  );
}

function observationOf({ sandboxes, containers }: KnownPod, observedAtMs: number): PodObservation {
  const newestFirst = [...sandboxes.values()].sort(newestSandboxFirst);
  const [newest] = newestFirst;
  return {
    sandboxes: newestFirst,
    containers: [...containers.values()].sort((a, b) => b.createdAtMs - a.createdAtMs),
    podIps: newest?.ready === true ? newest.ips : [],
    observedAtMs,
  };
}

function byId<T extends { readonly id: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.id, item]));
}

function present<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

async function orGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isCriError(error, 'CRI_NOT_FOUND')) return undefined;
    throw error;
  }
}
