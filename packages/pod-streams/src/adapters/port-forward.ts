import { Duplex } from 'node:stream';

import { type ChannelProtocol, portChannels } from '../codec/channel-frame.js';
import type { SessionFailure } from '../model/failure.js';
import type { ChannelSocket, OpenChannels } from '../ports.js';
import { quiet } from './quiet.js';

/** The ports of a session, and how its errors are made. */
export interface PortForwardOptions {
  /** The same ports, in the same order, as the server was asked for. */
  readonly ports: readonly number[];
  readonly toError: (failure: SessionFailure) => Error;
}

/** A port-forward session: one connection into the pod per port. */
export interface PortForward {
  /**
   * Connections in the order of the ports. An error of one port, e.g. when nothing listens, destroys its
   * connection only. A close by the remote end ends it. The protocol cannot end one direction:
   * after `end()` the connection goes on until the remote end closes it or it is destroyed here. The
   * session closes when all its connections are destroyed.
   */
  readonly connections: readonly Duplex[];
  close(): void;
}

/** Version 5 is about the end of channels of commands; servers know it for exec and attach only. */
const PROTOCOLS: readonly ChannelProtocol[] = ['v4.channel.k8s.io'];

/**
 * Opens a port-forward session over a connection.
 *
 * @throws what `open` throws, when the session is refused or no connection is made
 * @see Kubernetes 1.36 staging/src/k8s.io/cri-streaming/pkg/streaming/portforward/websocket.go
 */
export async function openPortForward(
  open: OpenChannels,
  { ports, toError }: PortForwardOptions,
): Promise<PortForward> {
  const shared: Shared = {
    socket: undefined,
    toError,
    left: () => {
      if (connections.every(({ destroyed }) => destroyed)) shared.socket?.close();
    },
  };
  const connections = ports.map((port, index) => new Connection(port, index, shared));
  const socket = await open(PROTOCOLS, {
    data: (channel, data) => {
      const connection = connections[channel >> 1];
      return connection === undefined || connection.receive(channel, data);
    },
    closed: (error) => {
      for (const connection of connections) connection.lost(error);
    },
  });
  shared.socket = socket;
  return { connections, close: () => socket.close() };
}

interface Shared {
  socket: ChannelSocket | undefined;
  readonly toError: PortForwardOptions['toError'];
  /** Called when a connection is destroyed. */
  left(): void;
}

/** The server starts each of a port's channels with the port's number in two bytes. */
const PORT_PREFIX_BYTES = 2;

class Connection extends Duplex {
  readonly #port: number;
  readonly #channels: ReturnType<typeof portChannels>;
  readonly #shared: Shared;
  readonly #greeted = new Set<number>();

  constructor(port: number, index: number, shared: Shared) {
    super({ allowHalfOpen: false });
    this.#port = port;
    this.#channels = portChannels(index);
    this.#shared = shared;
    quiet(this);
  }

  receive(channel: number, data: Uint8Array): boolean {
    if (!this.#greeted.has(channel) && data.length >= PORT_PREFIX_BYTES) {
      this.#greeted.add(channel);
      if (data.length === PORT_PREFIX_BYTES) return true;
      return this.receive(channel, data.subarray(PORT_PREFIX_BYTES));
    }
    if (this.destroyed) return true;
    if (channel === this.#channels.data) return this.push(data);
    const detail = Buffer.from(data).toString().trim();
    this.destroy(this.#shared.toError({ kind: 'port', detail, port: this.#port }));
    return true;
  }

  lost(error: unknown): void {
    if (error === undefined) this.push(null);
    else this.destroy(error as Error);
  }

  override _read(): void {
    this.#shared.socket?.resume();
  }

  /** Others wait for what this one did not read. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#shared.socket?.resume();
    this.#shared.left();
    done(error);
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#shared.socket?.send(this.#channels.data, data, done);
  }
}
