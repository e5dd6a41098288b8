import http from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';

export interface ConnectProxy {
  readonly url: string;
  /** Addresses that were asked for. */
  readonly asked: readonly string[];
  readonly close: () => void;
}

/** An HTTP proxy for CONNECT to ports of this machine. */
export async function startConnectProxy(): Promise<ConnectProxy> {
  const asked: string[] = [];
  const sockets = new Set<Duplex>();
  const proxy = http.createServer().on('connect', ({ url = '' }, socket: Duplex) => {
    asked.push(url);
    const target = net.connect(Number(url.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(target).pipe(socket);
    });
    for (const one of [socket, target]) {
      sockets.add(one);
      one.on('error', () => one.destroy());
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const { port } = proxy.address() as net.AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    },
  };
}
