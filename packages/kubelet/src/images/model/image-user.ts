/** The user that an image runs as unless the pod names one. */
export interface ImageUser {
  readonly uid?: number | undefined;
  readonly username?: string | undefined;
}
