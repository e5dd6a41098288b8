import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

import type { SocketAddress } from '../ports.js';
import { cannotListen, listening } from './listening.js';

/** Holds a port without serving it. */
export function claimPort(
  protocol: 'TCP' | 'UDP',
  address: SocketAddress,
): Promise<Readonly<{ close(): Promise<void> }>> {
  return protocol === 'TCP' ? claimTcp(address) : claimUdp(address);
}

/** Rules lead the port's connections elsewhere; a connection that arrives anyway is closed. */
async function claimTcp(address: SocketAddress) {
  const server = createServer((socket) => socket.destroy());
  await listening(server, address);
  return { close: async () => void server.close() };
}

async function claimUdp(address: SocketAddress) {
  const { host, port } = address;
  const isV6 = host.includes(':');
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause) => {
      socket.close();
      reject(cannotListen(address, cause));
    });
    socket.bind({ address: host, port, exclusive: true }, () => resolve());
  });
  socket.removeAllListeners('error');
  socket.on('error', () => undefined); // nothing is sent or read: the bound socket holds the port
  return { close: async () => void socket.close() };
}
