import { FLAG, splitMessages } from '../codec/message.js';
import type { NetlinkSocket } from '../ports.js';

/** Counts of socket use. */
export interface SocketCounts {
  /** Number of system calls that send. */
  sends: number;
  /** Number of system calls that receive, including those that find nothing. */
  receives: number;
  /** Number of sent messages. */
  messages: number;
  /** Number of sent messages that request a whole table. */
  dumps: number;
  /** Bytes in both directions. */
  bytes: number;
}

/** Counters at zero, for {@link countSocket}. */
export function noCounts(): SocketCounts {
  return { sends: 0, receives: 0, messages: 0, dumps: 0, bytes: 0 };
}

/**
 * Wraps a socket and counts its use: the cost in system calls is the same on every machine.
 *
 * @param counts are added to, so that several sockets may share them
 */
export function countSocket(socket: NetlinkSocket, counts: SocketCounts): NetlinkSocket {
  return {
    get portId() {
      return socket.portId;
    },
    maxSendBytes: socket.maxSendBytes,
    send: (datagram) => {
      counts.sends += 1;
      counts.bytes += datagram.length;
      for (const { flags } of splitMessages(Buffer.from(datagram))) {
        counts.messages += 1;
        if ((flags & FLAG.dump) === FLAG.dump) counts.dumps += 1;
      }
      socket.send(datagram);
    },
    receive: () => {
      counts.receives += 1;
      const datagram = socket.receive();
      counts.bytes += datagram?.length ?? 0;
      return datagram;
    },
    join: (group) => socket.join(group),
    leave: (group) => socket.leave(group),
    close: () => socket.close(),
  };
}
