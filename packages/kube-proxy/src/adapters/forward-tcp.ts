import { connect, createServer, type Socket } from 'node:net';

import type { Forwarding, ForwardingSocket, ForwardOptions, SocketAddress } from '../ports.js';
import { listening } from './listening.js';

/**
 * Connects each client with a server. Half-closes are passed on, and neither side is read faster
 * than the other side takes the data.
 */
export async function forwardTcp(
  { host, port }: SocketAddress,
  forwarding: Forwarding,
  options: ForwardOptions,
): Promise<ForwardingSocket> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    void serveClient(client, forwarding, options);
  });
  const bound = await listening(server, { host, port });
  return {
    port: bound,
    endSessions: () => undefined,
    // does not wait for open connections
    close: async () => void server.close(),
  };
}

async function serveClient(
  client: Socket,
  forwarding: Forwarding,
  { dialTimeoutsMs }: ForwardOptions,
): Promise<void> {
  client.on('error', () => client.destroy());
  const address = plainAddress(client.remoteAddress ?? '');
  let last = new Error('there is no endpoint');
  for (const [attempt, timeoutMs] of dialTimeoutsMs.entries()) {
    const target = forwarding.pick(address, attempt);
    if (target === undefined || client.destroyed) break;
    try {
      const server = await dial(target, timeoutMs);
      if (client.destroyed) server.destroy();
      else join(client, server, forwarding);
      return;
    } catch (error) {
      last = error as Error;
    }
  }
  forwarding.failed(last);
  client.resetAndDestroy();
}

function dial({ host, port }: SocketAddress, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const give = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      give(new Error(`${host} port ${port} did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      give(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function join(client: Socket, server: Socket, forwarding: Forwarding): void {
  forwarding.opened();
  let open = 2;
  const closed = (): void => {
    open -= 1;
    if (open === 0)
      forwarding.closed({ toServer: server.bytesWritten, toClient: client.bytesWritten });
  };
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.on('error', () => to.resetAndDestroy());
    from.on('close', (hadError) => {
      if (hadError) to.resetAndDestroy();
      closed();
    });
    from.pipe(to);
  }
  client.resume();
}

export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*/, '');
}
