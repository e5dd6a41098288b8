import type { Logger, Metrics } from '@nodeagent/base';
import type { Node, Pod } from '@nodeagent/kube-client';

import {
  type FailureVerdict,
  messageOf,
  type NodePressure,
  type PodEvents,
  podName,
  podNamespace,
  podUid,
} from '../../pod/index.js';
import type { AdmissionContext, PodAdmissionRules } from '../model/context.js';
import { judgePod } from '../plan/admission.js';
import { featuresMissingForUpdate } from '../plan/admission-features.js';

/** The criteria for new pods besides the node and its other pods. Absent members refuse nothing. */
export interface AdmissionHooks {
  readonly rules?: PodAdmissionRules;
  /** The current node conditions under which pods are evicted. */
  readonly pressure?: () => readonly NodePressure[];
  /** Asks the managers of CPUs, memory and devices, and reserves what they assign. */
  readonly allocate?: (pod: Pod) => FailureVerdict | undefined;
  readonly isShuttingDown?: () => boolean;
  /** Fetches the node from the API. */
  readonly freshNode?: (signal: AbortSignal) => Promise<Node>;
}

export interface AdmissionOptions {
  readonly hooks: AdmissionHooks;
  readonly node: () => Node | undefined;
  /** The other admitted pods that may still run. */
  readonly others: (uid: string) => readonly Pod[];
  /** Resolves when the pod has ended, or has far exceeded its grace period. */
  readonly evict: (uid: string, verdict: FailureVerdict) => Promise<void>;
  readonly events: PodEvents;
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
}

export type Decision =
  | Readonly<{ kind: 'decided'; refusal: FailureVerdict | undefined }>
  /** The decision must first wait for a request, or for pods to end. */
  | Readonly<{
      kind: 'later';
      refusal: (signal: AbortSignal) => Promise<FailureVerdict | undefined>;
    }>;

const PREEMPTED: FailureVerdict = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  disruption: 'Pod was preempted by Kubelet to accommodate a critical pod.',
};
/**
 * Reasons with a label value of their own in the metric.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kubelet.go
 */
const COUNTED: ReadonlySet<string> = new Set([
  'AppArmor',
  'PodOSSelectorNodeLabelDoesNotMatch',
  'PodOSNotSupported',
  'InvalidNodeInfo',
  'SupplementalGroupsPolicyNotSupported',
  'UnexpectedAdmissionError',
  'OutOfcpu',
  'OutOfmemory',
  'OutOfephemeral-storage',
  'OutOfpods',
  'PodLevelResourcesNotSupported',
  'PodFeatureUnsupported',
  'Evicted',
  'SysctlForbidden',
  'TopologyAffinityError',
  'NodeShutdown',
  'VolumeAttachmentLimitExceeded',
]);

/** Judges each pod once, and makes room for critical ones. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** A pod that cannot be judged is refused, as upstream's kubelet does; the cause is logged. */
  decide(pod: Pod): Decision {
    try {
      return this.#decide(pod);
    } catch (error) {
      return { kind: 'decided', refusal: this.#unexpected(pod, error) };
    }
  }

  #decide(pod: Pod): Decision {
    const { hooks } = this.#options;
    const judged = judgePod(pod, this.#context(pod, this.#options.node()));
    switch (judged.kind) {
      case 'admit':
        return { kind: 'decided', refusal: undefined };
      case 'reject':
        return { kind: 'decided', refusal: judged.verdict };
      case 'ask-node': {
        const { freshNode } = hooks;
        if (freshNode === undefined) return { kind: 'decided', refusal: judged.verdict };
        const refusal = (signal: AbortSignal): Promise<FailureVerdict | undefined> =>
          this.#judgeAgain(pod, { freshNode, before: judged.verdict }, signal);
        return { kind: 'later', refusal: this.#guarded(pod, refusal) };
      }
      case 'preempt':
        return {
          kind: 'later',
          refusal: this.#guarded(pod, () => this.#preempt(judged.victims, judged.signal)),
        };
    }
  }

  #guarded(
    pod: Pod,
    refusal: (signal: AbortSignal) => Promise<FailureVerdict | undefined>,
  ): (signal: AbortSignal) => Promise<FailureVerdict | undefined> {
    return async (signal) => {
      try {
        return await refusal(signal);
      } catch (error) {
        signal.throwIfAborted();
        return this.#unexpected(pod, error);
      }
    };
  }

  /** Reports a changed pod that requires a disabled feature. */
  noteUpdate(before: Pod, after: Pod): void {
    const { hooks, events } = this.#options;
    const features = hooks.rules?.features;
    const missing = features && featuresMissingForUpdate(before, after, features);
    if (missing !== undefined) events.warning(after, 'FailedNodeDeclaredFeaturesCheck', missing);
  }

  /** Reports a refusal by an event, a log line and a metric; the caller sets the pod's status. */
  report(pod: Pod, { reason, message }: FailureVerdict): void {
    const { events, metrics, log } = this.#options;
    events.warning(pod, reason, message);
    const names = { namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) };
    log.warn({ pod: names, reason, why: message }, 'pod rejected');
    const other = reason.startsWith('OutOf') ? 'OutOfExtendedResources' : 'Other';
    metrics
      ?.counter({
        name: 'kubelet_admission_rejections_total',
        help: 'Pods that the kubelet refused to admit, by reason.',
        labelNames: ['reason'],
      })
      .increment({ reason: COUNTED.has(reason) ? reason : other });
  }

  #unexpected(pod: Pod, error: unknown): FailureVerdict {
    const names = { namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) };
    this.#options.log.error({ pod: names, err: error }, 'pod cannot be judged');
    const message = `The pod cannot be judged: ${messageOf(error)}`;
    return { reason: 'UnexpectedAdmissionError', message };
  }

  #context(pod: Pod, node: Node | undefined): AdmissionContext {
    const { hooks, others } = this.#options;
    return {
      node,
      others: others(podUid(pod)),
      ...(hooks.rules && { rules: hooks.rules }),
      pressure: hooks.pressure?.() ?? [],
      allocation: hooks.allocate?.(pod),
      shuttingDown: hooks.isShuttingDown?.() ?? false,
    };
  }

  /** The watch may deliver the node's labels late. */
  async #judgeAgain(
    pod: Pod,
    asked: Readonly<{
      freshNode: NonNullable<AdmissionHooks['freshNode']>;
      before: FailureVerdict;
    }>,
    signal: AbortSignal,
  ): Promise<FailureVerdict | undefined> {
    let node: Node;
    try {
      node = await asked.freshNode(signal);
    } catch (err) {
      signal.throwIfAborted();
      this.#options.log.warn({ err }, 'node not fetched; admission uses its last known state');
      return asked.before;
    }
    const judged = judgePod(pod, { ...this.#context(pod, node), isNodeFresh: true });
    if (judged.kind === 'preempt') return this.#preempt(judged.victims, judged.signal);
    return judged.kind === 'admit' ? undefined : judged.verdict;
  }

  async #preempt(victims: readonly Pod[], shortOf: string): Promise<undefined> {
    const { evict, events, metrics } = this.#options;
    const preemptions = metrics?.counter({
      name: 'kubelet_preemptions',
      help: 'Pods preempted to make room for critical pods, by the scarce resource.',
      labelNames: ['preemption_signal'],
    });
    await Promise.all(
      victims.map(async (victim) => {
        events.warning(victim, PREEMPTED.reason, PREEMPTED.message);
        preemptions?.increment({ preemption_signal: shortOf });
        await evict(podUid(victim), PREEMPTED);
      }),
    );
  }
}
