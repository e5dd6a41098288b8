import type { Node, Pod } from '@nodeagent/kube-client';

import type { FailureVerdict, NodePressure } from '../../pod/index.js';

/** The properties of this machine that decide about pods. They do not change while it runs. */
export interface PodAdmissionRules {
  readonly sysctls: SysctlRules;
  /** The kernel has AppArmor, and it is enabled. */
  readonly appArmor: boolean;
  /** The kubelet's enabled features; if absent, no pod is refused for a feature. */
  readonly features?: FeatureRules;
}

/** Everything besides the pod on which its admission depends. */
export interface AdmissionContext {
  readonly node: Node | undefined;
  /** The other admitted pods that may still run, including those that are being stopped. */
  readonly others: readonly Pod[];
  /** If absent, nothing is refused by these rules. */
  readonly rules?: PodAdmissionRules;
  readonly pressure?: readonly NodePressure[];
  /** The verdict of the managers of CPUs, memory and devices. */
  readonly allocation?: FailureVerdict | undefined;
  readonly shuttingDown?: boolean;
  /** The node was just fetched, so its labels are current. */
  readonly isNodeFresh?: boolean;
}

/** The decision about a new pod. A rejected one gets phase `Failed` with the verdict's reason. */
export type Judgement =
  | Readonly<{ kind: 'admit' }>
  | Readonly<{ kind: 'reject'; verdict: FailureVerdict }>
  /** Only the node's labels rule the pod out: judge it again with the newest labels. */
  | Readonly<{ kind: 'ask-node'; verdict: FailureVerdict }>
  /** The pod fits once these pods have ended. */
  | Readonly<{ kind: 'preempt'; victims: readonly Pod[]; signal: string }>;

/** CPU in thousandths, every other resource in its own unit. */
export interface Shortage {
  readonly resource: string;
  readonly requested: number;
  readonly used: number;
  readonly capacity: number;
}

/** The rules for the kernel parameters that pods may set. */
export interface SysctlRules {
  /** Version of the running kernel, such as `[6, 1]`. */
  readonly kernel: readonly [major: number, minor: number];
  /** Names, or prefixes that end in `*`, allowed besides the safe ones. */
  readonly allowedUnsafe: readonly string[];
}

/** The kubelet's enabled features that pods may require. */
export interface FeatureRules {
  /** Names of the features that the node declares in its status. */
  readonly declared: ReadonlySet<string>;
  /** Pods may have pod-level resources: feature gate PodLevelResources. */
  readonly podLevelResources: boolean;
}
