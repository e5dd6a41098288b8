import type { Socket } from 'node:net';

/**
 * Closes a connection without leaving it in TIME_WAIT: the peer sees an orderly end of data, and
 * the kernel drops the connection at once.
 *
 * Linux reports end-of-file to a reader even if a reset follows, because the end came first
 * (net/ipv4/tcp_input.c, tcp_fin marks the socket as done).
 *
 * A peer that has not received everything yet is reset, because it might never read the rest.
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
