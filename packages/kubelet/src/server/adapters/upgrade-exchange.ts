import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A request that wants its connection to become something else. */
export interface UpgradeExchange {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}
