/** The configured limits of unused images. */
export interface ImageGcPolicy {
  /** Use of the image file system in percent from which images are removed; 100 and more: never. */
  readonly highPercent: number;
  /** Use that the removal of images tries to reach. */
  readonly lowPercent: number;
  /** Younger images are kept: a pod may be about to use them. */
  readonly minAgeMs: number;
  /** Images that were unused for longer are removed whatever the use; 0: never. */
  readonly maxAgeMs: number;
}

/** An image on the node with its history; times are monotonic. */
export interface ImageRecord {
  /** The image's id together with the runtime handler for which it was pulled. */
  readonly key: string;
  readonly id: string;
  readonly runtimeHandler: string | undefined;
  readonly sizeBytes: number;
  readonly pinned: boolean;
  readonly inUse: boolean;
  /** The image has certainly been there since; it was not always seen then. */
  readonly firstSeenMs: number;
  /** Undefined if no container used it since the kubelet started. */
  readonly lastUsedMs: number | undefined;
}

/** Size of a file system. */
export interface DiskSpace {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

/** The reason for which an image is removed, as in metrics. */
export type RemovalReason = 'age' | 'space';
