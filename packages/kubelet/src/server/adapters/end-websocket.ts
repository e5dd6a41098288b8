import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';

import { type WebSocket, WebSocketServer } from 'ws';

import { type CHANNELS_V5, PORT_FORWARD_TUNNEL } from '../codec/socket-protocols.js';
import { encodeSpdyData, encodeSpdyPing, SpdyOpener, SpdyParser } from '../codec/spdy.js';
import type { SessionStreams } from '../model/exchange.js';
import type { UpgradeExchange } from './upgrade-exchange.js';

export interface EndedSession {
  readonly protocol: typeof CHANNELS_V5 | typeof PORT_FORWARD_TUNNEL;
  /** URL of the runtime's streaming server. */
  readonly url: URL;
  readonly connect: () => Socket;
  readonly streams: SessionStreams | undefined;
  /** Cuts both connections after this long without traffic; 0: never. */
  readonly idleTimeoutMs: number;
}

/** Ping period towards both sides. @see Kubernetes 1.36 streamtranslator.go */
const PING_MS = 5000;
const ANSWER_MS = 30_000;
/** Maximum size of a message with its channel byte; the rest fits in one SPDY frame. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Maximum amount of unsent data; beyond it, reading from the sender pauses. */
const MAX_WAITING_BYTES = 256 * 1024;
const NORMAL = 1000;

/**
 * Terminates a WebSocket and continues in SPDY, which every runtime speaks: channels of
 * sub-protocol version 5, or a port-forward that tunnels SPDY's own bytes. The session has started
 * by the time the runtime answers, so its refusals are reported inside the session.
 */
export async function endWebSocket(
  exchange: UpgradeExchange,
  session: EndedSession,
): Promise<void> {
  const client = await accept(exchange, session.protocol);
  const reading = new Reading(client);
  answerPings(client, reading);
  const pinging = setInterval(() => {
    if (client.bufferedAmount < MAX_WAITING_BYTES) client.ping();
  }, PING_MS);
  client.once('close', () => clearInterval(pinging));
  client.on('error', () => client.terminate());
  const isTunnel = session.protocol === PORT_FORWARD_TUNNEL;
  const protocol = isTunnel ? 'portforward.k8s.io' : 'v4.channel.k8s.io';
  let server: Socket;
  try {
    server = await dial(session, protocol, client);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (!isTunnel) sendStatus(client, failureStatus(why));
    reading.release('start');
    client.close(isTunnel ? INTERNAL : NORMAL);
    return;
  }
  server.setNoDelay(true);
  server.setTimeout(session.idleTimeoutMs, () => server.destroy());
  client.once('close', () => server.destroy());
  if (client.readyState !== client.OPEN) server.destroy();
  else if (isTunnel) tunnel({ client, server, reading });
  else translate({ client, server, reading }, session.streams ?? NO_STREAMS);
  reading.release('start');
}

/** The two connections of a session. */
interface Ends {
  readonly client: WebSocket;
  readonly server: Socket;
  readonly reading: Reading;
}

/** Reads from the client while no reason to pause exists. */
class Reading {
  readonly #client: WebSocket;
  /**
   * `start`: the runtime is not connected yet; `server`: its connection is full; `answers`: the
   * client does not read our pongs.
   */
  readonly #holds = new Set<'start' | 'server' | 'answers'>(['start']);

  /** @param client a paused WebSocket */
  constructor(client: WebSocket) {
    this.#client = client;
  }

  hold(why: 'answers'): void {
    this.#add(why);
  }

  /**
   * Messages that were already read still arrive; they find the hold in place and wait for the same
   * `drain`.
   */
  holdUntilDrained(server: Socket): void {
    if (this.#holds.has('server')) return;
    this.#add('server');
    server.once('drain', () => this.release('server'));
  }

  #add(why: 'server' | 'answers'): void {
    this.#holds.add(why);
    this.#client.pause();
  }

  release(why: 'start' | 'server' | 'answers'): void {
    this.#holds.delete(why);
    if (this.#holds.size === 0) this.#client.resume();
  }
}

/**
 * Pauses a client that sends pings without reading the pongs, which would otherwise pile up here.
 */
function answerPings(client: WebSocket, reading: Reading): void {
  client.on('ping', (data: Buffer) => {
    if (client.readyState !== client.OPEN) return;
    const isFull = client.bufferedAmount >= MAX_WAITING_BYTES;
    if (isFull) reading.hold('answers');
    client.pong(data, false, () => {
      if (isFull) reading.release('answers');
    });
  });
}

const INTERNAL = 1011;
const NO_STREAMS: SessionStreams = { stdin: false, stdout: false, stderr: false, tty: false };

function accept(
  { request, socket, head }: UpgradeExchange,
  protocol: EndedSession['protocol'],
): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    autoPong: false, // see answerPings
    maxPayload: MAX_MESSAGE_BYTES,
  });
  // The tunnel's protocol name contains a slash, for which the library would refuse the handshake.
  delete request.headers['sec-websocket-protocol'];
  server.once('headers', (lines) => lines.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    // The library itself answers requests that are not a WebSocket handshake.
    server.once('wsClientError', reject);
    server.once('wsClientError', () => socket.end());
    server.handleUpgrade(request, socket, head, (client) => {
      client.pause(); // messages must wait for the connection to the runtime
      resolve(client);
    });
  });
}

