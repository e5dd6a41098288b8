import type { Clock, Logger, Metrics } from '@nodeagent/base';
import { parseTimestamp } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import {
  allocationOf,
  type FailureVerdict,
  isTerminalPhase,
  type PodAllocation,
  type PodEvents,
  type PodObservation,
  type PodResizes,
  podUid,
  RESIZE_IN_PROGRESS,
  RESIZE_PENDING,
  type ResizeCondition,
  type ResizeConditions,
  withAllocation,
} from '../../pod/index.js';
import { isResizing } from '../plan/plan-resize.js';
import { infeasibleResize, type ResizeRules } from '../plan/resize-limits.js';
import { compareWishes, type ResizeWish } from '../plan/resize-order.js';
import { resizeMessage } from '../render/resize-message.js';
import { createResizeMeter, type ResizeMeter } from './resize-metrics.js';
import type { ResourceRecords } from './resource-records.js';

/** The event that triggered a retry of the waiting resizes. */
export type RetryTrigger =
  | 'pods_added'
  | 'pods_removed'
  | 'pod_updated'
  | 'pod_terminated'
  | 'pod_resized'
  | 'periodic_retry';

export interface ResizesOptions {
  readonly records: ResourceRecords;
  readonly rules: ResizeRules;
  /** The newest copy in its source; undefined if the pod should no longer run. */
  readonly desired: (podUid: string) => Pod | undefined;
  /** The reason why the node has no room for the pod besides the others; undefined if it has. */
  readonly judge: (pod: Pod, signal: AbortSignal) => Promise<FailureVerdict | undefined>;
  /** Nothing is granted before all pods are known. */
  readonly synced: () => boolean;
  /** Called when the conditions or the allocation of a pod have changed. */
  readonly onChange: (podUid: string) => void;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
}

const FIRST_RETRY_MS = 30_000;
const RETRY_MS = 180_000;

/**
 * Resizes running pods. If the node has room for the resources in a changed spec, they are granted
 * and recorded before anything is done. Otherwise the resize waits until a pod ends or shrinks.
 *
 * @see Kubernetes 1.36 pkg/kubelet/allocation/allocation_manager.go
 */
export class Resizes implements PodResizes {
  readonly #options: ResizesOptions;
  readonly #meter: ResizeMeter | undefined;
  readonly #conditions = new Map<string, ResizeConditions>();
  /** Uids of pods that may request other resources than they have. */
  readonly #wishes = new Set<string>();
  #signal: AbortSignal | undefined;
  #retrying: Promise<void> | undefined;
  #again: RetryTrigger | undefined;
  #nextRetryMs = FIRST_RETRY_MS;

  constructor(options: ResizesOptions) {
    this.#options = options;
    this.#meter = options.metrics && createResizeMeter(options.metrics);
  }

