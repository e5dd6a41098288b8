import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** A request to upgrade the connection to another protocol. */
export interface UpgradeExchange {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
}
