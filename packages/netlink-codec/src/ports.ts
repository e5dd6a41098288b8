/**
 * An open netlink socket of one protocol. The kernel carries out what it is sent before `send`
 * returns, and its answers wait in the socket by then, so nothing here is asynchronous.
 */
export interface NetlinkSocket {
  /** The address that the kernel knows this socket by; 0 before the first `send`. */
  readonly portId: number;
  /** The longest datagram that can be sent, in bytes. */
  readonly maxSendBytes: number;
  /** @throws {NetlinkError} `NETLINK_TOO_LARGE`, `NETLINK_SOCKET`, `NETLINK_CLOSED` */
  send(datagram: Uint8Array): void;
  /**
   * The next datagram that waits, one or more messages; undefined when none does. The bytes are the
   * caller's to keep.
   *
   * @throws {NetlinkError} `NETLINK_LOST`: the socket goes on; `NETLINK_SOCKET`, `NETLINK_CLOSED`
   */
  receive(): Buffer | undefined;
  /** Joins a multicast group by number. @throws {NetlinkError} `NETLINK_SOCKET`, `NETLINK_CLOSED` */
  join(group: number): void;
  leave(group: number): void;
  /** Does nothing the second time. */
  close(): void;
}
