import type { Quantity } from '@nodeagent/base';

/** A hard eviction threshold: so many bytes, or this share of the capacity. */
export type Reserve = Readonly<{ bytes: number }> | Readonly<{ fraction: number }>;

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** Everything that an administrator decides about a Node object. */
export interface NodeConfig {
  readonly nodeName: string;
  /** Lower case; what the label and the Hostname address say. */
  readonly hostname: string;
  /** As `--node-ip`: none, one, or one per family; `0.0.0.0` and `::` only prefer a family. */
  readonly nodeIps: readonly string[];
  readonly cloudProvider: 'none' | 'external';
  readonly providerId?: string;
  /** Create the Node object when there is none. */
  readonly register: boolean;
  /** At creation only. */
  readonly labels: Readonly<Record<string, string>>;
  /** At creation only. */
  readonly taints: readonly Taint[];
  readonly controllerManagedAttachDetach: boolean;
  readonly systemReserved: Readonly<Record<string, Quantity>>;
  readonly kubeReserved: Readonly<Record<string, Quantity>>;
  /** Hard eviction thresholds that lessen what pods may have. */
  readonly evictionReserved: Readonly<{ memory?: Reserve; ephemeralStorage?: Reserve }>;
  readonly maxPods: number;
  /** 0 means no such limit. */
  readonly podsPerCore: number;
  /** Whether ephemeral-storage is a resource of the node. */
  readonly localStorageCapacityIsolation: boolean;
  /** `v1.36.0`. */
  readonly kubeletVersion: string;
  readonly kubeletPort: number;
  /** Names of status.declaredFeatures. */
  readonly declaredFeatures: readonly string[];
  /** -1: all. */
  readonly maxImages: number;
  /** How often the status is computed. */
  readonly updateEveryMs: number;
  /** How often it is reported when nothing changed. */
  readonly reportEveryMs: number;
  readonly leaseDurationSeconds: number;
}

/**
 * Kubernetes' defaults for whatever is left out.
 *
 * @see Kubernetes 1.36 pkg/kubelet/apis/config/v1beta1/defaults.go
 */
export function withNodeDefaults(
  config: Partial<NodeConfig> & Pick<NodeConfig, 'nodeName'>,
): NodeConfig {
  return {
    hostname: config.nodeName,
    nodeIps: [],
    cloudProvider: 'none',
    register: true,
    labels: {},
    taints: [],
    controllerManagedAttachDetach: true,
    systemReserved: {},
    kubeReserved: {},
    evictionReserved: {},
    maxPods: 110,
    podsPerCore: 0,
    localStorageCapacityIsolation: true,
    kubeletVersion: 'v1.36.0',
    kubeletPort: 10_250,
    declaredFeatures: [],
    maxImages: 50,
    updateEveryMs: 10_000,
    reportEveryMs: 300_000,
    leaseDurationSeconds: 40,
    ...config,
  };
}
