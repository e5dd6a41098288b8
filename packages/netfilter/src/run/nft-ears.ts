import {
  isNetlinkError,
  type NetlinkMessage,
  type NetlinkSocket,
  splitMessages,
} from '@nodeagent/netlink-codec';

import { NFNL } from '../codec/nft-attrs.js';

/** Receives the changes of tables. */
export interface NftListener {
  /** Called for a change of any table by any program. */
  onMessage(message: NetlinkMessage): void;
  /** Called when changes were missed; their tables are unknown. */
  onLost(): void;
}

/**
 * Receives the changes of all tables of a network namespace, on behalf of every table handle of
 * this process. The kernel copies its notifications for each listening socket, and a large step
 * sends one for every element. So all handles share one socket, and it does not listen while one of
 * them takes a large step.
 */
export class NftEars {
  readonly #socket: NetlinkSocket;
  readonly #listeners = new Set<NftListener>();

  /** @param socket of protocol NETLINK_NETFILTER, with no other use */
  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#socket.join(NFNL.group);
  }

  /** @returns a function that removes the listener */
  add(listener: NftListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Delivers pending notifications, without waiting. */
  hear(): void {
    for (;;) {
      try {
        const datagram = this.#socket.receive();
        if (datagram === undefined) return;
        for (const message of splitMessages(datagram)) {
          for (const listener of this.#listeners) listener.onMessage(message);
        }
      } catch (error) {
        if (!isNetlinkError(error, 'NETLINK_LOST', 'NETLINK_MALFORMED')) throw error;
        this.missed();
      }
    }
  }

  /** Reports to every listener that changes were missed. */
  missed(): void {
    for (const listener of this.#listeners) listener.onLost();
  }

  /**
   * Stops listening for the step that follows; the caller must not await anything until {@link
   * open}.
   */
  shut(): void {
    this.#socket.leave(NFNL.group);
  }

  open(): void {
    this.#socket.join(NFNL.group);
  }

  close(): void {
    this.#socket.close();
  }
}
