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
  type ReportedStates,
  snapshotOf,
  type StateComparison,
  statesOf,
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

/** Leaves room for CRI's prefix of each line, and for split lines. */
const LOG_READ_BYTES = 16 * LOG_MESSAGE_BYTES;

export interface ObserverPorts {
  readonly cri: RuntimeService;
  readonly files: MessageFiles;
  readonly clock: Clock;
  /** Containers may specify their stop signal, and statuses include it. */
  readonly stopSignals?: boolean | undefined;
}

/**
 * Observes pods by the two list calls. Details come from the status calls, which are made only for
 * changed objects. The start of a running container, the end of an exited one and the addresses of
 * a ready sandbox never change; they are kept while the lists show the object in that state.
 *
 * The lists are skipped if their result is known. Nothing exists of a pod that is newer than the
 * first list of the whole runtime until {@link changing} creates it, and an object that was just
 * created is inspected by itself. The next relist detects whatever ended in the meantime. A
 * relist's report on a pod that is being created is not a change ({@link compare}). This saves the
 * eight lists of a pod's start, a sixth of the kubelet's time for it.
 */
export class Observer {
  readonly #ports: ObserverPorts;
  readonly #pods = new Map<string, KnownPod>();
  /** Uids of the pods of which the runtime may have something. */
  readonly #there = new Set<string>();
  /**
   * By the pod's uid: the number of objects that are being created or observed for the first time.
   */
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
   * Makes a change to a pod. Every call that creates, stops or removes something goes through here.
   *
   * @param madeBy the only new object after a successful call; without it anything may have changed
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
   * Takes note of a list of all pods in the runtime. An unknown pod may come from the last call of
   * a killed kubelet. A pod that is not listed, has no observation and no change in progress no
   * longer exists.
   */
  holds(podUids: ReadonlySet<string>): void {
    for (const uid of podUids) this.#there.add(uid);
    for (const uid of this.#there) {
      if (!podUids.has(uid) && !this.#pods.has(uid)) this.#there.delete(uid);
    }
  }

  /** Something of the pod was added or changed: the next observation lists all of it. */
  noticed(podUid: string): void {
    this.#there.add(podUid);
    const known = this.#pods.get(podUid);
    if (known !== undefined) known.made = undefined;
  }

  /**
   * The pod has changed in a way that its state does not show; the next observation reads its
   * details again.
   */
  forget(podUid: string): void {
    this.#pods.delete(podUid);
  }

  /** The pod to which a sandbox or container last belonged. */
  podOf(id: string): string | undefined {
    for (const [uid, { sandboxes, containers }] of this.#pods) {
      if (sandboxes.has(id) || containers.has(id)) return uid;
    }
    return undefined;
  }

  /** Compares the runtime's report on a pod with the last observation. */
  compare(podUid: string, reported: ReportedStates): StateComparison {
    const known = this.#pods.get(podUid);
    if (known?.states === undefined) return compareStates(undefined, reported);
    const { states, made = [] } = known;
    const isGrowing = made.length > 0 || this.#underWay.has(podUid);
    return compareStates({ states, isGrowing }, reported);
  }

  async #lookFirst(signal: AbortSignal): Promise<void> {
    // shared by all workers, so no worker's signal may end it
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

  /** @returns undefined if an object is already gone, or if a full observation is needed */
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

  /** @returns its state as the runtime reports it; undefined if it is gone */
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
    // A sandbox whose process died keeps its addresses until it is stopped.
    const hasIps = known !== undefined && known.ips.length > 0;
    if (known?.ready === ready && (hasIps === ready || known.network === 'node')) return known;
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

  /** Requested once: a running runtime does not change its name. */
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
  /** The only new objects since the last observation; undefined if anything may have changed. */
  made: readonly Made[] | undefined;
}

/** @param certain true if the runtime certainly has nothing of the pod */
function nothingYet(certain: boolean): KnownPod {
  const [states, made] = certain ? [new Map<string, string>(), []] : [undefined, undefined];
  return { states, made, sandboxes: new Map(), containers: new Map() };
}

/** A sandbox gets its addresses shortly after it is ready. */
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
