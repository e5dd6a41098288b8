import { createSocket, type Socket } from 'node:dgram';

import type {
  Forwarding,
  ForwardingSocket,
  ForwardOptions,
  ForwardTarget,
  SocketAddress,
} from '../ports.js';
import { plainAddress } from './forward-tcp.js';
import { cannotListen } from './listening.js';

/**
 * Maximum number of sessions of one socket; beyond it, a new client's datagrams are dropped until
 * other sessions end.
 */
const MOST_SESSIONS = 16_384;

/** Gives each client its own socket towards its server, so that answers find their way back. */
export async function forwardUdp(
  addresses: readonly SocketAddress[],
  forwarding: Forwarding,
  options: ForwardOptions,
): Promise<ForwardingSocket> {
  const fronts: Socket[] = [];
  const sessions = new Map<string, Session>();
  let port = 0;
  try {
    for (const address of addresses) {
      const front = await bind({ host: address.host, port: port === 0 ? address.port : port });
      port = front.address().port;
      fronts.push(front);
      serveFront(front, { id: fronts.length, sessions, forwarding, idleMs: options.idleMs });
    }
  } catch (error) {
    for (const front of fronts) front.close();
    throw error;
  }
  return {
    port,
    endSessions: (isGone) => {
      for (const session of sessions.values()) if (isGone(session.target)) session.end();
    },
    close: async () => {
      for (const front of fronts) front.close();
      for (const session of sessions.values()) session.end();
    },
  };
}

interface Front {
  readonly id: number;
  readonly sessions: Map<string, Session>;
  readonly forwarding: Forwarding;
  readonly idleMs: number;
}

function serveFront(front: Socket, { id, sessions, forwarding, idleMs }: Front): void {
  front.on('message', (message, { address, port }) => {
    const key = `${id} ${address} ${port}`;
    const known = sessions.get(key);
    if (known !== undefined) return known.send(message);
    if (sessions.size >= MOST_SESSIONS) {
      return forwarding.failed(new Error(`more than ${MOST_SESSIONS} UDP clients`));
    }
    const target = forwarding.pick(plainAddress(address), 0);
    if (target === undefined) return forwarding.failed(new Error('there is no endpoint'));
    // an answer that cannot be delivered is lost, as any datagram may be
    const answer = (text: Buffer): void => front.send(text, port, address, () => undefined);
    const ended = (): void => void sessions.delete(key);
    const session = new Session(target, { forwarding, idleMs, answer, ended });
    sessions.set(key, session);
    session.send(message);
  });
  front.on('error', (error) => forwarding.failed(error));
}

interface SessionOptions {
  readonly forwarding: Forwarding;
  readonly idleMs: number;
  readonly answer: (text: Buffer) => void;
  readonly ended: () => void;
}

class Session {
  readonly target: ForwardTarget;
  readonly #options: SessionOptions;
  readonly #socket: Socket;
  readonly #idle: NodeJS.Timeout;
  readonly #early: Buffer[] = [];
  #isConnected = false;
  #isOver = false;
  #toServer = 0;
  #toClient = 0;

  constructor(target: ForwardTarget, options: SessionOptions) {
    this.target = target;
    this.#options = options;
    this.#socket = createSocket(target.host.includes(':') ? 'udp6' : 'udp4');
    this.#idle = setTimeout(() => this.end(), options.idleMs);
    options.forwarding.opened();
    this.#socket.on('message', (text) => {
      this.#idle.refresh();
      this.#toClient += text.length;
      options.answer(text);
    });
    // refused: the client's next datagram gets another server
    this.#socket.on('error', (error) => {
      options.forwarding.failed(error);
      this.end();
    });
    this.#socket.connect(target.port, target.host, () => {
      if (this.#isOver) return;
      this.#isConnected = true;
      for (const message of this.#early) this.#pass(message);
    });
  }

  send(message: Buffer): void {
    this.#idle.refresh();
    if (this.#isConnected) this.#pass(message);
    else this.#early.push(message);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#idle);
    this.#socket.close();
    this.#options.ended();
    this.#options.forwarding.closed({ toServer: this.#toServer, toClient: this.#toClient });
  }

  #pass(message: Buffer): void {
    this.#toServer += message.length;
    this.#socket.send(message, (error) => {
      if (error === null || this.#isOver) return;
      this.#options.forwarding.failed(error);
      this.end();
    });
  }
}

function bind(address: SocketAddress): Promise<Socket> {
  const { host, port } = address;
  const isV6 = host.includes(':');
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6, reuseAddr: true });
  return new Promise((resolve, reject) => {
    socket.once('error', (cause) => {
      socket.close();
      reject(cannotListen(address, cause));
    });
    socket.bind(port, host, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
