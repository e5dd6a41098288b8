import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';

import type { Forwarding, ForwardingSocket, ForwardOptions, SocketAddress } from '../ports.js';
import { listening } from './listening.js';

/** Limits the connections that are open at a time, of all Services together. */
export class ConnectionRoom {
  readonly #most: number;
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns true where there is room for one more; the room is free again when the client's socket closes */
  enter(client: Socket): boolean {
    if (this.#open >= this.#most) return false;
    this.#open += 1;
    client.once('close', () => (this.#open -= 1));
    return true;
  }
}

/**
 * Returns how many connections fit, at two descriptors each, into three quarters of the descriptors that
 * the process may open. The rest is for rules, health checks and the API server. Upstream's userspace
 * mode used all descriptors, and panicked.
 *
 * @param limits as /proc/PID/limits, see proc_pid_limits(5)
 */
export function mostConnections(limits: string): number {
  const descriptors = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return descriptors === undefined ? Infinity : Math.floor((Number(descriptors) * 3) / 8);
}

let ofProcess: ConnectionRoom | undefined;

async function roomOfProcess(): Promise<ConnectionRoom> {
  const limits = ofProcess ? '' : await readFile('/proc/self/limits', 'utf8');
  ofProcess ??= new ConnectionRoom(mostConnections(limits));
  return ofProcess;
}

/**
 * Connects each client with a server. Half-closes are passed on, and neither side is read faster
 * than the other side takes the data.
 * A client for which there is no room is reset.
 */
export async function forwardTcp(
  { host, port }: SocketAddress,
  forwarding: Forwarding,
  options: ForwardOptions,
  given?: ConnectionRoom,
): Promise<ForwardingSocket> {
  const room = given ?? (await roomOfProcess());
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    if (room.enter(client)) void serveClient(client, forwarding, options);
    else {
      client.on('error', () => client.destroy());
      forwarding.failed(new Error('as many connections are open as there may be'));
      client.resetAndDestroy();
    }
  });
  const bound = await listening(server, { host, port });
  return {
    port: bound,
    endSessions: () => undefined,
    // does not wait for open connections
    close: async () => void server.close(),
  };
}

async function serveClient(
  client: Socket,
  forwarding: Forwarding,
  { dialTimeoutsMs }: ForwardOptions,
): Promise<void> {
  client.on('error', () => client.destroy());
  const address = plainAddress(client.remoteAddress ?? '');
  const isGone = (): boolean => client.destroyed;
  let last = new Error('there is no endpoint');
  for (const [attempt, timeoutMs] of dialTimeoutsMs.entries()) {
    const target = forwarding.pick(address, attempt);
    if (target === undefined || isGone()) break;
    try {
      const server = await dial(target, timeoutMs);
      if (isGone()) server.destroy();
      else join(client, server, forwarding);
      return;
    } catch (error) {
      last = error as Error;
    }
  }
  forwarding.failed(last);
  client.resetAndDestroy();
}

function dial({ host, port }: SocketAddress, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true });
    const give = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => {
      give(new Error(`${host} port ${port} did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      give(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

function join(client: Socket, server: Socket, forwarding: Forwarding): void {
  forwarding.opened();
  let open = 2;
  const closed = (): void => {
    open -= 1;
    if (open === 0)
      forwarding.closed({ toServer: server.bytesWritten, toClient: client.bytesWritten });
  };
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.on('error', () => to.resetAndDestroy());
    from.on('close', (hadError) => {
      if (hadError) to.resetAndDestroy();
      closed();
    });
    from.pipe(to);
  }
  client.resume();
}

export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*/, '');
}
