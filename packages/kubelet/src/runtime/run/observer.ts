import type { Clock } from '@nodeagent/base';
import {
  type Container,
  type ContainerStatus,
  isCriError,
  type RuntimeService,
  type Sandbox,
} from '@nodeagent/cri-client';

import {
  type ContainerObservation,
  emptyObservation,
  type PodObservation,
  type SandboxObservation,
} from '../../pods/index.js';
import { LABEL_POD_UID } from '../model/labels.js';
import { newestSandboxFirst, observedContainer, observedSandbox } from '../plan/observation.js';
import { snapshotOf, statesOf } from '../plan/runtime-diff.js';
import {
  LOG_MESSAGE_BYTES,
  logTail,
  MESSAGE_FILE_BYTES,
  messageFile,
  terminationMessage,
  wantsLogsAsMessage,
} from '../plan/termination-message.js';
import type { PodFiles } from '../ports.js';

/** CRI's frame around each line, and lines that are cut. */
const LOG_READ_BYTES = 16 * LOG_MESSAGE_BYTES;

export interface ObserverPorts {
  readonly cri: RuntimeService;
  readonly files: Pick<PodFiles, 'readTail'>;
  readonly clock: Clock;
}

/**
 * Sees pods by the two list calls. Details come from the status calls, which are made only for what
 * changed: a running container's start, an exited one's end and a ready sandbox's addresses stay as
 * they are, and are kept as long as the lists show the object in that state.
 */
export class Observer {
  readonly #ports: ObserverPorts;
  readonly #pods = new Map<string, KnownPod>();
  #runtimeName: string | undefined;

  constructor(ports: ObserverPorts) {
    this.#ports = ports;
  }

  async observe(podUid: string, signal: AbortSignal): Promise<PodObservation> {
    const { cri, clock } = this.#ports;
    const observedAtMs = clock.nowMs();
    const labels = { [LABEL_POD_UID]: podUid };
    const [sandboxes, containers] = await Promise.all([
      cri.listPodSandbox({ labels }, signal),
      cri.listContainers({ labels }, signal),
    ]);
    if (sandboxes.length + containers.length === 0) {
      this.#pods.delete(podUid);
      return emptyObservation(observedAtMs);
    }
    const before = this.#pods.get(podUid);
    const [seenSandboxes, seenContainers] = await Promise.all([
      Promise.all(sandboxes.map((sandbox) => this.#sandbox(sandbox, before, signal))),
      Promise.all(containers.map((container) => this.#container(container, before, signal))),
    ]);
    const newestFirst = seenSandboxes.flatMap(present).sort(newestSandboxFirst);
    const all = seenContainers.flatMap(present).sort((a, b) => b.createdAtMs - a.createdAtMs);
    const isSettled = newestFirst.every(
      ({ ready, ips, network }) => !ready || ips.length > 0 || network === 'node',
    );
    this.#pods.set(podUid, {
      states: isSettled ? statesOf(snapshotOf(sandboxes, containers), podUid) : undefined,
      sandboxes: new Map(newestFirst.map((seen) => [seen.id, seen])),
      containers: new Map(all.map((seen) => [seen.id, seen])),
    });
    const [newest] = newestFirst;
    const podIps = newest?.ready === true ? newest.ips : [];
    return { sandboxes: newestFirst, containers: all, podIps, observedAtMs };
  }

  /** States by id as the last observation of the pod found them; undefined when more is to come. */
  lastSeen(podUid: string): ReadonlyMap<string, string> | undefined {
    return this.#pods.get(podUid)?.states;
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
    const [status, runtimeName] = await Promise.all([
      orGone(this.#ports.cri.containerStatus(container.id, signal)),
      this.#name(signal),
    ]);
    if (status === undefined) return undefined;
    const message = status.state === 'exited' ? await this.#message(status) : '';
    return observedContainer(container, status, { runtimeName, message });
  }

  async #message(status: ContainerStatus): Promise<string> {
    const { files } = this.#ports;
    const file = messageFile(status);
    const text = file === undefined ? '' : await files.readTail(file, MESSAGE_FILE_BYTES);
    if (!wantsLogsAsMessage(status, text)) return terminationMessage(status, text);
    const log = await files.readTail(status.logPath, LOG_READ_BYTES);
    return terminationMessage(status, logTail(log));
  }

  /** Asked once: a runtime does not change its name while it runs. */
  async #name(signal: AbortSignal): Promise<string> {
    this.#runtimeName ??= (await this.#ports.cri.version(signal)).runtimeName;
    return this.#runtimeName;
  }
}

interface KnownPod {
  readonly states: ReadonlyMap<string, string> | undefined;
  readonly sandboxes: ReadonlyMap<string, SandboxObservation>;
  readonly containers: ReadonlyMap<string, ContainerObservation>;
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
