import { Readable, Writable } from 'node:stream';

import {
  CHANNEL,
  CHANNEL_PROTOCOLS,
  decodeSessionEnd,
  type SessionEnd,
} from '../codec/channel-frame.js';
import type { SessionFailure } from '../model/failure.js';
import type { SessionStreams } from '../model/session-streams.js';
import type { ChannelSocket, OpenChannels } from '../ports.js';
import { quiet } from './quiet.js';

export type { SessionStreams };

/** The streams of a session, and how its errors are made. */
export interface SessionOptions {
  readonly streams: SessionStreams;
  readonly toError: (failure: SessionFailure) => Error;
}

/**
 * An exec or attach session. Streams that were not asked for end at once. A connection that breaks
 * destroys its outputs with the error that `exitCode` has. Data that is not read is
 * not sent either, and unread data blocks the other stream too: read both, or call `resume()` on
 * the one you do not need.
 */
export interface Session {
  /**
   * Ending it ends the command's input if the server speaks `v5.channel.k8s.io`. Older protocols
   * (containerd before 1.7, API servers before 1.30) have no message for it, and the command would wait
   * forever: `end()` then fails and closes the session.
   */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * The command's exit code; 0 when an attached container ends or detaches. It rejects when the server
   * does not send one, and with the reason of an abort.
   */
  readonly exitCode: Promise<number>;
  /** Resizes the terminal. */
  resize(columns: number, rows: number): void;
  /** Closes the session; the server decides whether the command continues. */
  close(): void;
}

/**
 * Opens an exec or attach session over a connection.
 *
 * @throws what `open` throws, when the session is refused or no connection is made
 */
export async function openSession(
  open: OpenChannels,
  { streams, toError }: SessionOptions,
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
  const statusParts: Uint8Array[] = [];
  let endless: Error | undefined;
  const socket = await open(CHANNEL_PROTOCOLS, {
    data: (channel, data) => {
      if (channel === CHANNEL.status) statusParts.push(data);
      const output = byChannel.get(channel);
      return output === undefined || output.destroyed || output.push(data);
    },
    closed: (error) => {
      const status = Buffer.concat(statusParts).toString();
      const without = 'closed without an exit status';
      if (status !== '') settle(end, decodeSessionEnd(status), toError);
      else end.reject(error ?? toError({ kind: 'no-status', detail: without }));
      const broken = endless ?? (status === '' ? error : undefined);
      for (const output of byChannel.values()) {
        if (broken === undefined) output.push(null);
        else output.destroy(broken as Error);
      }
      stdin.destroy();
    },
  });
  outputs.resume = () => socket.resume();
  const stdin = newInput(socket, streams.stdin, () => {
    const { protocol } = socket;
    const detail = `${protocol} cannot end standard input`;
    endless = toError({ kind: 'endless-input', detail, protocol });
    end.reject(endless);
    socket.close();
    return endless;
  });
  return {
    stdin,
    stdout,
    stderr,
    exitCode: end.promise,
    resize: (columns, rows) => socket.sendSize(columns, rows),
    close: () => socket.close(),
  };
}

function newOutput(wanted: boolean, shared: Readonly<{ resume(): void }>): Readable {
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

function settle(
  { resolve, reject }: PromiseWithResolvers<number>,
  end: SessionEnd,
  toError: SessionOptions['toError'],
): void {
  if (end.kind === 'exited') resolve(end.exitCode);
  else reject(toError(end));
}
