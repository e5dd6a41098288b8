import type { Node, Pod } from '@nodeagent/kube-client';

import type { FailureVerdict } from '../../pod/index.js';

/** What of this machine decides about pods, and does not change while it runs. */
export interface PodAdmissionRules {
  readonly sysctls: SysctlRules;
  /** The kernel has AppArmor, and it is on. */
  readonly appArmor: boolean;
  /** What of the kubelet is switched on; nothing is refused for that when absent. */
  readonly features?: FeatureRules;
}

export interface AdmissionContext {
  readonly node: Node | undefined;
  /** Pods that were admitted before and may still run, those that are being stopped too. */
  readonly others: readonly Pod[];
  /** Nothing is refused by rules that are not given. */
  readonly rules?: PodAdmissionRules;
  readonly pressure?: readonly NodePressure[];
  /** What those who hand out CPUs, memory and devices say. */
  readonly allocation?: FailureVerdict | undefined;
  readonly shuttingDown?: boolean;
  /** The node was fetched just now, so that its labels are not old. */
  readonly isNodeFresh?: boolean;
}

export type Judgement =
  | Readonly<{ kind: 'admit' }>
  | Readonly<{ kind: 'reject'; verdict: FailureVerdict }>
  /** Only the node's labels speak against it: to be judged again with the newest. */
  | Readonly<{ kind: 'ask-node'; verdict: FailureVerdict }>
  /** Fits when these have gone. */
  | Readonly<{ kind: 'preempt'; victims: readonly Pod[]; signal: string }>;

/** CPU in thousandths, everything else in its unit. */
export interface Shortage {
  readonly resource: string;
  readonly requested: number;
  readonly used: number;
  readonly capacity: number;
}

/** What decides which kernel parameters pods may set. */
export interface SysctlRules {
  /** Of the running kernel, e.g. `[6, 1]`. */
  readonly kernel: readonly [major: number, minor: number];
  /** Names, or prefixes that end in `*`, beside the safe ones. */
  readonly allowedUnsafe: readonly string[];
}

/** What of the kubelet is switched on, as far as pods may ask for it. */
export interface FeatureRules {
  /** Names of those that the node declares in its status. */
  readonly declared: ReadonlySet<string>;
  /** Pods may ask for resources as a whole: feature gate PodLevelResources. */
  readonly podLevelResources: boolean;
}

export type NodePressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
