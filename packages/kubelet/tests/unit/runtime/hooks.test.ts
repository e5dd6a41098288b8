import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { ManualClock, MemoryMetrics } from '@nodeagent/base/testing';
import type { Container } from '@nodeagent/kube-client';
import { afterEach, describe, expect, it } from 'vitest';

import { callHook } from '../../../src/runtime/adapters/hook-caller.js';
import { nextRun } from '../../../src/runtime/plan/container-config.js';
import { planHook } from '../../../src/runtime/plan/hook.js';
import type { HookRequest } from '../../../src/runtime/ports.js';
import { type Handler, runHook } from '../../../src/runtime/run/hooks.js';
import { createRuntimeMeter } from '../../../src/runtime/run/index.js';

const { signal } = new AbortController();
const container: Container = { name: 'app', ports: [{ name: 'web', containerPort: 8080 }] };
const target = { containerId: 'c1', container, podIp: '10.1.0.5' };

describe(planHook, () => {
  const get = (http: object) => ({ httpGet: http }) as Handler;
  const url = (handler: Handler): string => {
    const hook = planHook(handler, target);
    if (hook.kind !== 'http') throw new Error(hook.kind);
    const { scheme, host, port, path } = hook.request;
    return `${scheme}://${host}:${port}${path}`;
  };

  it.each([
    ['a number', get({ port: 80 }), 'http://10.1.0.5:80/'],
    ['a name', get({ port: 'web', path: 'bye' }), 'http://10.1.0.5:8080/bye'],
    [
      'another host',
      get({ port: 1, host: 'h', scheme: 'HTTPS', path: '/a?b=c' }),
      'https://h:1/a?b=c',
    ],
  ])('calls a port given as %s', (_, handler, want) => expect(url(handler)).toBe(want));

  it.each([
    ['a port that does not exist', get({ port: 'nope' }), "couldn't find port: nope"],
    ['a kind that was never supported', { tcpSocket: { port: 80 } }, 'invalid handler'],
  ])('refuses %s', (_, handler, text) => expect(() => planHook(handler, target)).toThrow(text));
});

describe(runHook, () => {
  const headers = [
    { name: 'Authorization', value: 's' },
    { name: 'X-A', value: '1' },
  ];
  const handler: Handler = { httpGet: { port: 443, scheme: 'HTTPS', httpHeaders: headers } };

  it('repeats a request by plain HTTP without secret headers, and reports that', async () => {
    const asked: HookRequest[] = [];
    const told: string[] = [];
    const metrics = new MemoryMetrics();
    await runHook(handler, target, {
      meter: createRuntimeMeter(metrics),
      cri: { execSync: () => Promise.reject(new Error('no')) },
      call: async (request) => (asked.push(request) === 1 ? 'not-tls' : 'answered'),
      clock: new ManualClock(),
      onFallback: (text) => told.push(text),
      signal,
    });
    expect(asked.map(({ scheme }) => scheme)).toEqual(['https', 'http']);
    expect(metrics.values.get('kubelet_lifecycle_handler_http_fallbacks_total')).toBe(1);
    expect(asked[1]?.headers.map(({ name }) => name)).toEqual(['X-A', 'User-Agent']);
    expect(told).toEqual([
      'request to HTTPS lifecycle hook 10.1.0.5:443 got HTTP response, retry with HTTP succeeded',
    ]);
  });

  it('counts a sleep that its container did not outlive', async () => {
    const metrics = new MemoryMetrics();
    const end = new AbortController();
    const ports = {
      cri: { execSync: () => Promise.reject(new Error('no')) },
      call: () => Promise.reject(new Error('no')),
      clock: new ManualClock(),
      meter: createRuntimeMeter(metrics),
    };
    const sleeping = runHook({ sleep: { seconds: 5 } }, target, { ...ports, signal: end.signal });
    end.abort();
    await sleeping;
    expect(metrics.values.get('kubelet_sleep_action_terminated_early_total')).toBe(1);
  });

  it('reports a failed command with its output', async () => {
    const cri = {
      execSync: async () => ({
        stdout: Buffer.from(''),
        stderr: Buffer.from('no'),
        exitCode: 3,
      }),
    };
    const ports = { cri, call: callHook, clock: new ManualClock(), signal };
    const run = runHook({ exec: { command: ['drain', 'now'] } }, target, ports);
    await expect(run).rejects.toThrow("command 'drain now' exited with 3: no");
  });
});

