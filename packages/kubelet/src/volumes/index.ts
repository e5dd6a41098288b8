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
export { type ContainerVolumes, createContainerVolumes } from './run/container-volumes.js';
export { shareRootDir } from './run/share-root.js';
export { createPodVolumes } from './run/pod-volumes.js';
