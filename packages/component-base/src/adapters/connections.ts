import type { Socket } from 'node:net';

import type { Counter } from '@nodeagent/base';

import {
  type ConnectionFacts,
  overdue,
  type ServerLimits,
  victimAmong,
} from '../plan/connection-limits.js';
import { originOf } from '../plan/origin.js';

interface Connection extends ConnectionFacts {
  readonly key: string;
  readonly socket: Socket;
  /** The generation of client CAs that the TLS handshake used. */
  readonly generation: number;
  changedMs: number;
  active: number;
  isServed: boolean;
  isProven: boolean;
}

export { SERVER_LIMITS, type ServerLimits } from '../plan/connection-limits.js';

export interface ConnectionLimits extends ServerLimits {
  /** Connections that were closed, by `reason`: `full`, `share`, `idle` or `stalled`. */
  readonly turnedAway: Counter;
  readonly nowMs: () => number;
}

/**
 * Keeps track of the clients of a server. Strangers, i.e. clients that have not authenticated, can
 * connect as often as they like. So the resources they hold stay bounded in number and in time, and
 * they cannot lock authenticated clients out.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  /** Oldest first. */
  readonly #open = new Map<string, Connection>();
  /** Number of strangers' connections, by origin. */
  readonly #strangers = new Map<string, number>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** @param generation of the client CAs that the handshake uses */
  add(socket: Socket, generation: number): void {
    const { most, mostOfStranger, nowMs } = this.#limits;
    const origin = originOf(socket.remoteAddress);
    if ((this.#strangers.get(origin) ?? 0) >= mostOfStranger) this.#makeRoom('share', origin);
    if (this.#open.size >= most) this.#makeRoom('full');
    if (this.#open.size >= most) {
      this.#turnAway(socket, 'full');
      return;
    }
    const [key, sinceMs] = [keyOf(socket), nowMs()];
    const times = { sinceMs, changedMs: sinceMs };
    const flags = { active: 0, isServed: false, isProven: false };
    const connection = { key, socket, origin, generation, ...times, ...flags };
    // a client may come again from its old port before the end of its connection is seen
    const before = this.#open.get(key);
    if (before !== undefined) this.#forget(before);
    this.#open.set(key, connection);
    this.#countStranger(origin, 1);
    socket.once('close', () => this.#forget(connection));
    // detects peers that vanish without closing
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
  }

  /**
   * Returns the generation of client CAs that a connection used; undefined for a closed connection.
   */
  generationOf(peer: Peer): number | undefined {
    return this.#open.get(keyOf(peer))?.generation;
  }

  /** @returns callbacks for the progress of one request; each is safe to repeat */
  begin(peer: Peer): Ongoing {
    const connection = this.#open.get(keyOf(peer));
    if (connection === undefined) return NOTHING;
    if (connection.active === 0) connection.changedMs = this.#limits.nowMs();
    connection.active += 1;
    let over = false;
    return {
      serve: () => {
        connection.isServed = true;
      },
      prove: () => {
        if (!connection.isProven) this.#countStranger(connection.origin, -1);
        connection.isProven = true;
      },
      end: () => {
        if (over) return;
        over = true;
        connection.active -= 1;
        connection.changedMs = this.#limits.nowMs();
      },
      cut: () => this.#turnAway(connection.socket, 'stalled'),
    };
  }

  /** Closes connections that have taken too long. */
  sweep(): void {
    const nowMs = this.#limits.nowMs();
    for (const connection of this.#open.values()) {
      const reason = overdue(connection, nowMs, this.#limits);
      if (reason !== undefined) this.#turnAway(connection.socket, reason);
    }
  }

  closeAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  /**
   * @param origin restricts the choice to strangers of this origin; absent means all connections
   */
  #makeRoom(reason: 'full' | 'share', origin?: string): void {
    const all = [...this.#open.values()];
    const isMeant = (one: Connection): boolean => !one.isProven && one.origin === origin;
    const victim = victimAmong(origin === undefined ? all : all.filter(isMeant));
    if (victim === undefined) return;
    this.#forget(victim);
    this.#turnAway(victim.socket, reason);
  }

  #turnAway(socket: Socket, reason: 'full' | 'share' | 'idle' | 'stalled'): void {
    if (socket.destroyed) return;
    this.#limits.turnedAway.increment({ reason });
    socket.destroy();
  }

  #forget(connection: Connection): void {
    if (this.#open.get(connection.key) !== connection) return;
    this.#open.delete(connection.key);
    if (!connection.isProven) this.#countStranger(connection.origin, -1);
    // later calls for this connection then change no count
    connection.isProven = true;
  }

  #countStranger(origin: string, by: number): void {
    const count = (this.#strangers.get(origin) ?? 0) + by;
    if (count > 0) this.#strangers.set(origin, count);
    else this.#strangers.delete(origin);
  }
}

/** One request on a connection. */
export interface Ongoing {
  /** The request was answered by something other than a 401. */
  serve(): void;
  /** The request came from an authenticated client. */
  prove(): void;
  end(): void;
  /** Closes the connection, because its client does not read its answer. */
  cut(): void;
}

const NOTHING: Ongoing = {
  serve: () => undefined,
  prove: () => undefined,
  end: () => undefined,
  cut: () => undefined,
};

/** The far end of a connection; undefined fields once it is closed. */
export type Peer = Readonly<Pick<Socket, 'remoteAddress' | 'remotePort'>>;

const KEEP_ALIVE_MS = 30_000;

function keyOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress} ${remotePort}`;
}
