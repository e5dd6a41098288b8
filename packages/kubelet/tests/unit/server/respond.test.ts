import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it } from 'vitest';

import { respond } from '../../../src/server/adapters/respond.js';

it('respond does not wait for a client that has disconnected', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = get({ port, host: '127.0.0.1' });
  client.on('error', () => undefined); // the client disconnects itself
  const [, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  const closed = once(response, 'close');
  client.destroy();
  await closed;
  const signal = AbortSignal.abort(new Error('the client is gone'));
  const answer = { kind: 'body', status: 200, contentType: 'text/plain', body: 'late' } as const;
  // Within this time, an answer that the client does not read counts as stalled.
  await expect(respond(answer, response, { stallMs: 50, signal })).resolves.toBeUndefined();
  server.close();
});
