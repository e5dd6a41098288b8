import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

/** Stands between two programs that talk through a unix socket, and can part them. */
export interface SocketRelay {
  /** `unix://…`: where the one that asks connects. */
  readonly endpoint: string;
  /** Breaks every connection, and answers none until `mend`. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

/**
 * Passes the bytes of unix socket connections on. A cut is what a client sees of a server that was
 * killed: broken connections, then nobody there. It ends with its process, or when it is cut.
 *
 * @param path where to listen; a short one: the kernel takes 107 bytes
 */
export async function startSocketRelay(path: string, target: string): Promise<SocketRelay> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
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
