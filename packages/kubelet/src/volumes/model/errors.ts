import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `VOLUME_SOURCE` an object or field that a volume is made of is missing or unusable ·
 * `VOLUME_HOST_PATH` a hostPath is not what its type says · `VOLUME_SUB_PATH` a subPath leaves its
 * volume or cannot be bound · `VOLUME_MOUNT` mount or umount failed · `VOLUME_UNSUPPORTED` a kind of
 * volume that this kubelet does not know · `VOLUME_IO` files of a volume cannot be written or read ·
 * `VOLUME_PENDING` a volume waits for others, who are at work: for its attachment, say.
 */
export type VolumeErrorCode =
  | 'VOLUME_SOURCE'
  | 'VOLUME_HOST_PATH'
  | 'VOLUME_SUB_PATH'
  | 'VOLUME_MOUNT'
  | 'VOLUME_UNSUPPORTED'
  | 'VOLUME_IO'
  | 'VOLUME_PENDING';

export class VolumeError extends codedError<VolumeErrorCode>('VolumeError') {}

/** Matches the name and, where any are given, the codes. */
export const isVolumeError = errorGuard(VolumeError);