/** Requests an upgrade to SPDY from the runtime's server. */
function dial(
  { url, connect }: EndedSession,
  protocol: string,
  client: WebSocket,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: {
        host: url.host,
        connection: 'Upgrade',
        upgrade: 'SPDY/3.1',
        'x-stream-protocol-version': protocol,
        'content-length': '0',
      },
      createConnection: connect,
    });
    const gone = (): void => void asked.destroy(new Error('the client is gone'));
    client.once('close', gone);
    asked.setTimeout(ANSWER_MS, () => asked.destroy(new Error('the runtime does not answer')));
    asked.once('error', reject);
    asked.once('response', (answer) => {
      answer.resume();
      reject(new Error(`unable to upgrade connection: status code ${answer.statusCode}`));
    });
    asked.once('upgrade', (_answer, socket: Socket, first: Buffer) => {
      client.off('close', gone);
      asked.setTimeout(0);
      if (first.length > 0) socket.unshift(first);
      resolve(socket);
    });
    asked.end();
  });
}

/** Each message contains SPDY bytes, in both directions. */
function tunnel({ client, server, reading }: Ends): void {
  client.on('message', (data: Buffer) => {
    if (!server.write(data)) reading.holdUntilDrained(server);
  });
  server.on('data', (chunk: Buffer) => sendTo(client, server, chunk));
  server.on('error', () => client.close(INTERNAL));
  server.once('close', () => client.close(NORMAL));
}

const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, end: 255 } as const;

/** Maps the WebSocket's channels to SPDY streams. */
function translate({ client, server, reading }: Ends, wanted: SessionStreams): void {
  const opener = new SpdyOpener();
  const opened = { error: 0, stdin: 0, stdout: 0, stderr: 0, resize: 0 };
  const needed = {
    ...{ error: true, stdin: wanted.stdin, stdout: wanted.stdout },
    ...{ stderr: wanted.stderr && !wanted.tty, resize: wanted.tty },
  };
  for (const name of ['error', 'stdin', 'stdout', 'stderr', 'resize'] as const) {
    if (!needed[name]) continue;
    const { id, frame } = opener.open({ streamtype: name });
    opened[name] = id;
    server.write(frame);
  }
  const channels = new Map([
    [opened.stdout, CHANNEL.stdout],
    [opened.stderr, CHANNEL.stderr],
  ]);
  channels.delete(0);
  const status: Buffer[] = [];
  let isOver = false;
  const finish = (why: string): void => {
    if (isOver) return;
    isOver = true;
    const said = Buffer.concat(status).toString();
    sendStatus(client, said === '' ? failureStatus(why) : said);
    client.close(NORMAL);
    server.end();
  };
  const parser = new SpdyParser({
    data: (id, data) => {
      const channel = channels.get(id);
      if (id === opened.error) status.push(Buffer.from(data));
      else if (channel !== undefined) sendTo(client, server, data, channel);
    },
    end: (id) => {
      if (id === opened.error) finish('the runtime ended the session without a status');
    },
    ping: (id) => {
      if (id % 2 === 0) server.write(encodeSpdyPing(id));
    },
    goAway: () => finish('the runtime ended the session without a status'),
  });
  server.on('data', (chunk: Buffer) => {
    try {
      parser.take(chunk);
    } catch (error) {
      server.destroy(error as Error);
    }
  });
  server.on('error', (error) => finish(error.message));
  server.once('close', () => finish('the connection to the runtime is lost'));

  const write = (frames: readonly Buffer[]): void => {
    server.cork();
    const isTaken = frames.map((frame) => server.write(frame)).at(-1) ?? true;
    server.uncork();
    if (!isTaken) reading.holdUntilDrained(server);
  };
  client.on('message', (message: Buffer) => {
    if (isOver) return;
    const [channel, ended] = message;
    const data = message.subarray(1);
    if (channel === CHANNEL.end && ended === CHANNEL.stdin && opened.stdin !== 0) {
      write(encodeSpdyData(opened.stdin, data.subarray(data.length), true));
    } else if (channel === CHANNEL.stdin && opened.stdin !== 0) {
      if (data.length > 0) write(encodeSpdyData(opened.stdin, data));
    } else if (channel === CHANNEL.resize && opened.resize !== 0) {
      write(encodeSpdyData(opened.resize, data));
    }
  });
}

/** Sends one message; pauses reading from the runtime while too much data is unsent. */
function sendTo(client: WebSocket, server: Socket, data: Buffer, channel?: number): void {
  if (client.readyState !== client.OPEN) return;
  const message =
    channel === undefined ? data : Buffer.concat([Buffer.from([channel]), data], data.length + 1);
  client.send(message, { binary: true }, () => {
    if (server.isPaused() && client.bufferedAmount < MAX_WAITING_BYTES) server.resume();
  });
  if (client.bufferedAmount >= MAX_WAITING_BYTES) server.pause();
}

function sendStatus(client: WebSocket, status: string): void {
  if (client.readyState !== client.OPEN) return;
  client.send(Buffer.concat([Buffer.from([CHANNEL.status]), Buffer.from(status)]), {
    binary: true,
  });
}

/** An internal error in the form that an API server sends. */
function failureStatus(message: string): string {
  return JSON.stringify({
    ...{ metadata: {}, status: 'Failure', reason: 'InternalError', code: 500 },
    message: `Internal error occurred: ${message}`,
    details: { causes: [{ message }] },
  });
}
