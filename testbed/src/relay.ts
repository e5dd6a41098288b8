import { connect, createServer, type Server, type Socket } from 'node:net';

import { joinSockets } from './join-sockets.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Relay extends Address {
  stop(): Promise<void>;
}

/**
 * Relays TCP connections, so that a node in a network namespace reaches addresses that only this
 * machine can reach, without a packet filter rule.
 *
 * @param host the address to listen on; the port is any free one
 */
export async function startRelay(host: string, target: Address): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer((near) => joinSockets(near, connect(target.port, target.host), open));
  const port = await listen(server, host);
  return {
    host,
    port,
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of open) socket.destroy();
      }),
  };
}

function listen(server: Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no TCP address'));
      else resolve(address.port);
    });
  });
}
