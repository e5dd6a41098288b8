import type { Clock } from '@nodeagent/base';

import { isNetlinkError } from '../model/errors.js';
import type { NetlinkSocket } from '../ports.js';
import { NetlinkConnection } from './connection.js';

/** Opens the socket when it is first needed, and again after a failure. */
export interface LastingConnectionOptions {
  /** Opens a socket; called with the first use, and with the next one after a connection broke. */
  readonly open: () => NetlinkSocket | Promise<NetlinkSocket>;
  readonly clock: Clock;
}

/** After these a connection is as good as before. */
const HARMLESS = ['NETLINK_REFUSED', 'NETLINK_VALUE', 'NETLINK_INTERRUPTED'] as const;

/** A connection that is opened when it is needed, and again after it broke. */
export class LastingConnection {
  readonly #options: LastingConnectionOptions;
  #connection: Promise<NetlinkConnection> | undefined;

  constructor(options: LastingConnectionOptions) {
    this.#options = options;
  }

  /** @throws what `work` throws, and {@link NetlinkError} when no socket can be opened */
  async use<T>(work: (connection: NetlinkConnection) => Promise<T>): Promise<T> {
    const connection = (this.#connection ??= connect(this.#options));
    try {
      return await work(await connection);
    } catch (error) {
      const isBroken = isNetlinkError(error) && !isNetlinkError(error, ...HARMLESS);
      if (isBroken && this.#connection === connection) this.close();
      throw error;
    }
  }

  /** The next use opens another one. */
  close(): void {
    this.#connection?.then(
      (connection) => connection.close(),
      () => undefined, // the socket was never opened
    );
    this.#connection = undefined;
  }
}

async function connect({ open, clock }: LastingConnectionOptions): Promise<NetlinkConnection> {
  return new NetlinkConnection({ socket: await open(), clock });
}
