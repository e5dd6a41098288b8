import type { Clock } from '@nodeagent/base';

import { type NetlinkMessage, splitMessages } from '../codec/message.js';
import { isNetlinkError, type NetlinkError } from '../model/errors.js';
import type { NetlinkSocket } from '../ports.js';

/** A socket that is read at intervals, as no call waits for its messages. */
export interface ListenOptions {
  /** A socket used for nothing else; the caller closes it. */
  readonly socket: NetlinkSocket;
  readonly clock: Clock;
  /** Interval at which the socket is read; 100 ms when absent. Each read costs one system call. */
  readonly periodMs?: number;
  /**
   * Receives each message of a joined group, including those that this program's own changes cause.
   */
  readonly notified: (message: NetlinkMessage) => void;
  /**
   * Called when messages were dropped, because too many came between two reads or because they were
   * malformed. Later messages are reliable again; to find missed changes, read the table itself.
   */
  readonly missed: (error: NetlinkError) => void;
}

const PERIOD_MS = 100;

/**
 * Passes on multicast messages until the signal fires. Join the groups before, so that none is
 * missed.
 *
 * @throws {NetlinkError} `NETLINK_SOCKET`, `NETLINK_CLOSED` when the socket can no longer be read
 */
export async function listen(options: ListenOptions, signal: AbortSignal): Promise<void> {
  const { clock, periodMs = PERIOD_MS } = options;
  while (!signal.aborted) {
    drain(options);
    await clock.sleep(periodMs, signal);
  }
}

/**
 * More messages than the receive buffer holds: beyond this number the sender is faster than the
 * reader.
 */
const DATAGRAMS_AT_ONCE = 4096;

function drain({ socket, notified, missed }: ListenOptions): void {
  for (let count = 0; count < DATAGRAMS_AT_ONCE; count += 1) {
    try {
      const datagram = socket.receive();
      if (datagram === undefined) return;
      for (const message of splitMessages(datagram)) notified(message);
    } catch (error) {
      if (!isNetlinkError(error, 'NETLINK_LOST', 'NETLINK_MALFORMED')) throw error;
      missed(error);
    }
  }
}
