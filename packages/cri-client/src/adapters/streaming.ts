import { Duplex, Readable, Writable } from 'node:stream';

import {
  CHANNEL,
  decodeSessionEnd,
  encodeResize,
  portChannels,
  type SessionEnd,
} from '../codec/channel-frame.js';
import { CriError } from '../model/errors.js';
import { type ChannelSocket, openChannelSocket } from './channel-socket.js';

/** The streams that the call to `exec` or `attach` asked for. */
export interface SessionStreams {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/**
 * An exec or attach session. Streams that were not asked for end at once. A connection that breaks
 * destroys its outputs with the error that `exitCode` has. Data that is not read is
 * not sent either, and unread data blocks the other stream too: read both, or call `resume()` on
 * the one you do not need.
 */
export interface Session {
  /**
   * Ending it ends the command's input if the runtime speaks `v5.channel.k8s.io`. Older protocols
   * (containerd before 1.7) have no message for it, and the command would wait forever: `end()` then
   * fails and closes the session.
   */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * The command's exit code; 0 when an attached container ends or detaches.
   *
   * @throws {CriError} `CRI_STREAM` when the runtime does not send it; the reason of an abort
   */
  readonly exitCode: Promise<number>;
  /** Resizes the terminal. */
  resize(columns: number, rows: number): void;
  /** Closes the session; the runtime decides whether the command continues. */
  close(): void;
}

/**
 * Opens the session behind a URL from `exec` or `attach`, over WebSocket.
 *
 * @throws {CriError} `CRI_STREAM` when the session is refused or no connection is made
 */
export async function openSession(
  url: string,
  streams: SessionStreams,
  signal: AbortSignal,
): Promise<Session> {
  const outputs = { resume: (): void => undefined };
  const stdout = newOutput(streams.stdout, outputs);
  const stderr = newOutput(streams.stderr && !streams.tty, outputs);
  // what nobody asked for has ended already, and takes nothing
  const byChannel = new Map<number, Readable>();
  if (streams.stdout) byChannel.set(CHANNEL.stdout, stdout);
  if (streams.stderr && !streams.tty) byChannel.set(CHANNEL.stderr, stderr);
  const end = Promise.withResolvers<number>();
  // a caller that ignores the exit code must not get an unhandled rejection
  end.promise.catch(() => undefined);
  const statusParts: Buffer[] = [];
  let endless: CriError | undefined;
  const socket = await openChannelSocket(
    url,
    {
      data: (channel, data) => {
        if (channel === CHANNEL.status) statusParts.push(data);
        const output = byChannel.get(channel);
        return output === undefined || output.destroyed || output.push(data);
      },
      closed: (error) => {
        const status = Buffer.concat(statusParts).toString();
        if (status !== '') settle(end, decodeSessionEnd(status), url);
        else end.reject(error ?? lost(url, 'closed without an exit status'));
        const broken = endless ?? (status === '' ? error : undefined);
        for (const output of byChannel.values()) {
          if (broken === undefined) output.push(null);
          else output.destroy(broken as Error);
        }
        stdin.destroy();
      },
    },
    signal,
  );
  outputs.resume = () => socket.resume();
  const stdin = newInput(socket, streams.stdin, () => {
    endless = lost(url, `${socket.protocol} cannot end standard input`);
    end.reject(endless);
    socket.close();
    return endless;
  });
  return {
    stdin,
    stdout,
    stderr,
    exitCode: end.promise,
    resize: (columns, rows) => socket.sendFrame(encodeResize(columns, rows)),
    close: () => socket.close(),
  };
}

/** A port-forward session: one connection into the pod per port. */
export interface PortForward {
  /**
   * Connections in the order of the ports. An error of one port (`CRI_STREAM`, e.g. when nothing
   * listens) destroys its connection only. A close by the remote end ends it. Ending it on this
   * side has the same effect as destroying it.
   */
  readonly connections: readonly Duplex[];
  close(): void;
}

/**
 * Opens the session behind a URL from `portForward`, over WebSocket.
 *
 * @param ports the same ports, in the same order, as in the call that returned the URL
 * @throws {CriError} `CRI_STREAM` when the session is refused or no connection is made
 */
export async function openPortForward(
  url: string,
  ports: readonly number[],
  signal: AbortSignal,
): Promise<PortForward> {
  const outputs = { resume: (): void => undefined, socket: undefined as ChannelSocket | undefined };
  const connections = ports.map((port, index) => new Connection(port, index, outputs));
  const socket = await openChannelSocket(
    url,
    {
      data: (channel, data) => {
        const connection = connections[channel >> 1];
        return connection === undefined || connection.receive(channel, data);
      },
      closed: (error) => {
        for (const connection of connections) connection.lost(error);
      },
    },
    signal,
  );
  outputs.socket = socket;
  outputs.resume = () => socket.resume();
  return { connections, close: () => socket.close() };
}

interface Shared {
  resume(): void;
  readonly socket?: ChannelSocket | undefined;
}

/** The runtime starts each of a port's channels with the port's number in two bytes. */
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

  receive(channel: number, data: Buffer): boolean {
    if (!this.#greeted.has(channel) && data.length >= PORT_PREFIX_BYTES) {
      this.#greeted.add(channel);
      if (data.length === PORT_PREFIX_BYTES) return true;
      return this.receive(channel, data.subarray(PORT_PREFIX_BYTES));
    }
    if (this.destroyed) return true;
    if (channel === this.#channels.data) return this.push(data);
    const method = `port-forward to ${this.#port}`;
    this.destroy(new CriError('CRI_STREAM', data.toString().trim(), { method }));
    return true;
  }

  lost(error: unknown): void {
    if (error === undefined) this.push(null);
    else this.destroy(error as Error);
  }

  override _read(): void {
    this.#shared.resume();
  }

  /** Others wait for what this one did not read. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#shared.resume();
    done(error);
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#shared.socket?.send(this.#channels.data, data, done);
  }
}

function newOutput(wanted: boolean, shared: Shared): Readable {
  const output = quiet(new Readable({ read: () => shared.resume() }));
  // the other stream waits for what this one did not read
  output.once('close', () => shared.resume());
  if (!wanted) output.push(null);
  return output;
}

/** @param endless ends the session whose protocol cannot end the input, and returns the error */
function newInput(socket: ChannelSocket, wanted: boolean, endless: () => Error): Writable {
  const input = new Writable({
    write: (data: Buffer, _encoding, done) => socket.send(CHANNEL.stdin, data, done),
    final: (done) => done(!wanted || socket.sendEnd(CHANNEL.stdin) ? null : endless()),
  });
  if (!wanted) input.end();
  return quiet(input);
}

/** Ignores the failure of an unused stream, which would otherwise end the process. */
function quiet<Stream extends Readable | Writable>(stream: Stream): Stream {
  stream.on('error', () => undefined);
  return stream;
}

function settle(
  { resolve, reject }: PromiseWithResolvers<number>,
  how: SessionEnd,
  url: string,
): void {
  if (how.kind === 'exited') resolve(how.exitCode);
  else reject(lost(url, how.detail));
}

function lost(url: string, detail: string): CriError {
  return new CriError('CRI_STREAM', detail, { method: `session ${url}` });
}
