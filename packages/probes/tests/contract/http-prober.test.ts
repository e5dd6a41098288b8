import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { describe, expect, it } from 'vitest';

import { createHttpProber } from '../../src/adapters/http-prober.js';
import type { HttpHeader } from '../../src/index.js';
import { planHttpRequest, type ProbeOutcome } from '../../src/index.js';
import { answering, bound, closedPort, listen } from '../loopback.js';
import { cutOff, PATIENT_MS } from '../patience.js';
import { proberContract } from './prober-contract.js';

const attempt = createHttpProber();

interface Target {
  readonly port: number;
  readonly host?: string;
  readonly path?: string;
  readonly scheme?: 'http' | 'https';
  readonly headers?: readonly HttpHeader[];
  readonly timeoutMs?: number;
}

function probe(target: Target, signal = new AbortController().signal): Promise<ProbeOutcome> {
  const { port, host = '127.0.0.1', path = '/', scheme = 'http', headers = [] } = target;
  const { timeoutMs = PATIENT_MS } = target;
  const action = { kind: 'http', scheme, host, port, path, headers } as const;
  const request = planHttpRequest(action, { id: 'c', state: 'running', restartable: true });
  if (typeof request === 'string') throw new Error(request);
  return attempt({ ...request, timeoutMs }, signal);
}

const ok = (body = ''): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const status = (code: number): string => `HTTP/1.1 ${code} Word\r\nContent-Length: 0\r\n\r\n`;
const redirect = (location: string): string =>
  `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 4\r\n\r\nthen`;

