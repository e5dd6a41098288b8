import type { Seen } from './linux.js';

export interface RuntimeVersion {
  /** Version of the kubelet's runtime API, `0.1.0` for ever. */
  readonly version: string;
  /** `containerd`, `cri-o`. */
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  /** `v1`. */
  readonly runtimeApiVersion: string;
}

export interface RuntimeCondition {
  /** `RuntimeReady` and `NetworkReady` are the ones every runtime has. */
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface RuntimeHandler {
  /** Empty: the default handler. */
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
  /** Empty from runtimes that do not tell. */
  readonly handlers: readonly RuntimeHandler[];
  readonly features: RuntimeFeatures;
}

export type CgroupDriver = 'systemd' | 'cgroupfs';

export interface RuntimeConfiguration {
  /** Absent when the runtime did not say. */
  readonly cgroupDriver?: Seen<CgroupDriver> | undefined;
}

/** Calls that runtimes may lack; everything else every CRI v1 runtime has. */
export interface RuntimeSupport {
  readonly version: RuntimeVersion;
  readonly containerEvents: boolean;
  readonly runtimeConfig: boolean;
  readonly sandboxStats: boolean;
  readonly sandboxMetrics: boolean;
  /** The `stream…` forms of the list calls. */
  readonly streamingLists: boolean;
}
