import { type Clock, isAborted, type Logger, type Metrics } from '@nodeagent/base';
import type { NodeEvents } from '@nodeagent/node-status';

import {
  isCritical,
  type NodePressure,
  type PodEvents,
  podGraceSeconds,
  podName,
  podNamespace,
  podUid,
} from '../../pod/index.js';
import { SIGNALS } from '../model/signal.js';
import type { DiskLayout, MeasuredPodUse, NodeFigures } from '../model/snapshot.js';
import type { EvictionThreshold } from '../model/threshold.js';
import { type DueThreshold, isStillPressed, NO_HISTORY, planPass } from '../plan/pass.js';
import { rankPods } from '../plan/rank.js';
import { reclaimSteps } from '../plan/reclaim.js';
import { limitsStorage, storageExcess } from '../plan/storage-limits.js';
import { withLayerThresholds } from '../plan/thresholds.js';
import { EVICTED, type Eviction, thresholdEviction } from '../plan/verdict.js';
import type { EvictablePods, NodeGauge, NodeReclaim } from '../ports.js';
import { awaitCrossing } from './await-crossing.js';
import { createEvictionMeter, type EvictionMeter } from './eviction-meter.js';

export interface EvictionOptions {
  readonly thresholds: readonly EvictionThreshold[];
  /** `evictionPressureTransitionPeriod` */
  readonly transitionMs: number;
  /** `evictionMaxPodGracePeriod`, in seconds: limits the grace period at soft thresholds. */
  readonly maxGraceSeconds: number;
  /** `localStorageCapacityIsolation` */
  readonly limitsLocalStorage: boolean;
  readonly gauge: NodeGauge;
  /** CPUs that pods can keep busy: they bound how fast memory can run short. */
  readonly cpuCount: number;
  readonly reclaim: NodeReclaim;
  readonly events: PodEvents;
  readonly nodeEvents: Pick<NodeEvents, 'warning'>;
  /** Called when the node's conditions change. */
  readonly onPressure?: () => void;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

const PERIOD_MS = 10_000;
/** Pause after a crossing without an eviction: a figure may swing around its threshold. */
const CALM_MS = 1000;
const HARD_GRACE_S = 1;
/** Longest wait until nothing is left of an evicted pod. */
const CLEAN_UP_MS = 30_000;
const LOOK_MS = 1000;

/**
 * Keeps the node from running out of memory, disk space, inodes and processes: reports pressure,
 * removes what no pod uses, and ends one pod after another until the node has recovered.
 *
 * @see Kubernetes 1.36 pkg/kubelet/eviction/eviction_manager.go
 */
export class EvictionManager {
  readonly #options: EvictionOptions;
  readonly #meter: EvictionMeter;
  #history = NO_HISTORY;
  #figures: NodeFigures = new Map();
  #pressure: ReadonlySet<NodePressure> = new Set();
  #problem: string | undefined;

  constructor(options: EvictionOptions) {
    this.#options = options;
    this.#meter = createEvictionMeter(options.metrics);
  }

  /** The conditions that the node has now, in a fixed order. */
  pressure(): readonly NodePressure[] {
    return (['MemoryPressure', 'DiskPressure', 'PIDPressure'] as const).filter((name) =>
      this.#pressure.has(name),
    );
  }

