export { isVolumeError, VolumeError, type VolumeErrorCode } from './model/errors.js';
export {
  managedKind,
  managedVolumeDir,
  podDir,
  volumeHostPath,
  volumeName,
} from './model/pod-paths.js';
export type {
  CertificateRef,
  ClaimedVolumes,
  FieldReader,
  Mounter,
  ObjectSource,
  PodCertificateSource,
  SubPaths,
  TokenRequestSpec,
  TokenSource,
  TrustAnchorSource,
  TrustBundleRef,
  VolumeFiles,
  VolumePlace,
} from './ports.js';
