import type { Labels } from './linux.js';

/** The form in which the runtime receives an image name. */
export interface ImageSpec {
  /** Reference with tag or digest, or an image id. */
  readonly image: string;
  readonly annotations?: Labels | undefined;
  /** The pod author's text, before it was resolved. */
  readonly userSpecifiedImage?: string | undefined;
  readonly runtimeHandler?: string | undefined;
  readonly imageRef?: string | undefined;
}

/** An image in the runtime's store. */
export interface Image {
  /** `sha256:…` of the image's configuration. */
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** The user the image runs as, when it is a number; excludes `username`. */
  readonly uid?: number | undefined;
  readonly username?: string | undefined;
  readonly spec?: ImageSpec | undefined;
  /** Excluded from garbage collection. */
  readonly pinned: boolean;
}

/** A hint only: containerd lists all images regardless. */
export interface ImageFilter {
  readonly image?: ImageSpec | undefined;
}

/** Either username and password, `auth`, or a token. */
export interface RegistryAuth {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** base64 of `username:password`. */
  readonly auth?: string | undefined;
  readonly serverAddress?: string | undefined;
  readonly identityToken?: string | undefined;
  readonly registryToken?: string | undefined;
}

/** Space that images or writable layers take on one file system. */
export interface FilesystemUsage {
  readonly atMs: number;
  readonly mountpoint: string;
  readonly usedBytes?: number | undefined;
  readonly inodesUsed?: number | undefined;
}

/** File systems of the image store. Writable layers may be on another one. */
export interface ImageFilesystems {
  readonly images: readonly FilesystemUsage[];
  /** The place of writable layers; empty from runtimes that do not report it separately. */
  readonly containers: readonly FilesystemUsage[];
}
