import {
  isNetlinkError,
  type NetlinkMessage,
  type NetlinkSocket,
  splitMessages,
} from '@nodeagent/netlink-codec';

import { NFNL } from '../codec/nft-attrs.js';

/** Who wants to know what happens to tables. */
export interface NftListener {
  /** A change of any table, by whomever. */
  onMessage(message: NetlinkMessage): void;
  /** Changes went unheard: what they were of is not known. */
  onLost(): void;
}

/**
 * Hears the changes of all tables of a network namespace, for as many tables as there are in this
 * process: the kernel copies what it tells for each socket that listens, and a large step tells of
 * every element. So all tables share one, and it is deaf while one of them takes such a step.
 */
export class NftEars {
  readonly #socket: NetlinkSocket;
  readonly #listeners = new Set<NftListener>();

  /** @param socket of protocol NETLINK_NETFILTER, used for nothing else */
  constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#socket.join(NFNL.group);
  }

  /** @returns ends it */
  add(listener: NftListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Hands out what waits, without waiting. */
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

  /** Tells every listener that changes went unheard. */
  missed(): void {
    for (const listener of this.#listeners) listener.onLost();
  }

  /** Not to be told of the own step that is about to be taken; nothing may be awaited until {@link open}. */
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
