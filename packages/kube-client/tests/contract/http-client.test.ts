import { readFile } from 'node:fs/promises';

import { ManualClock } from '@nodeagent/base/testing';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createKubeClient, type KubeClientOptions } from '../../src/http.js';
import { isKubeError, type KubeError } from '../../src/model/errors.js';
import type { Pod } from '../../src/model/generated/api-types.js';
import { DEPLOYMENTS } from '../../src/model/resources/apps.js';
import { TOKEN_REVIEWS } from '../../src/model/resources/authentication.js';
import { LOCAL_SUBJECT_ACCESS_REVIEWS } from '../../src/model/resources/authorization.js';
import {
  COMPONENT_STATUSES,
  NODES,
  PODS,
  SERVICE_ACCOUNTS,
} from '../../src/model/resources/core.js';
import type { KubeClient } from '../../src/ports.js';
import { type Authority, createAuthority, type Pair } from '../support/certificates.js';
import {
  answer,
  type Script,
  type ScriptedServerOptions,
  startScriptedServer,
  statusBody,
} from '../support/scripted-server.js';

const signal = new AbortController().signal;
const at = { namespace: 'a', name: 'web' };
const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

let authority: Authority;
let serving: Pair;

beforeAll(async () => {
  authority = await createAuthority('test-ca');
  serving = await authority.issue('CN=server', { names: [{ type: 'ip', value: '127.0.0.1' }] });
});

async function errorOf(action: Promise<unknown>): Promise<KubeError> {
  const error = await action.then(() => undefined).catch((caught: unknown) => caught);
  if (isKubeError(error)) return error;
  throw new Error(`expected a KubeError, got ${String(error)}`);
}

async function collect(client: KubeClient, resourceVersion = '1'): Promise<unknown[]> {
  const events = [];
  for await (const event of client.watch(PODS, { resourceVersion, timeoutMs: 1500 }, signal)) {
    events.push(event.type === 'bookmark' ? event.resourceVersion : event.object.metadata?.name);
  }
  return events;
}

