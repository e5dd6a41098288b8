import type { Quantity } from '@nodeagent/base';

/** A hard eviction threshold: a number of bytes, or a share of the capacity. */
export type Reserve = Readonly<{ bytes: number }> | Readonly<{ fraction: number }>;

/** Keeps pods away that do not tolerate it; `NoExecute` also evicts them. */
export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

/** All settings of a Node object that an administrator chooses. */
export interface NodeConfig {
  readonly nodeName: string;
  /** Lower case; the value of the hostname label and of the Hostname address. */
  readonly hostname: string;
  /**
   * The value of `--node-ip`: none, one, or one per family; `0.0.0.0` and `::` only prefer a
   * family.
   */
  readonly nodeIps: readonly string[];
  readonly cloudProvider: 'none' | 'external';
  readonly providerId?: string;
  /** Creates the Node object when it does not exist. */
  readonly register: boolean;
  /** Set at creation only. */
  readonly labels: Readonly<Record<string, string>>;
  /** Set at creation only. */
  readonly taints: readonly Taint[];
  readonly controllerManagedAttachDetach: boolean;
  readonly systemReserved: Readonly<Record<string, Quantity>>;
  readonly kubeReserved: Readonly<Record<string, Quantity>>;
  /** Hard eviction thresholds that reduce the resources for pods. */
  readonly evictionReserved: Readonly<{ memory?: Reserve; ephemeralStorage?: Reserve }>;
  readonly maxPods: number;
  /** 0 means no such limit. */
  readonly podsPerCore: number;
  /** True when ephemeral-storage is a resource of the node. */
  readonly localStorageCapacityIsolation: boolean;
  /** `v1.36.0`. */
  readonly kubeletVersion: string;
  readonly kubeletPort: number;
  /** Names of status.declaredFeatures. */
  readonly declaredFeatures: readonly string[];
  /** -1 means all. */
  readonly maxImages: number;
  /** The interval at which the status is computed. */
  readonly updateEveryMs: number;
  /** The interval at which an unchanged status is reported. */
  readonly reportEveryMs: number;
  readonly leaseDurationSeconds: number;
}

/**
 * Sets Kubernetes' defaults for absent fields.
 *
 * @see Kubernetes 1.36 pkg/kubelet/apis/config/v1beta1/defaults.go
 */
export function withNodeDefaults(
  config: Partial<NodeConfig> & Pick<NodeConfig, 'nodeName' | 'kubeletVersion'>,
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
    kubeletPort: 10_250,
    declaredFeatures: [],
    maxImages: 50,
    updateEveryMs: 10_000,
    reportEveryMs: 300_000,
    leaseDurationSeconds: 40,
    ...config,
  };
}
