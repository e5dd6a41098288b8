import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

import { afterEach, beforeAll, expect, it } from 'vitest';

import type { HttpKubeClient } from '../../src/http.js';
import { PODS } from '../../src/model/resources/core.js';
import { aPod, followPods, line } from '../support/followed-pods.js';
import { startFreezingProxy } from '../support/freezing-proxy.js';
import { Http2World } from '../support/http2-world.js';
import { answer } from '../support/scripted-server.js';

let world: Http2World;

beforeAll(async () => {
  world = await Http2World.create();
});
afterEach(() => world.close());

const liveness = { silenceMs: 100, patienceMs: 100 };
/** Waits a minute for answers: for healthy peers on a loaded machine. */
const patient = { silenceMs: 20, patienceMs: 60_000 };

function follow(client: HttpKubeClient) {
  const followed = followPods(client);
  world.onClose(followed.stop);
  return followed;
}

/** Pods of a server whose watches replay the changes after the requested version. */
function aKind() {
  const events: { version: number; text: string }[] = [];
  const watchers = new Set<ServerResponse>();
  return {
    watchers,
    tell: (type: string, object: ReturnType<typeof aPod>): void => {
      const text = line(type, object);
      events.push({ version: Number(object.metadata.resourceVersion), text });
      for (const one of watchers) one.write(text);
    },
    script: ({ url }: { url: string }, response: ServerResponse): void => {
      const query = new URL(url, 'http://x').searchParams;
      if (!query.has('watch')) {
        answer(response, 200, { metadata: { resourceVersion: '5' }, items: [aPod('x', 4)] });
        return;
      }
      response.flushHeaders();
      const from = Number(query.get('resourceVersion'));
      for (const { version, text } of events) if (version > from) response.write(text);
      watchers.add(response);
      response.once('close', () => watchers.delete(response));
    },
  };
}

it('a peer that stops answering is detected, and the watch continues elsewhere without loss', async () => {
  const kind = aKind();
  const server = await world.server(kind.script);
  const proxy = await startFreezingProxy(server.port);
  world.onClose(proxy.close);
  const { state, errors } = follow(world.client(proxy.port, { liveness }));
  await expect.poll(() => kind.watchers.size).toBe(1);
  kind.tell('ADDED', aPod('y', 6));
  await expect.poll(state).toEqual({ 'a/x': '4', 'a/y': '6' });
  proxy.freeze();
  kind.tell('ADDED', aPod('z', 7));
  await expect.poll(state).toEqual({ 'a/x': '4', 'a/y': '6', 'a/z': '7' });
  expect(errors[0]).toMatch(/^GET \/api\/v1\/pods: 127\.0\.0\.1:\d+: no answer for 0\.1 s$/);
  expect(proxy.count()).toBeGreaterThan(1);
  const watches = server.seen.map(({ url }) => new URL(url, 'http://x').searchParams);
  expect(watches.filter((query) => !query.has('watch'))).toHaveLength(1);
  expect(watches.at(-1)?.get('resourceVersion')).toMatch(/^[67]$/);
});

it('a silent peer that answers PINGs keeps its connection', async () => {
  const kind = aKind();
  const server = await world.server(kind.script);
  const { state, errors } = follow(world.client(server.port, { liveness: patient }));
  await expect.poll(() => kind.watchers.size).toBe(1);
  let pings = 0;
  for (const session of server.sessions) session.on('ping', () => (pings += 1));
  await expect.poll(() => pings).toBeGreaterThan(5);
  kind.tell('ADDED', aPod('y', 6));
  await expect.poll(state).toEqual({ 'a/x': '4', 'a/y': '6' });
  expect(errors).toEqual([]);
  expect(server.seen).toHaveLength(2);
});

it('a silent request makes the client check the whole connection', async () => {
  const kind = aKind();
  const server = await world.server((seen, response) => {
    if (!seen.url.includes('/silent')) kind.script(seen, response);
  });
  const proxy = await startFreezingProxy(server.port);
  world.onClose(proxy.close);
  const client = world.client(proxy.port, {
    liveness: { silenceMs: 3_600_000, patienceMs: 100 },
    requestTimeoutMs: 500,
  });
  const { errors } = follow(client);
  await expect.poll(() => kind.watchers.size).toBe(1);
  proxy.freeze();
  const asking = client.get(PODS, { namespace: 'a', name: 'silent' }, AbortSignal.timeout(60_000));
  await expect(asking).rejects.toThrow('no answer for 0.5 s');
  await expect.poll(() => errors.join('\n')).toContain('no answer for 0.1 s');
});

/** The kernel still acknowledges data for a stopped process. */
const HANGING_SERVER = `
import { createSecureServer } from 'node:http2';
const server = createSecureServer({ cert: process.env.CERT, key: process.env.KEY });
server.on('request', (request, response) => {
  const query = new URL(request.url, 'http://x').searchParams;
  response.writeHead(200, { 'content-type': 'application/json' });
  if (!query.has('watch')) return response.end('{"metadata":{"resourceVersion":"5"},"items":[]}');
  const name = 'seen-' + query.get('resourceVersion');
  const metadata = { namespace: 'a', name, resourceVersion: String(+query.get('resourceVersion') + 1) };
  response.write(JSON.stringify({ type: 'ADDED', object: { metadata } }) + '\\n');
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
`;

it('a hanging process whose kernel still answers is detected, and its return too', async () => {
  const { cert, key } = world.tls;
  const child = spawn(process.execPath, ['--input-type=module', '-e', HANGING_SERVER], {
    env: { CERT: cert, KEY: key },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  world.onClose(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const options = { liveness, requestTimeoutMs: 5000 };
  const { state, errors } = follow(world.client(Number(port), options));
  await expect.poll(state).toEqual({ 'a/seen-5': '6' });
  child.kill('SIGSTOP');
  await expect.poll(() => errors.join('\n')).toContain('no answer for 0.1 s');
  child.kill('SIGCONT');
  await expect.poll(() => Object.keys(state())).toContain('a/seen-6');
});
