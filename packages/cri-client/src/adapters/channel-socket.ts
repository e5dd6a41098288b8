import { type ClientRequest, type IncomingMessage } from 'node:http';

import { WebSocket } from 'ws';

import {
  CHANNEL_PROTOCOLS,
  type ChannelProtocol,
  encodeEndOfChannel,
  encodeFrame,
} from '../codec/channel-frame.js';
import { CriError } from '../model/errors.js';

/** Number of bytes of an HTTP answer shown when a session is refused. */
const MAX_REFUSAL_BYTES = 1024;

export interface ChannelHandlers {
  /** @returns false to pause messages until {@link ChannelSocket.resume} */
  data(channel: number, data: Buffer): boolean;
  /** Called exactly once. `error` is the abort's reason, or a CriError if the connection broke. */
  closed(error: unknown): void;
}

/** A WebSocket whose messages belong to numbered channels. */
export interface ChannelSocket {
  readonly protocol: ChannelProtocol;
  send(channel: number, data: Uint8Array, done: (error?: Error | null) => void): void;
  /** @returns false when the protocol has no message for it */
  sendEnd(channel: number): boolean;
  sendFrame(frame: Buffer): void;
  resume(): void;
  close(): void;
}

/**
 * @param url the runtime's URL, `http` or `https`; certificates are not verified, because they
 *   are the runtime's own
 * @throws {CriError} `CRI_STREAM` when the session is refused or no connection is made
 */
export function openChannelSocket(
  url: string,
  handlers: ChannelHandlers,
  signal: AbortSignal,
): Promise<ChannelSocket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const socket = new WebSocket(url.replace(/^http/, 'ws'), [...CHANNEL_PROTOCOLS], {
      perMessageDeflate: false,
      rejectUnauthorized: false,
    });
    const state: { opened: boolean; failure: Error | undefined } = {
      opened: false,
      failure: undefined,
    };
    const abort = (): void => {
      state.failure = signal.reason as Error;
      socket.terminate();
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.on('unexpected-response', (_request: ClientRequest, response: IncomingMessage) => {
      void refusal(url, response).then((error) => {
        state.failure ??= error;
        socket.terminate();
      });
    });
    socket.on('error', (cause) => {
      state.failure ??= new CriError('CRI_STREAM', cause.message, { method: `open ${url}`, cause });
    });
    socket.on('close', () => {
      signal.removeEventListener('abort', abort);
      if (state.opened) handlers.closed(state.failure);
      else reject(state.failure ?? new CriError('CRI_STREAM', 'closed', { method: `open ${url}` }));
    });
    socket.on('message', (message: Buffer) => {
      const [channel] = message;
      if (channel === undefined) return;
      if (!handlers.data(channel, message.subarray(1))) socket.pause();
    });
    socket.on('open', () => {
      state.opened = true;
      resolve(wrap(socket));
    });
  });
}

function wrap(socket: WebSocket): ChannelSocket {
  const protocol = socket.protocol as ChannelProtocol;
  return {
    protocol,
    send: (channel, data, done) => socket.send(encodeFrame(channel, data), done),
    sendEnd: (channel) => {
      if (protocol !== 'v5.channel.k8s.io') return false;
      socket.send(encodeEndOfChannel(channel));
      return true;
    },
    sendFrame: (frame) => socket.send(frame),
    resume: () => socket.resume(),
    close: () => socket.close(),
  };
}

async function refusal(url: string, response: IncomingMessage): Promise<CriError> {
  let body = '';
  for await (const chunk of response) {
    body += String(chunk);
    if (body.length >= MAX_REFUSAL_BYTES) break;
  }
  const detail = `HTTP ${response.statusCode ?? 0} ${body.trim()}`.trim();
  return new CriError('CRI_STREAM', detail, { method: `open ${url}` });
}
