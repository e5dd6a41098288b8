import { codedError, errorGuard } from '@nodeagent/base';

/**
 * Why a container could not be started; `reason` is what users see as the waiting reason:
 * `ErrImagePull`, `ImagePullBackOff`, `InvalidImageName`, `ErrImageNeverPull`, `ImageInspectError`,
 * `CreateContainerConfigError`, `CreateContainerError`, `RunContainerError`, `PostStartHookError`.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Matches the name, not `instanceof`: two copies of this package may be installed. */
export function isStartError(value: unknown): value is StartError {
  return value instanceof Error && value.name === 'StartError';
}

/** `POD_MANIFEST_INVALID` a file or URL does not hold a pod that can run here. */
export type ManifestErrorCode = 'POD_MANIFEST_INVALID';

/** Why a manifest of a file or URL gives no pod; the message does not say which file or URL. */
export class ManifestError extends codedError<ManifestErrorCode>('ManifestError') {
  constructor(message: string, options?: ErrorOptions) {
    super('POD_MANIFEST_INVALID', message, options);
  }
}

/** Matches the name and, where any are given, the codes. */
export const isManifestError = errorGuard(ManifestError);

/** `POD_CHECKPOINT_CORRUPT` what pods were given cannot be read. */
export type CheckpointErrorCode = 'POD_CHECKPOINT_CORRUPT';

/**
 * A file that says what pods were given is not as it was written: pods might be given away what is
 * in use, so nothing starts before somebody has looked.
 */
export class CheckpointError extends codedError<CheckpointErrorCode>('CheckpointError') {
  readonly path: string;

  constructor(path: string, why: string, options?: ErrorOptions) {
    super(
      'POD_CHECKPOINT_CORRUPT',
      `could not restore state from checkpoint: ${why}, please drain this node and delete pod ` +
        `resource information checkpoint file "${path}" before restarting Kubelet`,
      options,
    );
    this.path = path;
  }
}

/** What is shown of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
