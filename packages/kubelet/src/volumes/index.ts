export {
  isVolumeError,
  VolumeError,
  type VolumeErrorCode,
  type VolumeStep,
} from './model/errors.js';
export { type Payload, payloadPathProblem, withCleanPaths } from './model/payload.js';
export { managedKind, podDir, volumeDirs, volumeHostPath, volumeName } from './model/pod-paths.js';
export { otherMounts } from './plan/mount-of.js';
export { claimNameOf } from './plan/used-volumes.js';
export type {
  CertificateRef,
  ClaimedVolumes,
  DevicePlace,
  FieldReader,
  Mounter,
  ObjectSource,
  PodCertificateSource,
  ProjectQuotas,
  SubPaths,
  TokenRequestSpec,
  TokenSource,
  TrustAnchorSource,
  TrustBundleRef,
  VolumeFigures,
  VolumeFiles,
  VolumePlace,
} from './ports.js';
