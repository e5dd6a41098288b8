export { type ConfigFiles, readConfigFiles } from '../config/adapters/config-files.js';
export {
  createCertificateStore,
  currentCertificatePath,
} from '../credentials/adapters/certificate-store.js';
export { createDockerConfigReader } from '../credentials/adapters/docker-config.js';
export { createKubeconfigs, type KubeconfigsOptions } from '../credentials/adapters/kubeconfigs.js';
export { createPendingKey } from '../credentials/adapters/pending-key.js';
export { readCredentialProviders } from '../credentials/adapters/provider-files.js';
export { createProviderPrograms } from '../credentials/adapters/provider-program.js';
export { createRequestMaker, createStubMaker } from '../credentials/adapters/request-maker.js';
export { createPullRecordFiles } from '../images/adapters/pull-record-files.js';
export { createRotationFiles } from '../logs/adapters/rotation-files.js';
export { createResourceRecordFile } from '../resize/adapters/resource-record-file.js';
export { callHook } from '../runtime/adapters/hook-caller.js';
export { readRuntimeMachine } from '../runtime/adapters/machine.js';
export { createPodFiles } from '../runtime/adapters/pod-files.js';
export { createUserNamespaceFiles, readSubIds } from '../runtime/adapters/user-namespace-files.js';
export {
  createClientCa,
  createServingCertificate,
  type ServingCertificateOptions,
} from '../server/adapters/certificates.js';
export { createHealthServer } from '../server/adapters/health-server.js';
export { createJournal } from '../server/adapters/journal.js';
export {
  createPlainListener,
  createSecureListener,
  type ListenerOptions,
  type SecureListenerOptions,
} from '../server/adapters/listener.js';
export { createSystemLogs } from '../server/adapters/system-logs.js';
export { createManifestFiles } from '../sources/adapters/manifest-files.js';
export { createManifestUrl } from '../sources/adapters/manifest-url.js';
export { createDirectoryReadings } from '../stats/adapters/directory-readings.js';
export { createMachineReadings } from '../stats/adapters/machine-readings.js';
export { createMounter } from '../volumes/adapters/mounter.js';
export { createProjectQuotas } from '../volumes/adapters/project-quotas.js';
export { createSubPaths } from '../volumes/adapters/sub-path.js';
export { createVolumeFiles } from '../volumes/adapters/volume-files.js';
export { createLogDirectories } from '../workers/adapters/log-directories.js';
export { createNodeAdapters, type NodeAdapterOptions, type NodeAdapters } from './node-adapters.js';
