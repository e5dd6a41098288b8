import { type Clock, isAborted, type Logger, type Metrics, runScope, Wake } from '@nodeagent/base';
import type { NodeEvents } from '@nodeagent/node-status';

import { podGraceSeconds, podName, podNamespace, podUid } from '../../pod/index.js';
import type { ShutdownPeriod } from '../model/shutdown-period.js';
import { type ShutdownGroup, shutdownGroups, totalSeconds } from '../plan/schedule.js';
import { SHUTDOWN_VERDICT } from '../plan/verdict.js';
import type { EndablePods, ShutdownStateFile, ShutdownWatch } from '../ports.js';
import { createShutdownRecord, type ShutdownRecord } from './shutdown-times.js';

export interface NodeShutdownOptions {
  /** Sorted by priority, not empty. */
  readonly schedule: readonly ShutdownPeriod[];
  readonly watch: ShutdownWatch;
  /** Undefined: the times of shutdowns are not kept. */
  readonly file: ShutdownStateFile | undefined;
  readonly nodeEvents: Pick<NodeEvents, 'normal'>;
  /** Called when a shutdown begins, and when it was cancelled. */
  readonly onChange: () => void;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Pauses between looks at a delay that is about to grow. */
const DELAY_LOOKS_MS = [0, 100, 200, 400, 800];
const LOOK_MS = 100;
const RETRY_MS = 1000;

/**
 * Ends the node's pods before the machine goes down, least important first, and holds the shutdown
 * up for as long as they need.
 *
 * @see Kubernetes 1.36 pkg/kubelet/nodeshutdown/nodeshutdown_manager_linux.go
 */
export class NodeShutdown {
  readonly #options: NodeShutdownOptions;
  readonly #record: ShutdownRecord | undefined;
  #isShuttingDown = false;
  #release: (() => Promise<void>) | undefined;

  constructor(options: NodeShutdownOptions) {
    this.#options = options;
    this.#record = options.file && createShutdownRecord({ ...options, file: options.file });
  }

  /** While true, no new pod is admitted and the node is not ready. */
  get isShuttingDown(): boolean {
    return this.#isShuttingDown;
  }

  /** Watches until the signal fires; then shutdowns no longer wait for this kubelet. */
  async run(pods: EndablePods, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    await this.#record?.load();
    let told = '';
    while (!isAborted(signal)) {
      try {
        await this.#raiseDelay(signal);
        await this.#watch(pods, signal);
      } catch (err) {
        if (isAborted(signal)) return;
        if (String(err) !== told) log.warn({ err }, 'cannot watch for shutdowns of the machine');
        told = String(err);
      } finally {
        await this.#unlock();
      }
      await clock.sleep(RETRY_MS, signal);
    }
  }

  /** Makes logind wait for long enough, if it does not yet. */
  async #raiseDelay(signal: AbortSignal): Promise<void> {
    const { watch, schedule, clock } = this.#options;
    const seconds = totalSeconds(schedule);
    let delayMs = await watch.longestDelayMs();
    if (delayMs >= seconds * 1000) return;
    await watch.raiseDelay(seconds);
    for (const waitMs of DELAY_LOOKS_MS) {
      await clock.sleep(waitMs, signal);
      signal.throwIfAborted();
      delayMs = await watch.longestDelayMs();
      if (delayMs >= seconds * 1000) return;
    }
    throw new Error(
      `node shutdown manager was timed out after ${DELAY_LOOKS_MS.length} attempts waiting for logind InhibitDelayMaxSec to update to ${seconds}s (ShutdownGracePeriod), current value is ${delayMs / 1000}s`,
    );
  }

  async #watch(pods: EndablePods, signal: AbortSignal): Promise<void> {
    const { watch, log } = this.#options;
    const waiting: boolean[] = [];
    const wake = new Wake();
    this.#release = await watch.lock();
    const follow = (inner: AbortSignal): Promise<void> =>
      watch.follow(
        (isShuttingDown) => {
          waiting.push(isShuttingDown);
          wake.wake();
        },
        () => log.info({}, 'shutdowns of the machine wait for pods'),
        inner,
      );
    const react = async (inner: AbortSignal): Promise<void> => {
      while (!isAborted(inner)) {
        const next = waiting.shift();
        if (next === undefined) await wake.wait(inner);
        else if (next) await this.#begin(pods, inner);
        else await this.#cancel();
      }
    };
    await runScope([follow, react], signal);
  }

  async #begin(pods: EndablePods, signal: AbortSignal): Promise<void> {
    const { schedule, log } = this.#options;
    this.#change(true, 'Shutdown manager detected shutdown event');
    try {
      await this.#record?.start();
      for (const group of shutdownGroups(schedule, pods.active())) {
        if (group.pods.length > 0) await this.#end(pods, group, signal);
      }
      await this.#record?.end();
    } finally {
      await this.#unlock();
    }
    log.info({}, 'pods have been ended: the machine goes down');
  }

  async #cancel(): Promise<void> {
    this.#change(false, 'Shutdown manager detected shutdown cancellation');
    await this.#unlock();
    this.#release = await this.#options.watch.lock();
  }

  #change(isShuttingDown: boolean, message: string): void {
    this.#isShuttingDown = isShuttingDown;
    this.#options.nodeEvents.normal('Shutdown', message);
    this.#options.onChange();
  }

  /** Ends the pods of a group at the same time; goes on without them when their time has passed. */
  async #end(
    pods: EndablePods,
    { pods: members, priority, seconds }: ShutdownGroup,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#options;
    const over = new AbortController();
    const inTime = AbortSignal.any([signal, over.signal]);
    const names = members.map((pod) => `${podNamespace(pod)}/${podName(pod)}`);
    log.info({ pods: names, priority, seconds }, 'ending pods for a shutdown');
    const ended = async (): Promise<'ended'> => {
      const ends = members.map(async (pod) => {
        const grace = Math.max(1, Math.min(podGraceSeconds(pod), seconds));
        await pods.evict(podUid(pod), SHUTDOWN_VERDICT, grace);
      });
      for (const end of await Promise.allSettled(ends)) {
        if (end.status === 'rejected') log.warn({ err: end.reason }, 'a pod cannot be ended');
      }
      while (!members.every((pod) => pods.isGone(podUid(pod)))) {
        if ((await clock.sleep(LOOK_MS, inTime)) === 'aborted') break;
      }
      return 'ended';
    };
    const outcome = await Promise.race([ended(), clock.sleep(seconds * 1000, inTime)]);
    over.abort();
    if (outcome === 'elapsed') log.warn({ pods: names, priority }, 'pods did not end in time');
  }

  async #unlock(): Promise<void> {
    const release = this.#release;
    this.#release = undefined;
    await release?.();
  }
}
