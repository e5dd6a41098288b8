import type { KubeletConfig } from '../../config/index.js';

/** Parts of the kubelet that a feature gate adds. */
export interface GatedParts {
  /** Credential providers get tokens of service accounts. */
  readonly providerTokens: boolean;
  /** CSI drivers are asked for the health of volumes. */
  readonly volumeHealth: boolean;
  /** Projected volumes contain trust bundles. */
  readonly trustBundles: boolean;
  /** Projected volumes contain certificates of their pods. */
  readonly podCertificates: boolean;
  /** Port forwarding over WebSockets ends in the kubelet. */
  readonly webSockets: boolean;
  /** Volumes of every access mode are mounted with SELinux labels. */
  readonly labelsEveryMode: boolean;
  /** The kernel counts what is in emptyDirs of pods in user namespaces. */
  readonly countedVolumes: boolean;
}

export function gatedParts({ features }: Pick<KubeletConfig, 'features'>): GatedParts {
  return {
    providerTokens: features.KubeletServiceAccountTokenForCredentialProviders,
    volumeHealth: features.CSIVolumeHealth,
    trustBundles: features.ClusterTrustBundleProjection,
    podCertificates: features.PodCertificateRequest,
    webSockets: features.ExtendWebSocketsToKubelet,
    labelsEveryMode: features.SELinuxMount,
    countedVolumes: features.LocalStorageCapacityIsolationFSQuotaMonitoring,
  };
}
