/** The streams that the call to `exec` or `attach` asked for. */
export interface SessionStreams {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** A terminal has none of its own. */
  readonly stderr: boolean;
}
