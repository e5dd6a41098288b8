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

export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  readonly code: VolumeErrorCode;

  constructor(code: VolumeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Matches name and code, not `instanceof`: two copies of this package may be installed. */
export function isVolumeError(
  value: unknown,
  ...codes: readonly VolumeErrorCode[]
): value is VolumeError {
  if (!(value instanceof Error) || value.name !== 'VolumeError') return false;
  return codes.length === 0 || codes.includes((value as VolumeError).code);
}
