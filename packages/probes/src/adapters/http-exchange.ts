import { Buffer } from 'node:buffer';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';

import { encodeHttpRequest } from '../codec/http-request-text.js';
import { HttpResponseReader } from '../codec/http-response.js';
import { describeSocketError, isOwnLack } from '../codec/socket-error.js';
import { DETAIL_LIMIT_BYTES } from '../model/result.js';
import type { HttpRequest } from '../plan/http-request.js';
import { closeSocket } from './close-socket.js';

export type Exchange =
  | Readonly<{ kind: 'answer'; status: number; location: string | undefined; body: string }>
  /**
   * `here`: no connection could be made for want of room on this machine. A failure in the head
   * leaves nothing known; after the head, at least the status is known.
   */
  | Readonly<{ kind: 'failed'; phase: 'here' | 'head' | 'body'; detail: string }>;

/** All sockets read into one buffer; bytes to keep are copied at once. */
const readBuffer = Buffer.allocUnsafeSlow(16 * 1024);
let lenient: SecureContext | undefined;

/** Accepts any certificate, even with weak keys. Loads no root certificates. */
function lenientContext(): SecureContext {
  lenient ??= createSecureContext({ ca: [], ciphers: 'DEFAULT:@SECLEVEL=0' });
  return lenient;
}

/**
 * Makes one request on a connection of its own, straight to the address: no proxy, no keep-alive. A
 * socket and a small parser replace node:http, which costs about twice the CPU time.
 */
export function exchange(
  request: HttpRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const reader = new HttpResponseReader(DETAIL_LIMIT_BYTES);
    const settle = (outcome: Exchange | undefined): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (outcome === undefined) reject(signal.reason as Error);
      else resolve(outcome);
    };
    const fail = (detail: string, isHere = false): void => {
      const phase = isHere ? 'here' : reader.head === undefined ? 'head' : 'body';
      settle({ kind: 'failed', phase, detail });
      socket.destroy();
    };
    const advance = (): void => {
      if (reader.problem !== undefined) fail(reader.problem);
      else if (reader.done && reader.head !== undefined) {
        settle({ kind: 'answer', ...reader.head, body: reader.body() });
        close();
      }
    };
    const onAbort = (): void => {
      settle(undefined);
      socket.destroy();
    };
    const timer = setTimeout(() => fail(deadlineText(reader)), timeoutMs);
    const { socket, close } = open(request, (bytes) => {
      reader.push(bytes);
      advance();
    });
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('end', () => {
      reader.end();
      advance();
    });
    // The listener stays until the socket is closed: a promise settles once, so later errors have
    // no effect.
    let connected = false;
    socket.once('connect', () => (connected = true));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const detail = describeSocketError(error, connected ? 'read' : 'dial', request);
      fail(detail, !connected && isOwnLack(error));
    });
    socket.write(encodeHttpRequest(request), 'utf8');
  });
}

interface Connection {
  readonly socket: Socket;
  readonly close: () => void;
}

function open(request: HttpRequest, onData: (bytes: Buffer) => void): Connection {
  const { scheme, hostname, port } = request;
  if (scheme === 'http') {
    const callback = (count: number, buffer: Uint8Array): boolean => {
      onData(Buffer.from(buffer.buffer, buffer.byteOffset, count));
      return true;
    };
    const socket = connect({ host: hostname, port, onread: { buffer: readBuffer, callback } });
    return { socket, close: () => closeSocket(socket) };
  }
  const socket = connectTls({
    host: hostname,
    port,
    rejectUnauthorized: false,
    secureContext: lenientContext(),
    ALPNProtocols: ['http/1.1'],
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
  });
  socket.on('data', onData);
  return { socket, close: () => socket.destroy() };
}

function deadlineText(reader: HttpResponseReader): string {
  const where =
    reader.head === undefined
      ? 'Client.Timeout exceeded while awaiting headers'
      : 'Client.Timeout or context cancellation while reading body';
  return `context deadline exceeded (${where})`;
}
