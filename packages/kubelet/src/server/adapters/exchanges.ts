import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { Socket } from 'node:net';

import type { Clock, Counter } from '@nodeagent/base';
import type { Connections, Ongoing } from '@nodeagent/component-base/connections';
import { readBody } from '@nodeagent/component-base/guard-server';

import { parseSocketProtocols } from '../codec/socket-protocols.js';
import { type Answer, failure, type NodeRequest } from '../model/exchange.js';
import type { Credentials } from '../model/identity.js';
import type { HandleRequest } from '../ports.js';
import type { PeerIdentity } from './peer-identity.js';
import {
  type AnyRequest,
  type AnyResponse,
  respond,
  respondUpgrade,
  StalledError,
} from './respond.js';

export interface ExchangeOptions {
  readonly handle: HandleRequest;
  readonly connections: Connections;
  /** @param generation of the client CAs at the time of the TLS handshake */
  readonly identify: (
    request: AnyRequest,
    generation: number | undefined,
  ) => PeerIdentity | 'unknown' | 'stale';
  /** Cuts streams without traffic for this long; 0: never. */
  readonly streamIdleTimeoutMs: number;
  /** Maximum time to send a piece of an answer, for unauthenticated and authenticated clients. */
  readonly stallMs: Readonly<{ stranger: number; known: number }>;
  /** Maximum time for the client to close the connection after a refused upgrade. */
  readonly lingerMs: number;
  /** Counts answers that were cut because the client did not read them. */
  readonly cut: Counter;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Checks again: a socket may be destroyed while its answer is pending. */
const isDestroyed = (socket: Socket): boolean => socket.destroyed;

/** Handles HTTP requests and upgrades. */
export class Exchanges {
  readonly #options: ExchangeOptions;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  async answer(request: AnyRequest, response: AnyResponse): Promise<void> {
    const gone = new AbortController();
    const ongoing = this.#options.connections.begin(peerOf(request.socket));
    response.once('close', () => {
      ongoing.end();
      gone.abort(new Error('the client is gone'));
    });
    response.once('finish', () => {
      // Close the connection, or the client would send the whole of a body that no one reads.
      if (!request.complete && request.httpVersionMajor === 1) request.socket.destroySoon();
    });
    const caller = { isKnown: false };
    const onKnown = (): void => {
      caller.isKnown = true;
      ongoing.prove();
    };
    const answer = await this.#ask(request, { upgrade: false, onKnown }, gone.signal);
    note(ongoing, answer);
    if (answer.kind === 'proxy') return;
    try {
      const stallMs = this.#options.stallMs[caller.isKnown ? 'known' : 'stranger'];
      await respond(answer, response, { stallMs, signal: gone.signal });
    } catch (error) {
      if (!(error instanceof StalledError)) throw error;
      this.#options.cut.increment();
      // Keep the connection: its other streams belong to an authenticated client.
      if (caller.isKnown) (response as ServerResponse).destroy();
      else ongoing.cut();
    }
  }

  async upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const { connections, streamIdleTimeoutMs, stallMs, lingerMs } = this.#options;
    const gone = new AbortController();
    const ongoing = connections.begin(peerOf(socket));
    socket.on('error', () => undefined); // a close event follows
    socket.once('close', () => {
      ongoing.end();
      gone.abort(new Error('the client is gone'));
    });
    const onKnown = (): void => ongoing.prove();
    const answer = await this.#ask(request, { upgrade: true, onKnown }, gone.signal);
    note(ongoing, answer);
    if (socket.destroyed) return;
    const isJoined = await respondUpgrade(
      answer,
      { request, socket, head },
      { idleTimeoutMs: streamIdleTimeoutMs, stallMs: stallMs.stranger, signal: gone.signal },
    ).catch((error: unknown) => {
      if (!(error instanceof StalledError)) throw error;
      ongoing.cut();
      return false;
    });
    if (isJoined || isDestroyed(socket)) return;
    const patience = setTimeout(() => ongoing.cut(), lingerMs);
    socket.once('close', () => clearTimeout(patience));
  }

  async #ask(
    request: AnyRequest,
    { upgrade, onKnown }: Pick<NodeRequest, 'upgrade' | 'onKnown'>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { handle, identify, connections, clock } = this.#options;
    const target = request.url ?? '';
    if (!target.startsWith('/')) return failure(400, 'the request must name a path');
    const at = target.indexOf('?');
    const peer = identify(request, connections.generationOf(peerOf(request.socket)));
    const isExpired = typeof peer === 'object' && peer.notAfterMs < clock.nowMs();
    if (peer === 'stale' || isExpired) {
      if ('stream' in request) request.stream.session?.close();
      return { ...failure(401, 'Unauthorized'), headers: { connection: 'close' } };
    }
    const credentials: Credentials = {
      authorization: request.headers.authorization ?? authorizationOf(request, upgrade),
      ...(typeof peer === 'object' && { certificate: peer.identity }),
    };
    return handle(
      {
        method: request.method ?? '',
        path: at === -1 ? target : target.slice(0, at),
        query: new URLSearchParams(at === -1 ? '' : target.slice(at + 1)),
        credentials,
        from: request.socket.remoteAddress,
        accept: request.headers.accept,
        upgrade,
        readBody: (mostBytes) => readBody(request, mostBytes),
        ...(onKnown && { onKnown }),
      },
      signal,
    );
  }
}

function note(ongoing: Ongoing, answer: Answer): void {
  if (!isRefusal(answer)) ongoing.serve();
  // A client that may open a session is authorized, even if it is anonymous.
  if (answer.kind !== 'body') ongoing.prove();
}

/** The token in the sub-protocols of a WebSocket, from a client that cannot send headers. */
function authorizationOf({ headers }: AnyRequest, upgrade: boolean): string | undefined {
  if (!upgrade || headers.upgrade?.toLowerCase() !== 'websocket') return undefined;
  const { token } = parseSocketProtocols(headers['sec-websocket-protocol']);
  return token === undefined ? undefined : `Bearer ${token}`;
}

/** The caller is unknown, or its review was refused. */
function isRefusal(answer: Answer): boolean {
  return answer.kind === 'body' && (answer.status === 401 || answer.status === 429);
}

/** A copy, because a closed socket no longer knows its peer. */
function peerOf({
  remoteAddress,
  remotePort,
}: Socket | Http2ServerRequest['socket']): Readonly<Pick<Socket, 'remoteAddress' | 'remotePort'>> {
  return { remoteAddress, remotePort };
}