describe(createHttpProber, () => {
  proberContract(async () => {
    const good = await answering(ok());
    const silent = await listen(() => undefined);
    const bad = await closedPort();
    return {
      good: (signal) => probe({ port: good.port }, signal),
      bad: (signal) => probe({ port: bad }, signal),
      silent: (signal) => probe({ port: silent.port }, signal),
      [Symbol.asyncDispose]: async () => {
        await good[Symbol.asyncDispose]();
        await silent[Symbol.asyncDispose]();
      },
    };
  });

  it.each([
    [101, 'failure', 'HTTP probe failed with statuscode: 101'],
    [200, 'success', ''],
    [299, 'success', ''],
    [304, 'warning', 'Probe terminated redirects, Response body: '],
    [399, 'warning', 'Probe terminated redirects, Response body: '],
    [400, 'failure', 'HTTP probe failed with statuscode: 400'],
    [503, 'failure', 'HTTP probe failed with statuscode: 503'],
  ] as const)('judges %d as %s', async (code, result, detail) => {
    await using server = await answering(status(code));
    expect(await probe({ port: server.port })).toEqual({ result, detail });
  });

  it('treats 199 as an interim answer and waits for the final one', async () => {
    await using server = await answering('HTTP/1.1 199 Wait\r\n\r\n' + status(500));
    expect(await probe({ port: server.port })).toMatchObject({ result: 'failure' });
    await using none = await answering('HTTP/1.1 199 Wait\r\n\r\n');
    expect((await probe({ port: none.port })).detail).toMatch(/EOF$/);
  });

  it('sends the same request as Kubernetes', async () => {
    await using server = await answering(ok());
    await probe({ port: server.port, path: '/a b?q=ä' });
    expect(server.received[0]).toBe(
      [
        'GET /a%20b?q=%C3%A4 HTTP/1.1',
        `Host: 127.0.0.1:${server.port}`,
        'User-Agent: kube-probe/1.36',
        'Accept: */*',
        'Connection: close',
        '\r\n',
      ].join('\r\n'),
    );
  });

  it('sends given headers, including repeated ones, and leaves out empty ones', async () => {
    await using server = await answering(ok());
    const headers = [
      { name: 'Host', value: 'www.example' },
      { name: 'accept', value: '' },
      { name: 'X-A', value: '1' },
      { name: 'X-A', value: '2' },
      { name: 'user-agent', value: 'mine' },
    ];
    await probe({ port: server.port, headers });
    expect(server.received[0]).toBe(
      'GET / HTTP/1.1\r\nHost: www.example\r\nX-A: 1\r\nX-A: 2\r\nuser-agent: mine\r\nConnection: close\r\n\r\n',
    );
  });

  it.each([
    [{ name: 'A', value: 'x\r\nB: y' }, 'net/http: invalid header field value for "A"'],
    [{ name: 'A', value: 'x\x7f' }, 'net/http: invalid header field value for "A"'],
    [{ name: 'A\n', value: '' }, 'net/http: invalid header field name "A\\n"'],
    [{ name: 'Host', value: 'x\r\n\r\nGET /' }, 'net/http: invalid header field value for "Host"'],
    [{ name: 'Host', value: 'x\0' }, 'net/http: invalid header field value for "Host"'],
    [
      { name: 'Connection', value: 'x\ny' },
      'net/http: invalid header field value for "Connection"',
    ],
    [{ name: 'A B', value: '' }, 'net/http: invalid header field name "A B"'],
  ])('fails with the header %j, and sends nothing', async (header, why) => {
    await using server = await answering(ok());
    const outcome = await probe({ port: server.port, headers: [header] });
    expect(outcome).toEqual({
      result: 'failure',
      detail: `Get "http://127.0.0.1:${server.port}/": ${why}`,
    });
    expect(server.received).toEqual([]);
  });

  it.each(['A', 'X-Host'])(
    'sends header %s in UTF-8: no letter becomes a line end',
    async (name) => {
      await using server = await answering(ok());
      await probe({ port: server.port, headers: [{ name, value: 'x\u010d\u010aB: y' }] });
      expect(server.received).toHaveLength(1);
      const sent = Buffer.from(server.received[0] ?? '', 'latin1').toString('utf8');
      expect(sent).toContain(`\r\n${name}: x\u010d\u010aB: y\r\n`);
      expect(server.received[0]).not.toContain('\r\nB:');
    },
  );

  it('sends no line end for a Host with non-ASCII letters', async () => {
    await using server = await answering(ok());
    const value = 'x\u010d\u010a\u010d\u010aGET';
    await probe({ port: server.port, headers: [{ name: 'Host', value }] });
    expect(server.received.join('')).not.toMatch(/x\r?\n/);
  });

  it('follows a redirect on the same host, even to another port', async () => {
    await using last = await answering(ok('there'));
    await using first = await answering(() => redirect(`http://127.0.0.1:${last.port}/x?y#z`));
    expect(await probe({ port: first.port })).toEqual({ result: 'success', detail: 'there' });
    expect(last.received[0]).toContain('GET /x?y HTTP/1.1');
  });

  it('keeps a given Host through a relative redirect', async () => {
    let asked = 0;
    await using server = await answering(() => (asked++ === 0 ? redirect('next') : ok()));
    const headers = [{ name: 'Host', value: 'www.example' }];
    await probe({ port: server.port, path: '/a/b', headers });
    expect(server.received[1]).toMatch(/^GET \/a\/next HTTP\/1.1\r\nHost: www.example\r\n/);
  });

  it('does not follow to another host, and warns', async () => {
    await using server = await answering(redirect('http://127.0.0.2:1/'));
    expect(await probe({ port: server.port })).toEqual({
      result: 'warning',
      detail: 'Probe terminated redirects, Response body: then',
    });
  });

  it('gives up after ten requests', async () => {
    await using server = await answering(redirect('/again'));
    const outcome = await probe({ port: server.port });
    expect(outcome).toEqual({
      result: 'failure',
      detail: `Get "http://127.0.0.1:${server.port}/again": stopped after 10 redirects`,
    });
    expect(server.received).toHaveLength(10);
  });

  it('keeps at most 10 KiB of a huge body and does not wait for the rest', async () => {
    const head = 'HTTP/1.1 200 OK\r\n\r\n';
    await using server = await answering(head + 'x'.repeat(200_000), { end: false });
    const outcome = await probe({ port: server.port });
    expect(outcome.result).toBe('success');
    expect(outcome.detail).toHaveLength(10 * 1024);
  });

  it('reads chunks, split anywhere', async () => {
    const answer =
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '4;ext=1\r\nwell\r\nA\r\n, that was\r\n0\r\n\r\n';
    await using server = await listen((socket) => {
      socket.setNoDelay(true);
      socket.once('data', () => {
        void (async () => {
          for (const letter of answer) {
            socket.write(letter);
            await new Promise((resolve) => setImmediate(resolve));
          }
        })();
      });
    });
    const outcome = await probe({ port: server.port });
    expect(outcome).toEqual({ result: 'success', detail: 'well, that was' });
  });

  it('disconnects from a server that answers early and reads nothing of a long request', async () => {
    const sockets: Socket[] = [];
    await using server = await listen((socket) => {
      socket.pause();
      socket.write(ok());
      sockets.push(socket);
    });
    const value = 'x'.repeat(32 * 1024 * 1024);
    const outcome = await probe({ port: server.port, headers: [{ name: 'A', value }] });
    expect(outcome.result).toBe('success');
    // it reads nothing: only a write shows it that the connection is closed
    while (sockets[0]?.destroyed === false) {
      sockets[0].write('x');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(server.endings[0]).toMatch(/^(ECONNRESET|EPIPE)$/);
  });

  it('speaks IPv6', async () => {
    await using server = await answering(ok(), { host: '::1' });
    expect(await probe({ port: server.port, host: '::1' })).toMatchObject({ result: 'success' });
    expect(server.received[0]).toContain(`Host: [::1]:${server.port}\r\n`);
  });

  it.each(['http_proxy', 'HTTP_PROXY'])('ignores %s', async (name) => {
    await using server = await answering(ok());
    const before = process.env[name];
    process.env[name] = `http://127.0.0.1:${await closedPort()}`;
    try {
      expect(await probe({ port: server.port })).toMatchObject({ result: 'success' });
    } finally {
      if (before === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before;
    }
  });

  const get = (port: number, scheme = 'http'): string => `Get "${scheme}://127.0.0.1:${port}/": `;

  it('fails when nothing listens', async () => {
    const port = await closedPort();
    const want = `${get(port)}dial tcp 127.0.0.1:${port}: connect: connection refused`;
    expect(await probe({ port })).toEqual({ result: 'failure', detail: want });
  });

  it('fails when no answer comes in time', async () => {
    await using server = await listen(() => undefined);
    const late = `${get(server.port)}context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
    const { outcome, want } = await cutOff(
      () => late,
      (timeoutMs) => probe({ port: server.port, timeoutMs }),
    );
    expect(outcome).toEqual({ result: 'failure', detail: want });
  });

  it('fails when the head comes too slowly', async () => {
    await using server = await listen((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-'));
    });
    const late = `${get(server.port)}context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
    const { outcome, want } = await cutOff(
      () => late,
      (timeoutMs) => probe({ port: server.port, timeoutMs }),
    );
    expect(outcome.detail).toBe(want);
  });

  it.each([
    ['closes without an answer', '', 'EOF'],
    ['closes within the head', 'HTTP/1.1 200 OK\r\nCont', 'EOF'],
    ['speaks another protocol', 'SSH-2.0-x\r\n', 'malformed HTTP response "SSH-2.0-x"'],
    [
      'sends an invalid length',
      'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
      'bad Content-Length "x"',
    ],
  ])('fails when the server %s', async (_, answer, why) => {
    await using server = await answering(answer);
    const outcome = await probe({ port: server.port });
    expect(outcome.detail).toBe(`${get(server.port)}${why}`);
  });

  it('fails when the connection is reset', async () => {
    await using server = await listen((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const outcome = await probe({ port: server.port });
    expect(outcome.result).toBe('failure');
    expect(outcome.detail).toMatch(/read: connection reset by peer$/);
  });

  it.each([
    [
      'is late',
      false,
      'context deadline exceeded (Client.Timeout or context cancellation while reading body)',
    ],
    ['breaks off', true, 'unexpected EOF'],
  ])('is an error, not a failure, when the body %s', async (_, end, why) => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
    await using server = await answering(answer, { end });
    const { outcome, want } = await cutOff(
      () => `${get(server.port)}${why}`,
      (timeoutMs) => probe({ port: server.port, timeoutMs: end ? PATIENT_MS : timeoutMs }),
    );
    expect(outcome).toEqual({ result: 'error', state: 'failure', detail: want });
  });

  it('does not verify certificates', async () => {
    const fixture = (name: string): Buffer =>
      readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
    const key = fixture('self-signed.key');
    const server = createTlsServer({ key, cert: fixture('self-signed.crt') }, (socket) => {
      socket.on('error', () => undefined); // the prober may leave without a TLS close
      socket.once('data', () => socket.end(ok('secret')));
    });
    const port = await bound(server, '127.0.0.1');
    try {
      const outcome = await probe({ port, scheme: 'https' });
      expect(outcome).toEqual({ result: 'success', detail: 'secret' });
    } finally {
      server.close();
    }
  });

  it('reports plain HTTP on an https port', async () => {
    await using server = await listen((socket) => {
      socket.once('data', () => socket.end('HTTP/1.0 400 Bad Request\r\n\r\nhello there, plain'));
    });
    const outcome = await probe({ port: server.port, scheme: 'https' });
    expect(outcome).toEqual({
      result: 'failure',
      detail: `${get(server.port, 'https')}http: server gave HTTP response to HTTPS client`,
    });
  });

  it('closes in order towards a server that waits for the close', async () => {
    const ended = Promise.withResolvers<string>();
    await using server = await listen((socket) => {
      socket.on('end', () => ended.resolve('end'));
      socket.on('error', (error) => ended.resolve(error.message));
      socket.once('data', () => socket.write(ok()));
    });
    await probe({ port: server.port });
    expect(await ended.promise).toBe('end');
  });
});
