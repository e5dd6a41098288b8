export { runCertificateRotation } from './certificate-rotation.js';
export { createCredentialProviders } from './credential-providers.js';
export { createObjectCache } from './object-cache.js';
export { createObjectWatches } from './object-watches.js';
export { openConnection } from './open-connection.js';
export { createPodCertificates } from './pod-certificates.js';
export { createPullCredentials, type PullCredentialSources } from './pull-credentials.js';
export { createTokenCache } from './token-cache.js';
export { createTrustBundles } from './trust-bundles.js';
