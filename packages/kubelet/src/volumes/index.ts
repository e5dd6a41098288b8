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
} from './ports.js';
