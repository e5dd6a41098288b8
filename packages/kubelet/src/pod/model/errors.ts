import { codedError, errorGuard } from '@nodeagent/base';

/**
 * A container could not be started. `reason` is the waiting reason that users see: `ErrImagePull`,
 * `ImagePullBackOff`, `InvalidImageName`, `ErrImageNeverPull`, `ImageInspectError`,
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

/** A pod that was admitted turned out to be one that this node cannot run: it must fail. */
export class PodRejected extends Error {
  override readonly name = 'PodRejected';
  /** The reason in the pod's status. */
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Matches the name, not `instanceof`: two copies of this package may be installed. */
export function isPodRejected(value: unknown): value is PodRejected {
  return value instanceof Error && value.name === 'PodRejected';
}

/** `POD_MANIFEST_INVALID`: a file or URL holds no pod that can run here. */
export type ManifestErrorCode = 'POD_MANIFEST_INVALID';

/** A manifest yields no pod. The message does not name its file or URL. */
export class ManifestError extends codedError<ManifestErrorCode>('ManifestError') {
  constructor(message: string, options?: ErrorOptions) {
    super('POD_MANIFEST_INVALID', message, options);
  }
}

/** Matches the name and, if any are given, the codes. */
export const isManifestError = errorGuard(ManifestError);

/** `POD_CHECKPOINT_CORRUPT`: the record of the pods' allocations cannot be read. */
export type CheckpointErrorCode = 'POD_CHECKPOINT_CORRUPT';

/**
 * The file with the pods' allocations is damaged. Resources in use might be allocated again, so
 * nothing starts until an operator has looked at it.
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

/** The text to show for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
