/** As which user an image runs when nobody says. */
export interface ImageUser {
  readonly uid?: number | undefined;
  readonly username?: string | undefined;
}
