import type { Socket } from 'node:net';

/**
 * Ends a connection of which nothing more is wanted without leaving it in TIME_WAIT: the peer sees
 * an orderly end of data, and the kernel forgets the connection at once.
 *
 * Linux tells a reader end-of-file even if a reset follows, because it came first
 * (net/ipv4/tcp_input.c, tcp_fin marks the socket as done).
 *
 * A peer that has not taken all of what it was sent is reset: it might never take the rest.
 */
export function closeSocket(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.readableEnded) {
    socket.destroy(); // the peer closed first, so TIME_WAIT is on its side
    return;
  }
  if (socket.writableLength > 0) {
    socket.resetAndDestroy();
    return;
  }
  socket.end(() => {
    if (!socket.destroyed) socket.resetAndDestroy();
  });
}