  /**
   * Measures the node every ten seconds, at once after an eviction, and as soon as memory or
   * processes fall below a threshold.
   */
  async run(pods: EvictablePods, signal: AbortSignal): Promise<void> {
    let leastMs = 0;
    while (!signal.aborted) {
      let evicted = false;
      try {
        evicted = await this.#pass(pods, signal);
        this.#problem = undefined;
      } catch (err) {
        if (isAborted(signal)) return;
        this.#warn(err);
      }
      if (evicted) leastMs = 0;
      else leastMs = (await this.#rest(leastMs, signal)) === 'crossed' ? CALM_MS : 0;
    }
  }

  async #rest(leastMs: number, signal: AbortSignal): Promise<'crossed' | 'elapsed' | 'aborted'> {
    const { thresholds, gauge, clock, cpuCount } = this.#options;
    const found = { figures: this.#figures, history: this.#history };
    const onError = (err: unknown): void => this.#warn(err);
    const times = { leastMs, mostMs: PERIOD_MS, clock };
    return awaitCrossing({ thresholds, gauge, cpuCount, ...found, ...times, onError }, signal);
  }

  /** Once for each problem that lasts. */
  #warn(err: unknown): void {
    const problem = String(err);
    if (problem === this.#problem) return;
    this.#options.log.warn({ err }, 'cannot measure the node for evictions');
    this.#problem = problem;
  }

  /** @returns true if a pod was evicted */
  async #pass(pods: EvictablePods, signal: AbortSignal): Promise<boolean> {
    const { gauge, clock, transitionMs } = this.#options;
    const { figures, layout } = await gauge.node(signal);
    const thresholds = withLayerThresholds(this.#options.thresholds, layout);
    const nowMs = clock.nowMs();
    const pass = planPass({ thresholds, figures, history: this.#history, transitionMs, nowMs });
    this.#history = pass.history;
    this.#figures = figures;
    this.#show(pass.pressure);
    if (await this.#enforceLimits(pods, layout, signal)) return true;
    const [first, ...rest] = pass.due;
    if (first === undefined) return false;
    const { resource } = SIGNALS[first.signal];
    const told = `Attempting to reclaim ${resource}`;
    this.#options.nodeEvents.warning('EvictionThresholdMet', told);
    for (const { signal: of, observation } of pass.due) {
      this.#meter.acted(of, nowMs - (observation.atMs ?? nowMs));
    }
    if (await this.#reclaimed(first, { layout, thresholds }, signal)) return false;
    return this.#evictOne(pods, { due: [first, ...rest], layout }, signal);
  }

  #show(pressure: ReadonlySet<NodePressure>): void {
    const before = this.pressure().join();
    this.#pressure = pressure;
    const now = this.pressure().join();
    if (before === now) return;
    this.#options.log.info({ before, now }, 'pressure on the node has changed');
    this.#options.onPressure?.();
  }

  /** @returns true if the node has recovered without an eviction */
  async #reclaimed(
    { signal: of }: DueThreshold,
    {
      layout,
      thresholds,
    }: Readonly<{ layout: DiskLayout; thresholds: readonly EvictionThreshold[] }>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { reclaim, gauge, log } = this.#options;
    const steps = reclaimSteps(of, layout);
    if (steps.length === 0) return false;
    for (const step of steps) {
      try {
        await reclaim[step](signal);
      } catch (err) {
        signal.throwIfAborted();
        log.warn({ err, step }, 'cannot reclaim resources of the node');
      }
    }
    const { figures } = await gauge.node(signal);
    return !isStillPressed(thresholds, figures);
  }

  /** Ends the first pod that may be ended. */
  async #evictOne(
    pods: EvictablePods,
    {
      due,
      layout,
    }: Readonly<{ due: readonly [DueThreshold, ...DueThreshold[]]; layout: DiskLayout }>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { gauge, log, maxGraceSeconds } = this.#options;
    const [first] = due;
    const measured = await gauge.pods(pods.active(), signal);
    for (const { pod, figures } of rankPods(measured, first.signal, layout)) {
      if (isCritical(pod)) {
        log.info({ pod: nameOf(pod), signal: first.signal }, 'critical pod is not evicted');
        continue;
      }
      const own = podGraceSeconds(pod);
      const grace = first.graceMs === 0 ? HARD_GRACE_S : Math.min(maxGraceSeconds, own);
      const eviction = thresholdEviction(pod, figures, due);
      const planned = { pod, eviction, graceSeconds: grace, why: first.signal };
      await this.#evict(pods, planned, signal);
      return true;
    }
    log.warn({ signal: first.signal }, 'no pod can be evicted to relieve the node');
    return false;
  }

  /** Ends all pods that use more local storage than their limits allow. */
  async #enforceLimits(
    pods: EvictablePods,
    layout: DiskLayout,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { gauge, limitsLocalStorage } = this.#options;
    if (!limitsLocalStorage) return false;
    const limited = pods.active().filter((pod) => limitsStorage(pod) && !isCritical(pod));
    if (limited.length === 0) return false;
    let evicted = false;
    for (const { pod, figures } of await gauge.pods(limited, signal)) {
      const excess = figures && storageExcess(pod, figures, layout);
      if (excess === undefined) continue;
      const { message, signal: why } = excess;
      const eviction = { verdict: { reason: EVICTED, message }, annotations: {} };
      await this.#evict(pods, { pod, eviction, graceSeconds: HARD_GRACE_S, why }, signal);
      evicted = true;
    }
    return evicted;
  }

  async #evict(
    pods: EvictablePods,
    {
      pod,
      eviction: { verdict, annotations },
      graceSeconds,
      why,
    }: Readonly<{
      pod: MeasuredPodUse['pod'];
      eviction: Eviction;
      graceSeconds: number;
      why: string;
    }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { events, clock, log } = this.#options;
    log.info({ pod: nameOf(pod), signal: why, message: verdict.message.trim() }, 'evicting a pod');
    events.warning(pod, EVICTED, verdict.message, undefined, annotations);
    this.#meter.evicted(why);
    const uid = podUid(pod);
    await pods.evict(uid, verdict, Math.max(1, graceSeconds));
    // its disk space is free only when its volumes are gone; the next figures must not see them
    for (let waitedMs = 0; !pods.isGone(uid) && waitedMs < CLEAN_UP_MS; waitedMs += LOOK_MS) {
      if ((await clock.sleep(LOOK_MS, signal)) === 'aborted') return;
    }
  }
}

function nameOf(pod: MeasuredPodUse['pod']): Readonly<Record<string, string>> {
  return { namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) };
}
