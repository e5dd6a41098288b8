import type { ServerResponse } from 'node:http';
import { constants, type Http2ServerResponse } from 'node:http2';

import { afterEach, beforeAll, expect, it } from 'vitest';

import type { HttpKubeClient } from '../../src/http.js';
import { NODES, PODS } from '../../src/model/resources/core.js';
import { Http2World } from '../support/http2-world.js';
import { answer, type Script } from '../support/scripted-server.js';

let world: Http2World;
const signal = new AbortController().signal;

beforeAll(async () => {
  world = await Http2World.create();
});
afterEach(() => world.close());

/** Answers each get with its name and leaves watches open. */
const quiet: Script = ({ url }, response) => {
  if (url.includes('watch=true')) response.flushHeaders();
  else answer(response, 200, { ok: true });
};

function streamOf(response: ServerResponse): Http2ServerResponse['stream'] {
  return (response as unknown as Http2ServerResponse).stream;
}

/** Starts a watch. @returns its end, `undefined` for an ordinary one, and a function to leave it */
function watch(client: HttpKubeClient) {
  const stop = new AbortController();
  const events = client.watch(PODS, { resourceVersion: '1' }, stop.signal)[Symbol.asyncIterator]();
  const end = events.next().then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
  return { end, leave: () => stop.abort(new Error('left')) };
}

const get = (client: HttpKubeClient) => client.get(NODES, { name: 'n' }, signal);

it('all requests and watches share one connection', async () => {
  const server = await world.server(quiet);
  const client = world.client(server.port);
  const watches = Array.from({ length: 10 }, () => watch(client));
  await expect.poll(() => server.underWay()).toBe(10);
  await Promise.all(Array.from({ length: 50 }, () => get(client)));
  expect(new Set(server.seen.map(({ connection }) => connection)).size).toBe(1);
  for (const { leave } of watches) leave();
  expect(await Promise.all(watches.map(({ end }) => end))).toEqual(Array(10).fill('left'));
  await expect.poll(() => server.underWay()).toBe(0);
  await get(client);
  expect(server.seen.at(-1)?.connection).toBe(1);
});

it('the limit on concurrent requests decides the number of connections; one stays later', async () => {
  const server = await world.server(quiet, { maxConcurrentStreams: 2 });
  const client = world.client(server.port);
  const watches = Array.from({ length: 5 }, () => watch(client));
  await expect.poll(() => server.underWay()).toBe(5);
  expect(server.sessions.size).toBe(3);
  expect(await get(client)).toEqual({ ok: true });
  for (const { leave } of watches) leave();
  await expect.poll(() => server.sessions.size).toBe(1);
  expect(await get(client)).toEqual({ ok: true });
});

it('a server that allows no requests is reported as such', async () => {
  const server = await world.server(quiet, { maxConcurrentStreams: 0 });
  const client = world.client(server.port);
  await expect(get(client)).rejects.toThrow('the server accepts no requests on its connections');
});

it('after a GOAWAY watches continue and requests use another connection', async () => {
  const tellers: ServerResponse[] = [];
  const server = await world.server((seen, response, socket) => {
    if (seen.url.includes('watch=true')) tellers.push(response);
    quiet(seen, response, socket);
  });
  const client = world.client(server.port);
  const { end } = watch(client);
  await expect.poll(() => tellers.length).toBe(1);
  for (const session of server.sessions) session.goaway(constants.NGHTTP2_NO_ERROR);
  await expect
    .poll(async () => {
      await get(client);
      return server.seen.at(-1)?.connection;
    })
    .toBe(2);
  tellers[0]?.end();
  expect(await end).toBeUndefined();
});

it('a connection that the server closed is replaced', async () => {
  const server = await world.server(quiet);
  const client = world.client(server.port);
  await get(client);
  for (const session of server.sessions) session.close();
  await expect.poll(() => server.sessions.size).toBe(0);
  expect(await get(client)).toEqual({ ok: true });
  expect(server.seen.at(-1)?.connection).toBe(2);
});

