import net, { type AddressInfo, type Socket } from 'node:net';

export interface FreezingProxy {
  readonly port: number;
  /**
   * Stops passing bytes in either direction on the current connections, which stay open; new ones
   * work.
   */
  freeze(): void;
  /** Number of connections so far. */
  count(): number;
  readonly close: () => void;
}

/** Passes TCP connections on to a port of this machine. */
export async function startFreezingProxy(to: number): Promise<FreezingProxy> {
  const pairs: [Socket, Socket][] = [];
  const server = net.createServer((client) => {
    const upstream = net.connect(to, '127.0.0.1');
    pairs.push([client, upstream]);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      for (const socket of pairs.flat()) socket.unpipe().pause();
    },
    count: () => pairs.length,
    close: () => {
      server.close();
      for (const socket of pairs.flat()) socket.destroy();
    },
  };
}
