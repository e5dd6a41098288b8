import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import { takeDescriptors, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { createHttpTransport } from '../../src/adapters/http-transport.js';
import type { TransportRequest } from '../../src/ports.js';

/** Another process, which has descriptors: it ends each connection after one answer. */
const SERVER = `
  const server = require('node:http').createServer((request, response) => {
    response.writeHead(200, { connection: 'close' });
    if (request.url === '/whole') response.end('{}');
    else response.write('{}');
  });
  server.listen(0, '127.0.0.1', () => process.stdout.write(String(server.address().port)));
`;
let server: ChildProcess;
let port: string;
beforeAll(async () => {
  const child = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  server = child;
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  port = line.toString().trim();
});
afterAll(() => server.kill());

const get = (path: string): TransportRequest => ({
  ...{ method: 'GET', path, headers: {}, idleTimeoutMs: 10_000 },
});

/** Asks again while the connection of the last answer is not closed yet. */
const soon = <T>(ask: () => Promise<T>): Promise<T> => waitFor(ask, { what: 'an answer' });

it('a client without a free descriptor has one connection, as often as it needs another', async () => {
  const url = `http://127.0.0.1:${port}`;
  const transport = createHttpTransport({ server: url, user: {}, source: 'a test' });
  const { signal } = new AbortController();
  const ask = async (path: string): Promise<AsyncIterable<Uint8Array>> =>
    (await transport.send(get(path), {}, signal)).body;
  const whole = async (): Promise<string> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await ask('/whole')) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const taken = await takeDescriptors(process.pid);
  try {
    expect(await whole()).toBe('{}');
    for (let round = 0; round < 3; round += 1) await soon(whole);
    const lasting = (await soon(() => ask('/lasting')))[Symbol.asyncIterator]();
    await lasting.next();
    await expect(whole()).rejects.toThrow('EMFILE');
    await lasting.return?.();
    await soon(whole);
  } finally {
    await taken.giveBack();
    transport.close();
  }
});
