/** The peer said nothing for so long that its connection, or an exchange on it, was given up. */
export class SilenceError extends Error {
  /** @param silentMs how long it was silent */
  constructor(silentMs: number) {
    super(`no answer for ${silentMs / 1000} s`);
  }
}

/** Sockets and streams of Node's take 0 for no limit. */
export function timerMs(limitMs: number): number {
  return Number.isFinite(limitMs) ? limitMs : 0;
}
