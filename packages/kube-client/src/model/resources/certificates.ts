import type {
  CertificateSigningRequest,
  ClusterTrustBundle,
  PodCertificateRequest,
} from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `certificates.k8s.io/v1`, without namespaces: requests for certificates of the cluster.
 * Subresources: `status`, `approval`.
 */
export const CERTIFICATE_SIGNING_REQUESTS: Resource<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  plural: 'certificatesigningrequests',
  kind: 'CertificateSigningRequest',
  namespaced: false,
};
/**
 * `certificates.k8s.io/v1beta1`, without namespaces, off by default in API servers (gate
 * `ClusterTrustBundle`): certificates of authorities, which pods can mount.
 */
export const CLUSTER_TRUST_BUNDLES: Resource<ClusterTrustBundle> = {
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  plural: 'clustertrustbundles',
  kind: 'ClusterTrustBundle',
  namespaced: false,
};
/**
 * `certificates.k8s.io/v1beta1`, by namespace, off by default in API servers (gate
 * `PodCertificateRequest`): made by kubelets for pods. Subresource: `status`.
 */
export const POD_CERTIFICATE_REQUESTS: Resource<PodCertificateRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  plural: 'podcertificaterequests',
  kind: 'PodCertificateRequest',
  namespaced: true,
};