describe('callHook', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  const serve = (status: number): Promise<number> =>
    listening(createServer((_, response) => response.writeHead(status).end('x')));

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return (server.address() as AddressInfo).port;
  }

  it.each([200, 404, 500])('accepts status %i', async (status) => {
    const request = { host: '127.0.0.1', port: await serve(status), path: '/', headers: [] };
    await expect(callHook({ ...request, scheme: 'http' }, signal)).resolves.toBe('answered');
    await expect(callHook({ ...request, scheme: 'https' }, signal)).resolves.toBe('not-tls');
  });

  it('reads at most 10 KiB of an endless body', async () => {
    const ended = Promise.withResolvers<number>();
    const server = createServer((_, response) => {
      let sent = 0;
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1024))) sent += 1024;
      };
      response.on('drain', more).on('close', () => ended.resolve(sent));
      more();
    });
    const port = await listening(server);
    const request = { scheme: 'http', host: '127.0.0.1', port, path: '/', headers: [] } as const;
    await expect(callHook(request, signal)).resolves.toBe('answered');
    // the rest was buffered by the kernel
    expect(await ended.promise).toBeLessThan(64 * 1024 * 1024);
  });

  it('accepts a response whose body breaks off', async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setImmediate(() => response.destroy());
    });
    const request = { host: '127.0.0.1', port: await listening(server), path: '/', headers: [] };
    await expect(callHook({ ...request, scheme: 'http' }, signal)).resolves.toBe('answered');
  });

  it('sends the path escaped and headers in UTF-8', async () => {
    const asked: string[] = [];
    const server = createServer(({ url = '', headers }, response) => {
      const text = Buffer.from(String(headers['x-a']), 'latin1').toString('utf8');
      asked.push(`${url} ${headers.host} ${text}`);
      response.end();
    });
    const port = await listening(server);
    const headers = [
      { name: 'X-A', value: 'a\u010d\u010ab' },
      { name: 'Host', value: 'www.example' },
    ];
    const request = {
      scheme: 'http',
      host: '127.0.0.1',
      port,
      path: '/a b\r\nc',
      headers,
    } as const;
    await callHook(request, signal);
    expect(asked).toEqual(['/a%20b%0D%0Ac www.example a\u010d\u010ab']);
  });

  it.each([
    ['Host', 'x\r\nX: y', 'net/http: invalid header field value for "Host"'],
    ['X-A', 'x\ny', 'net/http: invalid header field value for "X-A"'],
    ['X A', 'x', 'net/http: invalid header field name "X A"'],
  ])('refuses the header %j: %j', async (name, value, why) => {
    const request = { scheme: 'http', host: '127.0.0.1', port: 1, path: '/' } as const;
    const call = callHook({ ...request, headers: [{ name, value }] }, signal);
    await expect(call).rejects.toThrow(why);
  });

  it('refuses a host that would end a line', async () => {
    const request = { scheme: 'http', port: 1, path: '/', headers: [] } as const;
    const call = callHook({ ...request, host: '127.0.0.1\r\nX: y' }, signal);
    await expect(call).rejects.toThrow('invalid host name');
  });
});

describe('a redirected hook', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  /** Redirects, and records the requests. */
  async function redirecting(to: (path: string) => string | undefined): Promise<{
    readonly port: number;
    readonly asked: string[];
  }> {
    const asked: string[] = [];
    const server = createServer(({ url = '', headers }, response) => {
      asked.push(`${url} ${String(headers['x-a'] ?? '')}`);
      const location = to(url);
      if (location === undefined) response.writeHead(204).end();
      else response.writeHead(302, { location }).end();
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return { port: (server.address() as AddressInfo).port, asked };
  }
  const hook = (port: number) => ({
    ...{ scheme: 'http' as const, host: '127.0.0.1', port, path: '/' },
    headers: [
      { name: 'X-A', value: '1' },
      { name: 'X-A', value: '2' },
    ],
  });

  it('follows to the same host, with its headers', async () => {
    const { port, asked } = await redirecting((path) => (path === '/' ? '/next' : undefined));
    await expect(callHook(hook(port), signal)).resolves.toBe('answered');
    expect(asked).toEqual(['/ 1, 2', '/next 1, 2']);
  });

  it('does not follow to another host, and succeeds', async () => {
    const { port, asked } = await redirecting(() => 'http://192.0.2.1/');
    await expect(callHook(hook(port), signal)).resolves.toBe('answered');
    expect(asked).toHaveLength(1);
  });

  it('gives up after ten', async () => {
    const { port, asked } = await redirecting((path) => `${path}x`);
    await expect(callHook(hook(port), signal)).rejects.toThrow('stopped after 10 redirects');
    expect(asked).toHaveLength(10);
  });
});

describe(nextRun, () => {
  it.each([
    [[], 0],
    [['0.log'], 1],
    [['0.log', '10.log', '9.log.20260101-000000.gz', 'x.log', '11.txt'], 11],
  ])('%j', (names, want) => expect(nextRun(names)).toBe(want));
});