  /** The pod with its allocation, as its worker sees it. */
  allocated(pod: Pod): Pod {
    return withAllocation(pod, this.#options.records.allocated(podUid(pod)));
  }

  actuated(uid: string): PodAllocation | undefined {
    return this.#options.records.actuated(uid);
  }

  conditions(uid: string): ResizeConditions {
    return this.#conditions.get(uid) ?? {};
  }

  /**
   * The pod is admitted, with its requested resources or with the allocation of an earlier kubelet.
   */
  admitted(allocated: Pod, desired: Pod): void {
    const uid = podUid(allocated);
    this.#options.records.setAllocated(uid, allocationOf(allocated));
    if (!this.#conditions.has(uid)) this.#set(uid, conditionsOf(desired));
    this.#wish(uid, desired);
    this.retry('pods_added');
  }

  /** An admitted pod has a newer copy. */
  changed(before: Pod, after: Pod): void {
    const uid = podUid(after);
    this.#meter?.requested(before, after);
    const { pending } = this.conditions(uid);
    if (this.#wish(uid, after)) {
      const isNew = pending?.generation !== after.metadata?.generation;
      if (pending?.reason !== 'Infeasible' || isNew) this.retry('pod_updated');
    } else if (pending !== undefined) {
      this.#set(uid, { ...this.conditions(uid), pending: undefined });
    }
  }

  /** Nothing of the pod runs any more. */
  ended(uid: string): void {
    this.#wishes.delete(uid);
    this.#set(uid, {});
    this.retry('pod_terminated');
  }

  /** Nothing of the pod is left on this node, and its source no longer has it. */
  forget(uid: string): void {
    this.#wishes.delete(uid);
    this.#set(uid, {});
    this.#options.records.forget(uid);
    this.retry('pods_removed');
  }

  /** Judges all waiting resizes in the background; safe to call at any time. */
  retry(trigger: RetryTrigger): void {
    const { synced, log } = this.#options;
    const signal = this.#signal;
    if (signal === undefined || signal.aborted || this.#wishes.size === 0 || !synced()) return;
    this.#nextRetryMs = RETRY_MS;
    if (this.#retrying !== undefined) {
      this.#again = trigger;
      return;
    }
    this.#retrying = this.#retryAll(trigger, signal)
      .catch((err: unknown) => {
        if (!signal.aborted) log.warn({ err }, 'waiting resizes not judged, will retry');
      })
      .finally(() => {
        this.#retrying = undefined;
        const again = this.#again;
        this.#again = undefined;
        if (again !== undefined) this.retry(again);
      });
  }

  /** Periodically retries the waiting resizes; runs until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    this.retry('pods_added');
    while ((await this.#options.clock.sleep(this.#nextRetryMs, signal)) === 'elapsed') {
      this.retry('periodic_retry');
    }
    await this.#retrying;
  }

  progress(pod: Pod, seen: PodObservation): void {
    const uid = podUid(pod);
    const conditions = this.conditions(uid);
    if (isTerminalPhase(pod.status?.phase)) return;
    if (isResizing(pod, seen, this.actuated(uid))) {
      if (conditions.inProgress !== undefined) return;
      this.#set(uid, { ...conditions, inProgress: this.#condition(pod, '', '') });
      return;
    }
    const { inProgress } = conditions;
    if (inProgress === undefined) return;
    this.#set(uid, { ...conditions, inProgress: undefined });
    const { generation } = inProgress;
    const text = resizeMessage(pod, 'Pod resize completed', { generation });
    this.#options.events.normal(pod, 'ResizeCompleted', text);
    this.retry('pod_resized');
  }

  failed(pod: Pod, error: string): void {
    const uid = podUid(pod);
    const conditions = this.conditions(uid);
    const { inProgress } = conditions;
    const { generation, sinceMs } = inProgress ?? this.#condition(pod, '', '');
    if (inProgress?.reason === 'Error' && inProgress.message === error) return;
    const failure = { reason: 'Error', message: error, generation, sinceMs };
    this.#set(uid, { ...conditions, inProgress: failure });
    const text = resizeMessage(pod, 'Pod resize error', { generation, error });
    this.#options.events.warning(pod, 'ResizeError', text);
  }

  /** @returns true if the pod requests other resources than it has */
  #wish(uid: string, desired: Pod): boolean {
    const wishes = this.allocated(desired) !== desired;
    if (wishes) this.#wishes.add(uid);
    else this.#wishes.delete(uid);
    return wishes;
  }

  async #retryAll(trigger: RetryTrigger, signal: AbortSignal): Promise<void> {
    const wishes = [...this.#wishes].flatMap((uid): readonly ResizeWish[] => {
      const desired = this.#options.desired(uid);
      if (desired === undefined) return [];
      const waitsSinceMs = this.conditions(uid).pending?.sinceMs;
      return [{ desired, allocated: this.allocated(desired), waitsSinceMs }];
    });
    for (const wish of wishes.sort(compareWishes)) await this.#judge(wish, trigger, signal);
  }

