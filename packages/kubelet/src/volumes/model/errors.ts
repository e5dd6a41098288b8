import { codedError, errorGuard } from '@nodeagent/base';

/**
 * `VOLUME_SOURCE`: an object or field that the volume needs is missing or unusable ·
 * `VOLUME_HOST_PATH`: a hostPath does not match its type · `VOLUME_SUB_PATH`: a subPath leaves its
 * volume or cannot be bound · `VOLUME_MOUNT`: mount or umount failed ·
 * `VOLUME_FORMAT`: a device has another file system than its volume is said to have · `VOLUME_UNSUPPORTED`: the
 * kubelet does not support this kind of volume · `VOLUME_IO`: files of a volume cannot be written
 * or read · `VOLUME_PENDING`: the volume waits for another component that is at work, such as for
 * its attachment · `VOLUME_LIMIT`: the node cannot have more volumes of the driver.
 */
export type VolumeErrorCode =
  | 'VOLUME_SOURCE'
  | 'VOLUME_HOST_PATH'
  | 'VOLUME_SUB_PATH'
  | 'VOLUME_MOUNT'
  | 'VOLUME_FORMAT'
  | 'VOLUME_UNSUPPORTED'
  | 'VOLUME_IO'
  | 'VOLUME_PENDING'
  | 'VOLUME_LIMIT';

/** The step that failed, in the words of events: `MountVolume.SetUp failed for volume "pv-1"`. */
export interface VolumeStep {
  readonly operation: 'MountVolume' | 'MapVolume';
  readonly name: string;
  /** Follows "failed": `while expanding volume`. */
  readonly how?: string;
  /** The PersistentVolume's name, or the pod's own name of the volume. */
  readonly volume: string;
}

export interface VolumeErrorOptions extends ErrorOptions {
  readonly step?: VolumeStep;
}

export class VolumeError extends codedError<VolumeErrorCode>('VolumeError') {
  readonly step: VolumeStep | undefined;

  constructor(
    code: VolumeErrorCode,
    message: string,
    { step, ...options }: VolumeErrorOptions = {},
  ) {
    super(code, message, options);
    this.step = step;
  }
}

/** Matches the name and, if any are given, the codes. */
export const isVolumeError = errorGuard(VolumeError);
