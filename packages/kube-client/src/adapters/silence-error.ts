/** The peer was silent for so long that its connection, or an exchange on it, was abandoned. */
export class SilenceError extends Error {
  /** @param silentMs length of the silence */
  constructor(silentMs: number) {
    super(`no answer for ${silentMs / 1000} s`);
  }
}

/** For Node's sockets and streams, 0 means no limit. */
export function timerMs(limitMs: number): number {
  return Number.isFinite(limitMs) ? limitMs : 0;
}
