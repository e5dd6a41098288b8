/** How a peer that vanished is found. */
export interface Pings {
  /** A ping is sent after each such period. */
  readonly everyMs: number;
  /** The connection is given up after this long without any message or answer. */
  readonly patienceMs: number;
}

/** The knowledge about the other end of a connection. */
export interface PeerState {
  /** When it was last heard, or had no chance to be heard. */
  readonly heardAtMs: number;
  /** Number of data messages sent. */
  readonly sent: number;
  /** The number of them that the peer is known to have read: those before an answered ping. */
  readonly read: number;
}

/**
 * Decides whether a peer is still there. Its silence means nothing while we do not read, nor while it
 * has not read our last data: a command that does not read its input blocks all that follows,
 * pings included. The kernel finds a peer that vanishes then.
 *
 * @param reading false while we have paused the connection
 */
export function judgePeer(
  state: PeerState,
  { nowMs, reading, patienceMs }: Readonly<{ nowMs: number; reading: boolean; patienceMs: number }>,
): Readonly<{ alive: boolean; state: PeerState }> {
  if (!reading || state.read < state.sent) {
    return { alive: true, state: { ...state, heardAtMs: nowMs } };
  }
  return { alive: nowMs - state.heardAtMs <= patienceMs, state };
}
