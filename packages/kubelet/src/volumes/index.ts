export { type MountPoint, parseMountinfo } from './codec/mountinfo.js';
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
  ObjectSource,
  PodCertificateSource,
  TokenRequestSpec,
  TokenSource,
  TrustAnchorSource,
  TrustBundleRef,
} from './ports.js';
export { type ContainerVolumes, createContainerVolumes } from './run/container-volumes.js';
export { shareRootDir } from './run/share-root.js';
export { createPodVolumes, type PreparedVolumes } from './run/pod-volumes.js';
