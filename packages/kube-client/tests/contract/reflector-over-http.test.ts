import { afterEach, expect, it } from 'vitest';

import { createKubeClient } from '../../src/http.js';
import { aPod, followPods, line } from '../support/followed-pods.js';
import {
  answer,
  type Script,
  startScriptedServer,
  statusBody,
} from '../support/scripted-server.js';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function listOf(version: number, ...items: object[]) {
  return { metadata: { resourceVersion: String(version) }, items };
}

/** A reflector with all waits reduced to a hundredth, and its server's answers in order. */
async function follow(scripts: Script[], watchIdleTimeoutMs = 5000) {
  const next: Script = (seen, response, socket) => {
    const script = scripts.shift();
    if (script !== undefined) script(seen, response, socket);
    else response.flushHeaders(); // stays silent
  };
  const server = await startScriptedServer(next);
  const connection = { server: server.url, source: 'test', user: {} };
  const client = createKubeClient(connection, { watchIdleTimeoutMs });
  const { state, errors, stop } = followPods(client);
  closers.push(server.close, async () => {
    await stop();
    client.close();
  });
  const asked = (): string[] =>
    server.seen.map(({ url }) => {
      const query = new URL(url, 'http://x').searchParams;
      return `${query.has('watch') ? 'watch' : 'list'} ${query.get('resourceVersion') ?? 'newest'}`;
    });
  return { server, next, asked, state, errors, scripts };
}

it('resumes after a watch that breaks off inside an event', async () => {
  const { asked, state } = await follow([
    (_, response) => answer(response, 200, listOf(5, aPod('x', 4))),
    (_, response, socket) => {
      response.write(`${line('MODIFIED', aPod('x', 6))}{"type":"MODI`, () => socket.destroy());
    },
    (_, response) => response.write(line('ADDED', aPod('y', 7))),
  ]);
  await expect.poll(state).toEqual({ 'a/x': '6', 'a/y': '7' });
  expect(asked()).toEqual(['list 0', 'watch 5', 'watch 6']);
});

it('lists again after a 410 in the middle of a watch, from the newest state', async () => {
  const { asked, state, errors } = await follow([
    (_, response) => answer(response, 200, listOf(5, aPod('x', 4))),
    (_, response) => {
      response.write(line('ADDED', aPod('y', 6)));
      response.end(line('ERROR', statusBody(410, 'Expired', 'too old')));
    },
    (_, response) => answer(response, 200, listOf(90, aPod('z', 80))),
  ]);
  await expect.poll(state).toEqual({ 'a/z': '80' });
  await expect.poll(asked).toEqual(['list 0', 'watch 5', 'list newest', 'watch 90']);
  expect(errors).toEqual([]);
});

it('continues after it gives up a half-open connection', async () => {
  const tell: Script = (_, response) => response.write(line('ADDED', aPod('y', 6)));
  const { asked, state, errors } = await follow(
    [
      (_, response) => answer(response, 200, listOf(5)),
      (_, response) => response.flushHeaders(),
      ...Array<Script>(5).fill(tell), // a busy machine may miss the first one
    ],
    400,
  );
  await expect.poll(state).toEqual({ 'a/y': '6' });
  expect(asked().slice(0, 3)).toEqual(['list 0', 'watch 5', 'watch 5']);
  expect(errors[0]).toContain('no answer for 0.4 s');
});

it('survives a restarting server and its errors during the start', async () => {
  const { server, next, state, errors, scripts } = await follow([
    (_, response) => answer(response, 200, listOf(5, aPod('x', 4))),
    (_, response) => response.flushHeaders(),
  ]);
  await expect.poll(() => server.seen.length).toBe(2);
  await server.close();
  await expect.poll(() => errors.at(-1) ?? '').toContain('connection refused');
  scripts.push(
    (_, response) => answer(response, 503, 'starting'),
    (_, response) => answer(response, 401, statusBody(401, 'Unauthorized', 'not yet')),
    (_, response) => response.write(line('DELETED', aPod('x', 9))),
  );
  const again = await startScriptedServer(next, { port: server.port });
  closers.push(again.close);
  await expect.poll(state).toEqual({});
  expect(errors.join()).toMatch(/503 starting.*401 not yet/);
  expect(again.seen.map(({ url }) => url.includes('resourceVersion=5'))).toEqual([
    true,
    true,
    true,
  ]);
});
