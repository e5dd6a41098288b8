import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** A TCP server on loopback; disposing of it closes the server and its connections. */
export interface Loopback extends AsyncDisposable {
  readonly port: number;
  /** The bytes that each connection has sent. */
  readonly received: readonly string[];
  /** How each connection ended: `end` for an orderly close by the peer, else the error code. */
  readonly endings: readonly string[];
}

export async function listen(
  onConnection: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<Loopback> {
  const received: string[] = [];
  const endings: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const index = received.push('') - 1;
    socket.on(
      'data',
      (bytes) => (received[index] = (received[index] ?? '') + bytes.toString('latin1')),
    );
    socket.on('end', () => endings.push('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => endings.push(error.code ?? 'error'));
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  const port = await bound(server, host);
  const close = (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { port, received, endings, [Symbol.asyncDispose]: close };
}

/** A server that answers each request with these bytes, once it has received the head. */
export function answering(
  answer: string | ((head: string) => string),
  { host = '127.0.0.1', end = true } = {},
): Promise<Loopback> {
  return listen((socket) => {
    let head = '';
    socket.on('data', (bytes) => {
      head += bytes.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      socket.write(typeof answer === 'string' ? answer : answer(head));
      if (end) socket.end();
    });
  }, host);
}

export function bound(server: Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** A port on loopback without a listener. */
export async function closedPort(): Promise<number> {
  await using server = await listen(() => undefined);
  return server.port;
}
