import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

import { joinSockets } from './join-sockets.ts';

/** A relay between two programs on a unix socket that can separate them. */
export interface SocketRelay {
  /** `unix://…`: the client's endpoint. */
  readonly endpoint: string;
  /** Breaks every connection, and accepts none until `mend`. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/**
 * Relays the bytes of unix socket connections. A cut looks to a client like a killed server: broken
 * connections, then no listener. The relay ends with its process, or when it is cut.
 *
 * @param path the socket's path; keep it short: the kernel allows 107 bytes
 */
export async function startSocketRelay(path: string, target: string): Promise<SocketRelay> {
  const open = new Set<Socket>();
  const server = createServer((near) => joinSockets(near, connect(target), open));
  server.unref();
  const mend = async (): Promise<void> => {
    if (server.listening) return;
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
  };
  const cut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of open) socket.destroy();
    await closed;
  };
  await mend();
  return { endpoint: `unix://${path}`, cut, mend };
}
