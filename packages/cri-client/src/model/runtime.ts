import type { Seen } from './linux.js';

export interface RuntimeVersion {
  /** Version of the kubelet's runtime API; always `0.1.0`. */
  readonly version: string;
  /** `containerd`, `cri-o`. */
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  /** `v1`. */
  readonly runtimeApiVersion: string;
}

export interface RuntimeCondition {
  /** Every runtime reports `RuntimeReady` and `NetworkReady`. */
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface RuntimeHandler {
  /** The empty name is the default handler. */
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

export interface RuntimeFeatures {
  readonly supplementalGroupsPolicy: boolean;
  readonly userNamespacesHostNetwork: boolean;
}

export interface RuntimeStatus {
  readonly conditions: readonly RuntimeCondition[];
  /** Empty from runtimes that do not report it. */
  readonly handlers: readonly RuntimeHandler[];
  readonly features: RuntimeFeatures;
}

export type CgroupDriver = 'systemd' | 'cgroupfs';

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
