export type {
  Certificate,
  CertificatePurpose,
  CertificateTemplate,
  KeyedPem,
} from './model/certificate.js';
export { clientTemplate, servingTemplate } from './plan/certificate-template.js';
export type { CredentialProvider } from './model/credential-provider.js';
export type {
  CertificateStore,
  ConfiguredProviders,
  CredentialAdapters,
  FollowedObjects,
  Kubeconfigs,
  PodFollower,
  PendingKey,
  PullCredential,
  PullCredentials,
  RequestMaker,
  StubMaker,
} from './ports.js';
export { runCertificateRotation } from './run/certificate-rotation.js';
export { openConnection } from './run/open-connection.js';
export { createObjectCache } from './run/object-cache.js';
export { createObjectWatches } from './run/object-watches.js';
export { createPodCertificates } from './run/pod-certificates.js';
export { createTokenCache } from './run/token-cache.js';
export { createTrustBundles } from './run/trust-bundles.js';
export { createCredentialProviders } from './run/credential-providers.js';
export { createPullCredentials, type PullCredentialSources } from './run/pull-credentials.js';
