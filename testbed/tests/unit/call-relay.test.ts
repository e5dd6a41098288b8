import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
} from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type CallRelay, startCallRelay } from '../../src/call-relay.ts';

let dir: string;
let server: Http2Server;
let relay: CallRelay;
let client: ClientHttp2Session;
/** Paths and requests that reached the server. */
let came: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'relay-'));
  came = [];
  server = createServer();
  server.on('stream', (stream, headers) => {
    void text(stream).then((request) => {
      came.push(`${headers[':path']} ${request}`);
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(`answer to ${request}`);
    });
  });
  server.listen(join(dir, 'server.sock'));
  await once(server, 'listening');
  relay = await startCallRelay(join(dir, 'relay.sock'), join(dir, 'server.sock'));
  const socket = relay.endpoint.replace(/^unix:\/\//, '');
  client = connectHttp2('http://localhost', { createConnection: () => connect(socket) });
});
afterEach(async () => {
  client.destroy();
  await relay.stop();
  server.close();
  await rm(dir, { recursive: true });
});

async function call(path: string, request: string) {
  const stream = client.request({ ':method': 'POST', ':path': path });
  let [head, trailers]: IncomingHttpHeaders[] = [{}, {}];
  stream.once('response', (headers) => (head = headers));
  stream.once('trailers', (headers: IncomingHttpHeaders) => (trailers = headers));
  stream.end(request);
  const body = await text(stream);
  return { body, status: head?.['grpc-status'] ?? trailers?.['grpc-status'], head };
}

describe(startCallRelay, () => {
  it('passes on requests, answers and errors', async () => {
    const { body, status } = await call('/images/Pull', 'this');
    expect([body, status]).toEqual(['answer to this', '0']);
  });

  it('answers failing calls itself until their failure is ended', async () => {
    const end = relay.fail({ method: 'Pull', about: 'this', message: 'not “now”' });
    const { status, head } = await call('/images/Pull', 'this');
    expect(status).toBe('2');
    expect(decodeURIComponent(String(head?.['grpc-message']))).toBe('not “now”');
    await call('/images/Pull', 'that');
    await call('/images/List', 'this');
    expect(came).toEqual(['/images/Pull that', '/images/List this']);
    end();
    expect((await call('/images/Pull', 'this')).status).toBe('0');
  });
});
