import { connect, type Socket } from 'node:net';

import { DbusError } from '../model/errors.js';
import type { DbusStream } from '../ports.js';

const CONNECT_TIMEOUT_MS = 5000;
/** More than this unread by the other side ends the connection. */
const MAX_UNSENT_BYTES = 2 ** 24;

/**
 * Connects to a Unix socket.
 *
 * @param path one that starts with a zero is in the kernel's own name space
 * @throws {DbusError} `DBUS_UNREACHABLE`
 */
export async function openUnixStream(path: string): Promise<DbusStream> {
  const socket = await connected(path);
  socket.pause();
  return {
    send: (bytes) => {
      socket.write(bytes);
      if (socket.writableLength <= MAX_UNSENT_BYTES) return;
      socket.destroy(new DbusError('DBUS_CLOSED', 'the other side does not read'));
    },
    listen: ({ onBytes, onClose }) => {
      let reason: unknown;
      socket.on('data', onBytes);
      socket.on('error', (error) => {
        reason = error;
      });
      socket.on('close', () => onClose(reason));
      socket.resume();
    },
    close: () => {
      socket.on('error', () => undefined); // of a write that is under way
      socket.destroy();
    },
  };
}

async function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const fail = (cause: Error): void => {
      socket.destroy();
      const message = `cannot connect to ${path.replace('\0', '@')}: ${cause.message}`;
      reject(new DbusError('DBUS_UNREACHABLE', message, { cause }));
    };
    const late = (): void => fail(new Error(`no answer within ${CONNECT_TIMEOUT_MS} ms`));
    socket.setTimeout(CONNECT_TIMEOUT_MS, late);
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.setTimeout(0, late);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
