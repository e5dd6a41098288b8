import type { Clock } from '@nodeagent/base';

import { type NetlinkMessage, splitMessages } from '../codec/message.js';
import { NetlinkError } from '../model/errors.js';
import type { NetlinkSocket } from '../ports.js';

export interface ListenOptions {
  /** Used for nothing else; the caller closes it. */
  readonly socket: NetlinkSocket;
  readonly clock: Clock;
  /** How often the socket is looked at; 100 ms when absent. A look costs one system call. */
  readonly periodMs?: number;
  /** A message of a group that the socket joined, also one that this program's own change caused. */
  readonly notified: (message: NetlinkMessage) => void;
  /**
   * Messages were dropped because too many came between two looks, or could not be read. What
   * comes next is good again; what was missed must be found by looking at the thing itself.
   */
  readonly missed: (error: NetlinkError) => void;
}

const PERIOD_MS = 100;

/**
 * Hands out multicast messages until the signal fires. Join the groups before, so that nothing is
 * missed in between.
 *
 * @throws {NetlinkError} `NETLINK_SOCKET`, `NETLINK_CLOSED` when the socket cannot be read any more
 */
export async function listen(options: ListenOptions, signal: AbortSignal): Promise<void> {
  const { clock, periodMs = PERIOD_MS } = options;
  while (!signal.aborted) {
    drain(options);
    await clock.sleep(periodMs, signal);
  }
}

/** More than the receive buffer holds: after these the sender is faster than the reader. */
const DATAGRAMS_AT_ONCE = 4096;

function drain({ socket, notified, missed }: ListenOptions): void {
  for (let count = 0; count < DATAGRAMS_AT_ONCE; count += 1) {
    try {
      const datagram = socket.receive();
      if (datagram === undefined) return;
      for (const message of splitMessages(datagram)) notified(message);
    } catch (error) {
      const isLoss =
        error instanceof NetlinkError &&
        (error.code === 'NETLINK_LOST' || error.code === 'NETLINK_MALFORMED');
      if (!isLoss) throw error;
      missed(error);
    }
  }
}
