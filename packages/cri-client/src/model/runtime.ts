import type { Seen } from './linux.js';

/** The runtime's name and versions. */
export interface RuntimeVersion {
  /** Version of the kubelet's runtime API; always `0.1.0`. */
  readonly version: string;
  /** `containerd`, `cri-o`. */
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  /** `v1`. */
  readonly runtimeApiVersion: string;
}

/** One aspect of the runtime's health, with the reason when it is false. */
export interface RuntimeCondition {
  /** Every runtime reports `RuntimeReady` and `NetworkReady`. */
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

/** A way to run pods, such as `runc` or `kata`, which a RuntimeClass names. */
export interface RuntimeHandler {
  /** The empty name is the default handler. */
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

/** Features of the runtime as a whole; false from runtimes that do not report them. */
export interface RuntimeFeatures {
  readonly supplementalGroupsPolicy: boolean;
  readonly userNamespacesHostNetwork: boolean;
}

/** The runtime's own report of its health and features. */
export interface RuntimeStatus {
  readonly conditions: readonly RuntimeCondition[];
  /** Empty from runtimes that do not report it. */
  readonly handlers: readonly RuntimeHandler[];
  readonly features: RuntimeFeatures;
}

/** The program that makes cgroups. The kubelet and the runtime must use the same one. */
export type CgroupDriver = 'systemd' | 'cgroupfs';

/** The runtime's answer to `RuntimeConfig`, a call that older runtimes do not have. */
export interface RuntimeConfiguration {
  /** Absent when the runtime did not report it. */
  readonly cgroupDriver?: Seen<CgroupDriver> | undefined;
}

/** The optional calls; every CRI v1 runtime has all others. */
export interface RuntimeSupport {
  readonly version: RuntimeVersion;
  readonly containerEvents: boolean;
  readonly runtimeConfig: boolean;
  readonly sandboxStats: boolean;
  readonly sandboxMetrics: boolean;
  /** The `stream…` forms of the list calls. */
  readonly streamingLists: boolean;
}
