import type { Server } from 'node:net';

import { ProxyError } from '../model/errors.js';
import type { SocketAddress } from '../ports.js';

/** @returns the port that the server listens on */
export async function listening(server: Server, address: SocketAddress): Promise<number> {
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(address, cause)));
    server.listen({ host, port, ipv6Only: host.includes(':') }, resolve);
  });
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

export function cannotListen({ host, port }: SocketAddress, cause: Error): ProxyError {
  return new ProxyError('PROXY_LISTEN', `cannot listen on ${host} port ${port}: ${cause.message}`, {
    cause,
  });
}
