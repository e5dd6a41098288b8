/**
 * An open netlink socket of one protocol. The kernel processes a message before `send` returns, and
 * its answers are then waiting in the socket, so nothing here is asynchronous.
 */
export interface NetlinkSocket {
  /** The socket's address in the kernel; 0 before the first `send`. */
  readonly portId: number;
  /** The longest datagram that can be sent, in bytes. */
  readonly maxSendBytes: number;
  /** @throws {NetlinkError} `NETLINK_TOO_LARGE`, `NETLINK_SOCKET`, `NETLINK_CLOSED` */
  send(datagram: Uint8Array): void;
  /**
   * Returns the next waiting datagram, with one or more messages; undefined when there is none. The
   * caller may keep the bytes.
   *
   * @throws {NetlinkError} `NETLINK_LOST`: the socket remains usable; `NETLINK_SOCKET`,
   *   `NETLINK_CLOSED`
   */
  receive(): Buffer | undefined;
  /** Joins a multicast group by number. @throws {NetlinkError} `NETLINK_SOCKET`, `NETLINK_CLOSED` */
  join(group: number): void;
  leave(group: number): void;
  /** Has no effect the second time. */
  close(): void;
}
