export type {
  Certificate,
  CertificatePurpose,
  CertificateTemplate,
  KeyedPem,
} from './model/certificate.js';
export type { CredentialProvider } from './model/credential-provider.js';
export { clientTemplate, servingTemplate } from './plan/certificate-template.js';
export type {
  CertificateStore,
  ConfiguredProviders,
  CredentialAdapters,
  FollowedObjects,
  Kubeconfigs,
  PendingKey,
  PodFollower,
  PullCredential,
  PullCredentials,
  RequestMaker,
  StubMaker,
} from './ports.js';
