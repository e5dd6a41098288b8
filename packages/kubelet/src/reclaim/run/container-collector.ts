import { type Clock, type Logger, runEvery } from '@nodeagent/base';
import {
  type Container,
  containerId,
  isCriError,
  type RuntimeService,
} from '@nodeagent/cri-client';
import type { NodeEvents } from '@nodeagent/node-status';

import { detailOf } from '../../images/run/index.js';
import {
  LABEL_CONTAINER_NAME,
  LABEL_POD_UID,
  type PodRuntime,
  type PodStanding,
} from '../../pod/index.js';
import { Gate } from '../../workers/run/index.js';
import type { ContainerGcPolicy, SeenContainer } from '../model/container-gc.js';
import { containerOfLink, containersToRemove, sandboxesToRemove } from '../plan/container-gc.js';
import type { LogLinks } from '../ports.js';

export interface ContainerCollectorPorts {
  readonly cri: Pick<RuntimeService, 'listContainers' | 'listPodSandbox' | 'containerStatus'>;
  readonly runtime: Pick<PodRuntime, 'stopContainer' | 'removeContainer' | 'removeSandbox'>;
  readonly links: LogLinks;
  readonly standing: (podUid: string) => PodStanding;
  readonly events: Pick<NodeEvents, 'warning'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @see Kubernetes 1.36 pkg/kubelet/kubelet.go, ContainerGCPeriod */
const PERIOD_MS = 60_000;
/** The least grace that a container gets. */
const KILL_SECONDS = 2;
const UNKNOWN = 'Container is in unknown state, try killing it before removal';

/**
 * Removes ended containers, unused sandboxes and the links of lost logs. Workers remove what their
 * own pod does not need; this keeps the limits of the whole node, and clears up after pods that have
 * ended. Nothing is remembered, so another kubelet continues a collection that was cut off.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_gc.go
 */
export class ContainerCollector {
  readonly #ports: ContainerCollectorPorts;
  readonly #policy: ContainerGcPolicy;
  /** Runs one collection at a time: two would remove the same containers. */
  readonly #turn = new Gate(1);

  constructor(ports: ContainerCollectorPorts, policy: ContainerGcPolicy) {
    this.#ports = ports;
    this.#policy = policy;
  }

  /** Collects at once and then every minute until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, events, log } = this.#ports;
    const task = (inner: AbortSignal): Promise<void> => this.#collect(false, inner);
    const onError = (err: unknown): void => {
      log.warn({ err }, 'container garbage collection failed');
      events.warning('ContainerGCFailed', detailOf(err));
    };
    await runEvery({ clock, periodMs: PERIOD_MS, task, onError }, signal);
  }

  /**
   * Collects for a node that is short of space: pods that have ended lose all their containers.
   *
   * @throws if the runtime or the links cannot be listed, after everything else was done
   */
  reclaim(signal: AbortSignal): Promise<void> {
    return this.#collect(true, signal);
  }

  #collect(underPressure: boolean, signal: AbortSignal): Promise<void> {
    return this.#turn.through(async () => {
      const failures: unknown[] = [];
      const steps = [
        () => this.#removeContainers(underPressure, signal),
        () => this.#removeSandboxes(underPressure, signal),
        () => this.#removeLinks(signal),
      ];
      for (const step of steps) {
        try {
          await step();
        } catch (error) {
          signal.throwIfAborted();
          failures.push(error);
        }
      }
      if (failures.length === 1) throw failures[0];
      if (failures.length > 1) {
        const texts = new Set(failures.map((failure) => detailOf(failure)));
        const text = texts.size === 1 ? [...texts].join('') : `[${[...texts].join(', ')}]`;
        throw new AggregateError(failures, text);
      }
    }, signal);
  }

  async #removeContainers(underPressure: boolean, signal: AbortSignal): Promise<void> {
    const { cri, runtime, standing, clock } = this.#ports;
    const seen = (await cri.listContainers({}, signal)).map(seenContainer);
    const rules = { standing, underPressure, nowMs: clock.nowMs() };
    for (const { id, name, state } of containersToRemove(seen, this.#policy, rules)) {
      await this.#remove('container', id, signal, async () => {
        if (state === 'unknown') {
          const grace = { graceSeconds: KILL_SECONDS, preStop: false };
          const request = { containerId: id, name, pod: undefined, ...grace, why: UNKNOWN };
          await runtime.stopContainer(request, signal);
        }
        await runtime.removeContainer(id, 'remove', signal);
      });
    }
  }

  async #removeSandboxes(underPressure: boolean, signal: AbortSignal): Promise<void> {
    const { cri, runtime, standing } = this.#ports;
    // Listed first: a container that is created meanwhile keeps its sandbox.
    const sandboxes = await cri.listPodSandbox({}, signal);
    const containers = await cri.listContainers({}, signal);
    const owners = new Set(containers.map(({ sandboxId }) => sandboxId));
    const seen = sandboxes.map(({ id, state, createdAtMs, labels }) => ({
      ...{ id, createdAtMs },
      podUid: labels[LABEL_POD_UID] ?? '',
      isInUse: state === 'ready' || owners.has(id),
    }));
    for (const { id } of sandboxesToRemove(seen, { standing, underPressure })) {
      await this.#remove('sandbox', id, signal, () => runtime.removeSandbox(id, signal));
    }
  }

  /** A failed removal is logged and tried again in the next collection. */
  async #remove(
    kind: string,
    id: string,
    signal: AbortSignal,
    act: () => Promise<void>,
  ): Promise<void> {
    const { log } = this.#ports;
    try {
      await act();
      log.info({ kind, id }, 'removed what no pod needs');
    } catch (err) {
      signal.throwIfAborted();
      log.warn({ kind, id, err }, 'cannot remove what no pod needs');
    }
  }

  async #removeLinks(signal: AbortSignal): Promise<void> {
    const { links } = this.#ports;
    for (const name of await links.dangling(signal)) {
      if (!(await this.#isWritten(name, signal))) await links.remove(name);
    }
  }

  /** A rotation renames a log before the runtime makes the next. @throws if the runtime is away */
  async #isWritten(name: string, signal: AbortSignal): Promise<boolean> {
    const id = containerOfLink(name);
    if (id === undefined) return false;
    try {
      const { state } = await this.#ports.cri.containerStatus(containerId(id), signal);
      return state !== 'exited';
    } catch (error) {
      signal.throwIfAborted();
      const isAway = isCriError(error, 'CRI_UNAVAILABLE') || isCriError(error, 'CRI_DEADLINE');
      if (isAway || !isCriError(error)) throw error;
      return false;
    }
  }
}

function seenContainer({ id, state, createdAtMs, labels }: Container): SeenContainer {
  const [podUid, name] = [labels[LABEL_POD_UID] ?? '', labels[LABEL_CONTAINER_NAME] ?? ''];
  return { id, podUid, name, state, createdAtMs };
}
