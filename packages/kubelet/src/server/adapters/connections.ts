import type { Socket } from 'node:net';

import type { Counter } from '@nodeagent/base';

interface Connection {
  readonly socket: Socket;
  readonly sinceMs: number;
  /** Requests being answered, streams that it became. */
  active: number;
  /** One of its requests was let in. */
  proven: boolean;
}

export interface ConnectionLimits {
  /** Connections at a time; one more costs the oldest that does nothing. */
  readonly most: number;
  /** How long one may stay that has not yet made a request that was let in. */
  readonly unprovenMs: number;
  /** Connections that were closed for these reasons. */
  readonly turnedAway: Counter;
}

/**
 * Who is connected. Strangers can connect as often as they like: what they hold must stay bounded,
 * and must not keep those out who may come in.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  /** Oldest first. */
  readonly #open = new Map<string, Connection>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  add(socket: Socket, nowMs: number): void {
    if (this.#open.size >= this.#limits.most) this.#makeRoom();
    if (this.#open.size >= this.#limits.most) {
      this.#limits.turnedAway.increment({ reason: 'full' });
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    this.#open.set(key, { socket, sinceMs: nowMs, active: 0, proven: false });
    socket.once('close', () => this.#open.delete(key));
    // finds out about peers that vanish without a word
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
  }

  /** @returns what to call when it is answered; safe to repeat */
  begin(peer: Peer): Ongoing {
    const connection = this.#open.get(keyOf(peer));
    if (connection !== undefined) connection.active += 1;
    let over = false;
    return {
      prove: () => {
        if (connection !== undefined) connection.proven = true;
      },
      end: () => {
        if (connection !== undefined && !over) connection.active -= 1;
        over = true;
      },
    };
  }

  /** Closes those that have been strangers for too long. */
  sweep(nowMs: number): void {
    for (const { socket, sinceMs, active, proven } of this.#open.values()) {
      if (proven || active > 0 || nowMs - sinceMs < this.#limits.unprovenMs) continue;
      this.#limits.turnedAway.increment({ reason: 'idle' });
      socket.destroy();
    }
  }

  closeAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #makeRoom(): void {
    const idle = [...this.#open].filter(([, { active }]) => active === 0);
    const [key, connection] = idle.find(([, { proven }]) => !proven) ?? idle[0] ?? [];
    if (key === undefined || connection === undefined) return;
    this.#open.delete(key);
    this.#limits.turnedAway.increment({ reason: 'full' });
    connection.socket.destroy();
  }
}

/** One request on a connection. */
export interface Ongoing {
  prove(): void;
  end(): void;
}

export type Peer = Readonly<Pick<Socket, 'remoteAddress' | 'remotePort'>>;

const KEEP_ALIVE_MS = 30_000;

function keyOf({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress} ${remotePort}`;
}