it('a request that the server did not start is sent again, even a write', async () => {
  let refusals = 1;
  const server = await world.server((_, response) => {
    if ((refusals -= 1) < 0) answer(response, 200, { ok: true });
    else streamOf(response).close(constants.NGHTTP2_REFUSED_STREAM);
  });
  const client = world.client(server.port);
  const pod = { metadata: { namespace: 'a', name: 'web' } };
  expect(await client.create(PODS, pod, signal)).toEqual({ ok: true });
  expect(server.seen).toHaveLength(2);
  refusals = 2;
  await expect(client.create(PODS, pod, signal)).rejects.toThrow('the server refused the stream');
});

it.each([
  ['CANCEL', constants.NGHTTP2_CANCEL],
  ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR],
])('an answer that is reset with %s half-way is a failure', async (_name, code) => {
  const server = await world.server((_, response) => {
    response.writeHead(200);
    response.write('{"type":"ADDED","object":{}}\n', () => {
      setImmediate(() => streamOf(response).close(code));
    });
  });
  const client = world.client(server.port);
  const read = async (): Promise<void> => {
    const events: unknown[] = [];
    const watch = client.watch(PODS, { resourceVersion: '1' }, signal);
    for await (const event of watch) events.push(event);
  };
  await expect(read()).rejects.toMatchObject({ code: 'KUBE_UNAVAILABLE' });
});

it('an unread watch pauses its sender and does not block other readers', async () => {
  const name = 'x'.repeat(250_000);
  const line = `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`;
  let slow: ServerResponse | undefined;
  const server = await world.server((seen, response, socket) => {
    if (!seen.url.includes('watch=true')) return quiet(seen, response, socket);
    slow = response;
    for (let i = 0; i < 20; i += 1) response.write(line);
    response.end();
  });
  const client = world.client(server.port);
  const events = client.watch(PODS, { resourceVersion: '1' }, signal)[Symbol.asyncIterator]();
  await events.next();
  for (let i = 0; i < 20; i += 1) expect(await get(client)).toEqual({ ok: true });
  expect(slow?.writableLength).toBeGreaterThan(2_000_000);
  let count = 1;
  while ((await events.next()).done !== true) count += 1;
  expect(count).toBe(20);
  expect(server.sessions.size).toBe(1);
});

it('endless headers are refused, and other requests on the connection continue', async () => {
  const server = await world.server((seen, response, socket) => {
    if (seen.url.includes('watch=true')) return quiet(seen, response, socket);
    if (seen.url.endsWith('/n')) return quiet(seen, response, socket);
    const many = Array.from({ length: 3 }, (_, i) => [`x-${i}`, 'x'.repeat(8000)]);
    answer(response, 200, {}, Object.fromEntries(many) as Record<string, string>);
  });
  const client = world.client(server.port);
  const { leave, end } = watch(client);
  await expect.poll(() => server.underWay()).toBe(1);
  await expect(client.get(NODES, { name: 'big' }, signal)).rejects.toThrow('ENHANCE_YOUR_CALM');
  expect(await get(client)).toEqual({ ok: true });
  expect(server.seen.map(({ connection }) => connection)).toEqual([1, 1, 1]);
  leave();
  expect(await end).toBe('left');
});

it('nothing is asked, and no connection is left, after a client was closed', async () => {
  const server = await world.server(quiet);
  const early = world.client(server.port);
  const asked = get(early);
  early.close();
  await expect(asked).rejects.toThrow('the client of test was closed');
  for (const stage of ['connection', 'secureConnection', 'session', 'stream']) {
    const client = world.client(server.port);
    const begun = new Promise((resolve) => server.server.once(stage, resolve));
    const failed = get(client).then(
      () => 'answered',
      () => 'failed',
    );
    await begun;
    client.close();
    expect([stage, await failed]).toEqual([stage, 'failed']);
    await expect(get(client)).rejects.toThrow('the client of test was closed');
    await expect.poll(() => server.sessions.size).toBe(0);
  }
});