describe.each(['plain HTTP/1.1', 'HTTP/1.1 over TLS', 'HTTP/2'])('%s', (protocol) => {
  const listening = (): ScriptedServerOptions => {
    if (protocol === 'plain HTTP/1.1') return {};
    const tls = { cert: serving.certificatePem, key: serving.keyPem };
    return protocol === 'HTTP/2' ? { tls, http2: {} } : { tls };
  };

  async function start(script: Script, options: KubeClientOptions = {}) {
    const server = await startScriptedServer(script, listening());
    closers.push(server.close);
    const ca = { kind: 'inline', text: authority.certificatePem } as const;
    const client = createKubeClient({ server: server.url, source: 'test', user: {}, ca }, options);
    closers.push(() => client.close());
    return { server, client };
  }

  describe('requests', () => {
    it('sends requests as the API expects', async () => {
      const { server, client } = await start((_, response) => answer(response, 200, {}));
      const pod: Pod = { metadata: { namespace: 'a', name: 'web' } };
      await client.get(NODES, { name: 'n 1' }, signal);
      await client.create(PODS, pod, signal);
      await client.replace(
        DEPLOYMENTS,
        { ...pod, spec: undefined as never },
        { subresource: 'status' },
        signal,
      );
      await client.patch(
        PODS,
        at,
        { type: 'strategic-merge', body: { a: 1 }, subresource: 'status' },
        signal,
      );
      await client.patch(
        PODS,
        at,
        { type: 'apply', body: {}, fieldManager: 'me', force: true },
        signal,
      );
      await client.delete(PODS, at, { gracePeriodSeconds: 0, uid: 'u' }, signal);
      const target = { resource: SERVICE_ACCOUNTS, name: at, subresource: 'token' };
      await client.createSubresource(target, { spec: {} }, signal);
      const seen = server.seen.map(({ method, url, body, headers }) =>
        [method, url, headers['content-type'] ?? '', body].join(' ').trim(),
      );
      expect(seen).toEqual([
        'GET /api/v1/nodes/n%201',
        'POST /api/v1/namespaces/a/pods application/json {"metadata":{"namespace":"a","name":"web"},"apiVersion":"v1","kind":"Pod"}',
        'PUT /apis/apps/v1/namespaces/a/deployments/web/status application/json {"metadata":{"namespace":"a","name":"web"},"apiVersion":"apps/v1","kind":"Deployment"}',
        'PATCH /api/v1/namespaces/a/pods/web/status application/strategic-merge-patch+json {"a":1}',
        'PATCH /api/v1/namespaces/a/pods/web?fieldManager=me&force=true application/apply-patch+yaml {}',
        'DELETE /api/v1/namespaces/a/pods/web application/json {"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"preconditions":{"uid":"u"}}',
        'POST /api/v1/namespaces/a/serviceaccounts/web/token application/json {"spec":{}}',
      ]);
      expect(new Set(server.seen.map(({ connection }) => connection)).size).toBe(1);
      const versions = new Set(server.seen.map(({ httpVersion }) => httpVersion));
      expect([...versions]).toEqual([protocol === 'HTTP/2' ? '2.0' : '1.1']);
    });

    it('lists with selectors and pages', async () => {
      const metadata = { resourceVersion: '7', continue: 'tok' };
      const { server, client } = await start((_, response) =>
        answer(response, 200, { metadata, items: null }),
      );
      const options = { labelSelector: 'a in (b,c)', fieldSelector: 'spec.nodeName=n1', limit: 5 };
      const page = await client.list(PODS, { ...options, resourceVersion: '0' }, signal);
      expect(page).toEqual({ items: [], resourceVersion: '7', continueToken: 'tok' });
      await client.list(
        PODS,
        { namespace: 'x', continueToken: 'tok', resourceVersion: '0' },
        signal,
      );
      expect(server.seen.map(({ url }) => url)).toEqual([
        '/api/v1/pods?labelSelector=a%20in%20(b%2Cc)&fieldSelector=spec.nodeName%3Dn1&limit=5&resourceVersion=0',
        '/api/v1/namespaces/x/pods?continue=tok',
      ]);
    });

    it('reads the log of a pod as it is written', async () => {
      const { server, client } = await start(
        (_, response) => {
          response.writeHead(200, { 'content-type': 'text/plain' });
          response.write('one\ntw');
          continued = () => response.end('o\n');
        },
        { requestTimeoutMs: 1000 },
      );
      let continued = (): void => undefined;
      const options = { container: 'c 1', follow: true, tailLines: 0, sinceMs: 1.5e12 };
      const pieces: string[] = [];
      for await (const piece of client.podLog(at, options)) {
        pieces.push(Buffer.from(piece).toString());
        if (pieces.length > 1) continue;
        // longer than a server may take for other answers
        await new Promise((resolve) => setTimeout(resolve, 1200));
        continued();
      }
      expect(pieces.join('')).toBe('one\ntwo\n');
      const query =
        'container=c%201&follow=true&tailLines=0&sinceTime=2017-07-14T02%3A40%3A00.000Z';
      expect(server.seen[0]?.url).toBe(`/api/v1/namespaces/a/pods/web/log?${query}`);
      expect(server.seen[0]?.headers.accept).toBe('text/plain, application/json');
    });

    it('reads a document of a node’s kubelet', async () => {
      const { server, client } = await start((_, response) => answer(response, 200, { node: 1 }));
      expect(await client.nodeDocument('n 1', 'stats/summary')).toEqual({ node: 1 });
      expect(server.seen[0]?.url).toBe('/api/v1/nodes/n%201/proxy/stats/summary');
    });

    it('ends the log of a pod when its reader leaves, and reports why there is none', async () => {
      const { server, client } = await start((_, response) => {
        response.writeHead(200);
        response.write('endless\n');
      });
      for await (const piece of client.podLog(at, { follow: true })) {
        expect(Buffer.from(piece).toString()).toBe('endless\n');
        break;
      }
      await expect.poll(() => server.underWay()).toBe(0);
      server.script = (_, response) =>
        answer(response, 400, statusBody(400, 'BadRequest', 'container c is waiting to start'));
      const error = await errorOf(client.podLog(at).next());
      expect([error.code, error.message]).toEqual([
        'KUBE_INVALID',
        expect.stringContaining('container c is waiting to start'),
      ]);
      expect((await errorOf(client.podLog({ name: 'web' }).next())).code).toBe('KUBE_INVALID');
      expect(server.seen).toHaveLength(2);
    });

    it('returns objects without null members from every verb', async () => {
      const wire = { metadata: { name: 'web', creationTimestamp: null }, spec: null };
      const pod = { metadata: { name: 'web' } };
      const { client } = await start(({ url, method }, response) => {
        if (url.includes('watch=true')) {
          response.end(`${JSON.stringify({ type: 'ADDED', object: wire })}\n`);
        } else if (method === 'GET' && url.startsWith('/api/v1/pods')) {
          answer(response, 200, {
            metadata: { resourceVersion: '7', continue: null },
            items: [wire],
          });
        } else answer(response, 200, wire);
      });
      const page = await client.list(PODS, {}, signal);
      expect(page).toStrictEqual({ items: [pod], resourceVersion: '7' });
      expect(await client.get(PODS, at, signal)).toStrictEqual(pod);
      const patch = { type: 'merge', body: { spec: null } } as const;
      expect(await client.patch(PODS, at, patch, signal)).toStrictEqual(pod);
      const placed = { ...pod, metadata: { ...pod.metadata, namespace: 'a' } };
      expect(await client.create(PODS, placed, signal)).toStrictEqual(pod);
      expect(await client.replace(PODS, placed, {}, signal)).toStrictEqual(pod);
      const target = { resource: PODS, name: at, subresource: 'eviction' };
      expect(await client.createSubresource(target, {}, signal)).toStrictEqual(pod);
      for await (const event of client.watch(PODS, { resourceVersion: '1' }, signal)) {
        expect(event).toStrictEqual({ type: 'added', object: pod });
      }
    });

    it('lists objects that have no versions', async () => {
      const status = { metadata: { name: 'etcd-0' } };
      const { client } = await start((_, response) => {
        answer(response, 200, JSON.stringify({ metadata: {}, items: [status] }));
      });
      const page = await client.list(COMPONENT_STATUSES, {}, signal);
      expect(page).toStrictEqual({ items: [status], resourceVersion: '' });
    });

    it('asks for reviews, which have no name', async () => {
      const { server, client } = await start((_, response) => {
        answer(response, 201, '{"spec":{},"status":{"allowed":true}}');
      });
      await client.create(TOKEN_REVIEWS, { spec: { token: 't' } }, signal);
      const metadata = { namespace: 'a' };
      const spec = { user: 'jane' };
      const review = await client.create(LOCAL_SUBJECT_ACCESS_REVIEWS, { metadata, spec }, signal);
      expect(review.status?.allowed).toBe(true);
      expect(server.seen.map(({ method, url, body }) => `${method} ${url} ${body}`)).toEqual([
        'POST /apis/authentication.k8s.io/v1/tokenreviews {"spec":{"token":"t"},"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview"}',
        'POST /apis/authorization.k8s.io/v1/namespaces/a/localsubjectaccessreviews {"metadata":{"namespace":"a"},"spec":{"user":"jane"},"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview"}',
      ]);
      const nowhere = client.create(LOCAL_SUBJECT_ACCESS_REVIEWS, { spec }, signal);
      expect(await errorOf(nowhere)).toMatchObject({ code: 'KUBE_INVALID' });
    });

    it.each([
      ['null', 'the answer is not an object'],
      ['[{}]', 'the answer is not an object'],
      ['{"metadata":null}', 'a list without resourceVersion'],
      ['{"metadata":{"resourceVersion":7}}', 'a list without resourceVersion'],
      ['{"metadata":{"resourceVersion":"7"},"items":{}}', 'a list whose items are not a list'],
    ])('refuses %s for a list', async (text, why) => {
      const { client } = await start((_, response) => answer(response, 200, text));
      const error = await errorOf(client.list(PODS, {}, signal));
      expect(error).toMatchObject({ code: 'KUBE_PROTOCOL', message: `GET /api/v1/pods: ${why}` });
    });

    it.each([
      [404, 'NotFound', 'KUBE_NOT_FOUND'],
      [409, 'AlreadyExists', 'KUBE_ALREADY_EXISTS'],
      [409, 'Conflict', 'KUBE_CONFLICT'],
      [410, 'Expired', 'KUBE_GONE'],
      [422, 'Invalid', 'KUBE_INVALID'],
      [400, 'BadRequest', 'KUBE_INVALID'],
      [401, 'Unauthorized', 'KUBE_UNAUTHORIZED'],
      [403, 'Forbidden', 'KUBE_FORBIDDEN'],
      [429, 'TooManyRequests', 'KUBE_TOO_MANY_REQUESTS'],
      [503, 'ServiceUnavailable', 'KUBE_SERVER'],
    ])('reports %s %s as %s', async (httpStatus, reason, code) => {
      const body = statusBody(httpStatus, reason, 'so it is');
      const { client } = await start((_, response) => answer(response, httpStatus, body));
      const error = await errorOf(client.get(PODS, at, signal));
      expect(error).toMatchObject({ code, httpStatus, status: { reason } });
      expect(error.message).toBe(`GET /api/v1/namespaces/a/pods/web: ${httpStatus} so it is`);
    });

    it("shows a proxy's message", async () => {
      const { client } = await start((_, response) =>
        answer(response, 502, '<h1>Bad\n gateway</h1>'),
      );
      const error = await errorOf(client.get(PODS, at, signal));
      expect(error.message).toMatch(/: 502 <h1>Bad gateway<\/h1>$/);
    });
  });

  describe('when the server has problems', () => {
    it('retries after the delay that the server requests', async () => {
      const clock = new ManualClock();
      let busy = 2;
      const { client, server } = await start(
        (_, response) => {
          if ((busy -= 1) < 0) answer(response, 200, { ok: true });
          else
            answer(response, 429, statusBody(429, 'TooManyRequests', 'busy'), {
              'retry-after': '3',
            });
        },
        { clock },
      );
      const result = client.delete(PODS, at, {}, signal);
      await expect.poll(() => clock.sleeping).toBe(1);
      await clock.advance(2999);
      expect(server.seen).toHaveLength(1);
      await clock.advance(1);
      await expect.poll(() => clock.sleeping).toBe(1);
      await clock.advance(3000);
      await result;
      expect(server.seen).toHaveLength(3);
    });

    it('gives up on a server that keeps requesting delays', async () => {
      const body = statusBody(503, 'ServiceUnavailable', 'starting');
      const { client, server } = await start((_, response) =>
        answer(response, 503, body, { 'retry-after': '0' }),
      );
      expect((await errorOf(client.get(PODS, at, signal))).message).toContain('503 starting');
      expect(server.seen).toHaveLength(11);
    });

    it('retries a read, but not a write, after a broken connection', async () => {
      let breaks = 1;
      const { client, server } = await start((_, response, socket) => {
        if ((breaks -= 1) < 0) answer(response, 200, { ok: true });
        else socket.destroy();
      });
      expect(await client.get(PODS, at, signal)).toEqual({ ok: true });
      breaks = 1;
      const error = await errorOf(client.patch(PODS, at, { type: 'merge', body: {} }, signal));
      expect(error.code).toBe('KUBE_UNAVAILABLE');
      expect(error.message).toContain('closed before the answer was complete');
      expect(server.seen).toHaveLength(3);
    });

    it('gives up on an answer that stops arriving', async () => {
      const { client } = await start(
        (_, response) => {
          response.writeHead(200, { 'content-length': 100 });
          response.write('{"half":');
        },
        { requestTimeoutMs: 50 },
      );
      const error = await errorOf(client.create(NODES, { metadata: { name: 'x' } }, signal));
      expect(error.code).toBe('KUBE_UNAVAILABLE');
      expect(error.message).toMatch(/^POST \/api\/v1\/nodes: 127.0.0.1:\d+: no answer for 0.05 s$/);
    });

    it('reconnects to a restarted server on its old address', async () => {
      const { client, server } = await start((_, response) => answer(response, 200, { n: 1 }));
      await client.get(PODS, at, signal);
      await server.close();
      expect((await errorOf(client.get(PODS, at, signal))).message).toContain('connection refused');
      const next = await startScriptedServer((_, response) => answer(response, 200, { n: 2 }), {
        ...listening(),
        port: server.port,
      });
      closers.push(next.close);
      expect(await client.get(PODS, at, signal)).toEqual({ n: 2 });
    });

    it('reports an answer that is not JSON', async () => {
      const { client } = await start((_, response) => answer(response, 200, '<html>'));
      expect((await errorOf(client.get(PODS, at, signal))).code).toBe('KUBE_PROTOCOL');
      expect((await errorOf(client.list(PODS, {}, signal))).code).toBe('KUBE_PROTOCOL');
    });
  });

  it('keeps to its rate limit', async () => {
    const clock = new ManualClock();
    const rateLimit = { perSecond: 2, burst: 3 };
    const { client, server } = await start((_, response) => answer(response, 200, {}), {
      clock,
      rateLimit,
    });
    const all = Promise.all(Array.from({ length: 6 }, () => client.get(PODS, at, signal)));
    await expect.poll(() => server.seen.length).toBe(3);
    for (const expected of [4, 5, 6]) {
      await clock.advance(499);
      expect(server.seen.length).toBe(expected - 1);
      await clock.advance(1);
      await expect.poll(() => server.seen.length).toBe(expected);
    }
    await all;
  });

  describe('watch', () => {
    it('reads events with any chunk boundaries, and large ones', async () => {
      const big = 'é'.repeat(600_000);
      const objects = ['a', 'ü', '漢字', big, 'z'].map((name) => ({
        type: 'ADDED',
        object: { metadata: { name } },
      }));
      const bytes = Buffer.from(objects.map((event) => `${JSON.stringify(event)}\n`).join(''));
      const { client } = await start((_, response) => {
        response.writeHead(200);
        const cuts = [
          50,
          51,
          52,
          53,
          100,
          101,
          102,
          103,
          104,
          105,
          106,
          150_000,
          150_001,
          bytes.length,
        ];
        let start = 0;
        const next = (): void => {
          const end = cuts.shift();
          if (end === undefined) return void response.end();
          response.write(bytes.subarray(start, end), () => setImmediate(next));
          start = end;
        };
        next();
      });
      expect(await collect(client)).toEqual(['a', 'ü', '漢字', big, 'z']);
    });

    it('reports in the middle of a watch that the version is too old', async () => {
      const { client, server } = await start((_, response) => {
        response.write('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n');
        const object = statusBody(410, 'Expired', 'too old resource version');
        response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      });
      expect((await errorOf(collect(client, '5'))).code).toBe('KUBE_GONE');
      expect(server.seen[0]?.url).toBe(
        '/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=2',
      );
    });

    it.each([
      [
        'is interrupted by a dying server',
        (end: () => void, kill: () => void) => kill(),
        'KUBE_UNAVAILABLE',
      ],
      ['ends inside an event', (end: () => void) => end(), 'KUBE_UNAVAILABLE'],
    ])('fails when it %s', async (_, how, code) => {
      const { client } = await start((_seen, response, socket) => {
        response.write('{"type":"ADDED","object":{"metadata":{"na', () => {
          how(
            () => response.end(),
            () => socket.destroy(),
          );
        });
      });
      expect((await errorOf(collect(client))).code).toBe(code);
    });

    it('gives up on a connection on which nothing arrives', async () => {
      const { client } = await start((_, response) => response.writeHead(200).flushHeaders(), {
        watchIdleTimeoutMs: 50,
      });
      const error = await errorOf(collect(client));
      expect(error.code).toBe('KUBE_UNAVAILABLE');
      expect(error.message).toMatch(/127\.0\.0\.1:\d+: no answer for 0\.05 s$/);
    });

    it('waits longer for a quiet kind than for the start of an answer', async () => {
      const { client, server } = await start((_, response) => response.flushHeaders(), {
        requestTimeoutMs: 1000, // a TLS handshake on a loaded machine
      });
      const stop = new AbortController();
      const options = { resourceVersion: '1', timeoutMs: 300_000 };
      const next = client.watch(PODS, options, stop.signal)[Symbol.asyncIterator]().next();
      const outcome = await Promise.race([
        next.catch((error: unknown) => (error as Error).message),
        new Promise((resolve) => setTimeout(() => resolve('still waiting'), 2500)),
      ]);
      expect(outcome).toBe('still waiting');
      expect(server.sockets.size).toBe(1);
      stop.abort(new Error('enough'));
      await expect(next).rejects.toThrow('enough');
    });

    it('gives up on a server that does not start its answer', async () => {
      const { client } = await start(() => undefined, { requestTimeoutMs: 50 });
      const error = await errorOf(collect(client));
      expect(error.message).toMatch(/127\.0\.0\.1:\d+: no answer for 0\.05 s$/);
    });

    // over HTTP/2 the client sends PINGs itself
    if (protocol !== 'HTTP/2') {
      it('has the kernel probe a silent peer within 15 s', async () => {
        const { client, server } = await start((_, response) => response.flushHeaders());
        const stop = new AbortController();
        const watch = client.watch(PODS, { resourceVersion: '1' }, stop.signal);
        const first = watch[Symbol.asyncIterator]().next();
        await expect.poll(() => server.sockets.size).toBe(1);
        // "tr tm->when" of our socket: 02 is the keep-alive timer, its time is in hundredths of a
        // second
        const timer = async (): Promise<string | undefined> => {
          const table = await readFile('/proc/net/tcp', 'utf8');
          const peer = `:${server.port.toString(16).toUpperCase().padStart(4, '0')}`;
          const line = table.split('\n').find((text) => text.split(/\s+/)[3]?.endsWith(peer));
          return line?.split(/\s+/)[6];
        };
        await expect.poll(timer).toMatch(/^02:/);
        expect(Number.parseInt((await timer())?.slice(3) ?? '', 16)).toBeLessThanOrEqual(1500);
        stop.abort(new Error('enough'));
        await expect(first).rejects.toThrow('enough');
      });
    }

    it("ends with its signal's reason", async () => {
      const { client, server } = await start((_, response) =>
        response.writeHead(200).flushHeaders(),
      );
      const stop = new AbortController();
      const watch = client.watch(PODS, { resourceVersion: '1' }, stop.signal);
      const next = watch[Symbol.asyncIterator]().next();
      await expect.poll(() => server.seen.length).toBe(1);
      stop.abort(new Error('enough'));
      await expect(next).rejects.toThrow('enough');
      await expect.poll(() => server.underWay()).toBe(0);
    });

    it('leaves no connections behind, however often its reader leaves', async () => {
      const { client, server } = await start(({ url }, response) => {
        if (url.includes('watch=true')) response.flushHeaders();
        else if (!url.endsWith('/silent')) answer(response, 200, { ok: true });
      });
      const silent = { namespace: 'a', name: 'silent' };
      for (let i = 0; i < 5; i += 1) {
        const stop = new AbortController();
        const watch = client.watch(PODS, { resourceVersion: '1' }, stop.signal);
        const next = watch[Symbol.asyncIterator]().next();
        const failing = client.get(PODS, silent, stop.signal);
        await expect.poll(() => server.underWay()).toBe(2);
        stop.abort(new Error('enough'));
        await expect(Promise.all([next, failing])).rejects.toThrow('enough');
        await Promise.allSettled([next, failing]);
        expect(await client.get(PODS, at, signal)).toEqual({ ok: true });
      }
      await expect.poll(() => server.sockets.size).toBeLessThanOrEqual(2);
    });

    it('is closed on the server when its reader leaves early', async () => {
      const { client, server } = await start((_, response) => {
        response.write('{"type":"ADDED","object":{"metadata":{"name":"x"}}}\n');
      });
      for await (const event of client.watch(PODS, { resourceVersion: '1' }, signal)) {
        expect(event.type).toBe('added');
        break;
      }
      await expect.poll(() => server.underWay()).toBe(0);
    });
  });
});