  async #judge(
    { desired, allocated }: ResizeWish,
    trigger: RetryTrigger,
    signal: AbortSignal,
  ): Promise<void> {
    const { rules, judge } = this.#options;
    const uid = podUid(desired);
    const { pending } = this.conditions(uid);
    const { generation } = desired.metadata ?? {};
    if (pending?.reason === 'Infeasible' && pending.generation === generation) return;
    const never = infeasibleResize(desired, allocated, rules);
    if (never !== undefined) {
      this.#meter?.infeasible(never.detail);
      this.#refuse(desired, { reason: 'Infeasible', message: never.message });
      return;
    }
    const refusal = await judge(desired, signal);
    // The pod may have changed again while it was judged.
    if (this.#options.desired(uid) !== desired) {
      this.retry('pod_updated');
      return;
    }
    if (refusal !== undefined) {
      this.#refuse(desired, refusal);
      return;
    }
    await this.#grant(desired);
    if (pending?.reason === 'Deferred') this.#meter?.accepted(trigger);
  }

  async #grant(desired: Pod): Promise<void> {
    const { records, events, onChange } = this.#options;
    const uid = podUid(desired);
    const before = records.allocated(uid);
    records.setAllocated(uid, allocationOf(desired));
    try {
      await records.saved();
    } catch (error) {
      if (before !== undefined) records.setAllocated(uid, before);
      throw error;
    }
    this.#wishes.delete(uid);
    this.#set(uid, { inProgress: this.#condition(desired, '', '') });
    events.normal(desired, 'ResizeStarted', resizeMessage(desired, 'Pod resize started', {}));
    onChange(uid);
  }

  #refuse(desired: Pod, { reason, message }: FailureVerdict): void {
    const { events, onChange } = this.#options;
    const uid = podUid(desired);
    const conditions = this.conditions(uid);
    const { pending: before } = conditions;
    const reported = reason === 'Infeasible' ? reason : 'Deferred';
    const fresh = this.#condition(desired, reported, message);
    const pending = { ...fresh, sinceMs: before?.sinceMs ?? fresh.sinceMs };
    this.#set(uid, { ...conditions, pending });
    const isNews = before?.reason !== reported || before.generation !== pending.generation;
    if (isNews) {
      const text = resizeMessage(desired, `Pod resize ${reason}`, { error: message });
      events.warning(desired, `Resize${reported}`, text);
    }
    if (isNews || before.message !== message) onChange(uid);
  }

  #condition(pod: Pod, reason: string, message: string): ResizeCondition {
    const sinceMs = this.#options.clock.nowMs();
    return { reason, message, generation: pod.metadata?.generation, sinceMs };
  }

  #set(
    uid: string,
    { pending, inProgress }: { [K in keyof ResizeConditions]?: ResizeConditions[K] | undefined },
  ): void {
    const conditions = { ...(pending && { pending }), ...(inProgress && { inProgress }) };
    if (pending === undefined && inProgress === undefined) this.#conditions.delete(uid);
    else this.#conditions.set(uid, conditions);
    this.#count();
  }

  #count(): void {
    if (this.#meter === undefined) return;
    const waiting = new Map<string, number>();
    let inProgress = 0;
    for (const conditions of this.#conditions.values()) {
      const reason = conditions.pending?.reason;
      if (reason !== undefined) waiting.set(reason, (waiting.get(reason) ?? 0) + 1);
      if (conditions.inProgress !== undefined) inProgress += 1;
    }
    this.#meter.counts(waiting, inProgress);
  }
}

/** Reads the conditions that an earlier kubelet reported to the API. */
function conditionsOf({ status }: Pod): ResizeConditions {
  const conditionOf = (name: string): ResizeCondition | undefined => {
    const found = status?.conditions?.find(
      ({ type, status: is }) => type === name && is === 'True',
    );
    if (found === undefined) return undefined;
    const { reason = '', message = '', observedGeneration: generation } = found;
    const sinceMs = parseTimestamp(found.lastTransitionTime ?? '') ?? 0;
    return { reason, message, generation, sinceMs };
  };
  const pending = conditionOf(RESIZE_PENDING);
  const inProgress = conditionOf(RESIZE_IN_PROGRESS);
  return { ...(pending && { pending }), ...(inProgress && { inProgress }) };
}
