import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';

import { Exec, KubeConfig, PortForward } from '@kubernetes/client-node';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';

import { createKubeClient, type HttpKubeClient, type KubeClientOptions } from '../../src/http.js';
import type { Connection } from '../../src/model/connection.js';
import { isKubeError, type KubeError } from '../../src/model/errors.js';
import { NODES } from '../../src/model/resources/core.js';
import { type Authority, createAuthority, type Pair } from '../support/certificates.js';
import { startConnectProxy } from '../support/connect-proxy.js';
import { startFreezingProxy } from '../support/freezing-proxy.js';
import {
  type Acts,
  type SessionServer,
  type SessionServerOptions,
  startSessionServer,
  status,
} from '../support/session-server.js';

const web = { namespace: 'team a', name: 'web' };
const command = ['true'];
const signal = new AbortController().signal;
const closers: (() => unknown)[] = [];
let authority: Authority;
let serving: Pair;

beforeAll(async () => {
  authority = await createAuthority('test-ca');
  serving = await authority.issue('CN=server', { names: [{ type: 'dns', value: 'kube.test' }] });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(act: Acts, options: SessionServerOptions = {}): Promise<SessionServer> {
  const server = await startSessionServer(act, options);
  closers.push(server.close);
  return server;
}

function clientOf(
  connection: Partial<Connection> & { server: string },
  options: KubeClientOptions = {},
): HttpKubeClient {
  const client = createKubeClient({ source: 'kubeconfig k', user: {}, ...connection }, options);
  closers.push(() => client.close());
  return client;
}

async function errorOf(action: Promise<unknown>): Promise<KubeError> {
  const error = await action.then(() => undefined).catch((caught: unknown) => caught);
  if (isKubeError(error)) return error;
  throw new Error(`expected a KubeError, got ${String(error)}`);
}

const frame = (channel: number, data: string): Buffer =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(data)]);
const SUCCESS = frame(3, '{"status":"Success"}');
const exit = (code: number): Buffer => {
  const details = { causes: [{ reason: 'ExitCode', message: `${code}` }] };
  return frame(3, JSON.stringify({ status: 'Failure', reason: 'NonZeroExitCode', details }));
};

/** A command that writes both outputs and ends. */
const succeed: Acts = (_, accept) =>
  void accept().then((socket) => {
    for (const message of [frame(1, 'out'), frame(2, 'err'), exit(3)]) socket.send(message);
    socket.close();
  });

/** A session that the test plays. */
const play =
  (session: (socket: WebSocket) => void): Acts =>
  (_, accept) =>
    void accept().then(session);

describe('requests for sessions', () => {
  it.each([
    [
      'exec',
      (client: HttpKubeClient) => client.exec(web, { command: ['sh', '-c', 'a b', ''] }),
      'exec',
      ['command=', 'command=-c', 'command=a b', 'command=sh', 'stderr=true', 'stdout=true'],
    ],
    [
      'exec with everything',
      (client: HttpKubeClient) =>
        client.exec(web, { command, container: 'c&d', stdin: true, tty: true, stderr: true }),
      'exec',
      ['command=true', 'container=c&d', 'stdin=true', 'stdout=true', 'tty=true'],
    ],
    [
      'attach',
      (client: HttpKubeClient) => client.attach(web, { stdin: true, stdout: false }),
      'attach',
      ['stderr=true', 'stdin=true'],
    ],
    [
      'attach without options',
      (client: HttpKubeClient) => client.attach(web),
      'attach',
      ['stderr=true', 'stdout=true'],
    ],
    [
      'port-forward',
      (client: HttpKubeClient) => client.portForward(web, 80),
      'portforward',
      ['ports=80'],
    ],
  ])('name the pod and the streams: %s', async (_, open, subresource, query) => {
    const server = await serve(succeed);
    await open(clientOf({ server: `${server.url}/prefix/` }));
    const [asked] = server.asked;
    expect(asked?.path).toBe(`/prefix/api/v1/namespaces/team%20a/pods/web/${subresource}`);
    expect(asked?.query).toEqual(query);
    const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
    expect(asked?.protocols).toEqual(
      subresource === 'portforward' ? protocols.slice(1) : protocols,
    );
  });

  it.each([
    ['a namespace', (client: HttpKubeClient) => client.exec({ name: 'web' }, { command })],
    ['a name', (client: HttpKubeClient) => client.attach({ namespace: 'a', name: '' })],
    ['a command', (client: HttpKubeClient) => client.exec(web, { command: [] })],
    ['a program', (client: HttpKubeClient) => client.runCommand(web, { command: [''] })],
    ['a port', (client: HttpKubeClient) => client.portForward(web, 0)],
    ['a possible port', (client: HttpKubeClient) => client.forwardLocalPort(web, 65_536)],
  ])('are not sent without %s', async (_, open) => {
    const server = await serve(succeed);
    expect((await errorOf(open(clientOf({ server: server.url })))).code).toBe('KUBE_INVALID');
    expect(server.asked).toEqual([]);
  });

  it.each([
    [400, 'BadRequest', 'KUBE_INVALID'],
    [403, 'Forbidden', 'KUBE_FORBIDDEN'],
    [404, 'NotFound', 'KUBE_NOT_FOUND'],
    [500, 'InternalError', 'KUBE_SERVER'],
  ])('that are refused with %i fail as any request', async (code, reason, want) => {
    const server = await serve(() => status(code, reason, 'because'));
    const error = await errorOf(clientOf({ server: server.url }).exec(web, { command }));
    expect(error).toMatchObject({ code: want, httpStatus: code, status: { reason } });
    expect(error.message).toBe(`GET /api/v1/namespaces/team%20a/pods/web/exec: ${code} because`);
    expect(server.asked).toHaveLength(1);
  });

  it('that are answered without a session fail', async () => {
    const server = await serve(() => ({ status: 200, body: 'a page' }));
    const error = await errorOf(clientOf({ server: server.url }).exec(web, { command }));
    expect(error).toMatchObject({ code: 'KUBE_PROTOCOL', httpStatus: 200 });
  });

  it('are repeated when an overloaded server asks for it, but not when the answer is lost', async () => {
    let left = 2;
    const server = await serve((asked, accept) => {
      left -= 1;
      if (left === 0) return succeed(asked, accept);
      return { ...status(429, 'TooManyRequests', 'later'), headers: ['retry-after: 0'] };
    });
    const client = clientOf({ server: server.url });
    expect((await client.runCommand(web, { command })).exitCode).toBe(3);
    const dropping = await serve(() => {
      for (const socket of dropping.sockets) socket.resetAndDestroy();
    });
    const error = await errorOf(clientOf({ server: dropping.url }).exec(web, { command }));
    expect(error.code).toBe('KUBE_UNAVAILABLE');
    expect(dropping.asked).toHaveLength(1); // the command may have been run
  });

  it('tell where nobody listens', async () => {
    const error = await errorOf(clientOf({ server: 'http://127.0.0.1:1' }).exec(web, { command }));
    expect(error.code).toBe('KUBE_UNAVAILABLE');
    expect(error.message).toContain('127.0.0.1:1: connection refused: nothing listens there');
  });

  it('wait no longer than others for an answer', async () => {
    const server = await serve(() => undefined);
    const client = clientOf({ server: server.url }, { requestTimeoutMs: 50 });
    expect(await errorOf(client.exec(web, { command }))).toMatchObject({
      code: 'KUBE_UNAVAILABLE',
      message: expect.stringContaining('no answer for 0.05 s') as string,
    });
  });

  it('are written into the log and counted', async () => {
    const lines: object[] = [];
    const log = { debug: (fields: object) => lines.push(fields) };
    const server = await serve(succeed);
    await clientOf({ server: server.url }, { log: log as never }).runCommand(web, { command });
    expect(lines).toMatchObject([{ method: 'GET', status: 101 }]);
  });
});

/** A plug-in whose first token is `old` and whose second is `new`. */
const PLUGIN = `
  token=old; [ -e "$RAN" ] && token=new; touch "$RAN"
  echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",'
  echo '"status":{"token":"'$token'"}}'
`;

describe('the way to the server', () => {
  const ca = () => ({ kind: 'inline', text: authority.certificatePem }) as const;
  const tls = () => ({ ...serving, ca: authority.certificatePem });

  it.each(['HTTP/1.1', 'HTTP/2'])('is TLS beside %s, with our certificate', async (protocol) => {
    const server = await serve(succeed, { tls: tls(), http2: protocol === 'HTTP/2' });
    const pair = await authority.issue('CN=me');
    const inline = (pem: string) => ({ kind: 'inline', text: pem }) as const;
    const client = clientOf({
      server: server.url,
      ca: ca(),
      tlsServerName: 'kube.test',
      user: {
        clientCertificate: { certificate: inline(pair.certificatePem), key: inline(pair.keyPem) },
      },
    });
    await client.get(NODES, { name: 'n' }, signal);
    expect(await client.runCommand(web, { command })).toEqual({
      ...{ exitCode: 3, stdout: 'out', stderr: 'err' },
    });
    expect(server.asked).toMatchObject([{ client: 'me' }]);
    expect(server.asked[0]?.headers.host).toBe(`127.0.0.1:${server.port}`);
  });

  it('is refused when the certificate is for another name, unless that is allowed', async () => {
    const server = await serve(succeed, { tls: tls() });
    const strict = clientOf({ server: server.url, ca: ca() });
    const error = await errorOf(strict.exec(web, { command }));
    expect(error.message).toContain("the server's certificate is for another name");
    expect(server.asked).toEqual([]);
    const lax = clientOf({ server: server.url, insecureSkipTlsVerify: true });
    expect((await lax.runCommand(web, { command })).exitCode).toBe(3);
  });

  it('leads through a proxy by CONNECT', async () => {
    const server = await serve(succeed, { tls: tls() });
    const proxy = await startConnectProxy();
    closers.push(proxy.close);
    const client = clientOf({
      ...{ server: server.url, ca: ca(), tlsServerName: 'kube.test', proxyUrl: proxy.url },
    });
    expect((await client.runCommand(web, { command })).stdout).toBe('out');
    expect(proxy.asked).toEqual([`127.0.0.1:${server.port}`]);
  });

  it('carries identity and program, and a new token after a refusal', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kube-client-'));
    closers.push(() => rm(folder, { recursive: true }));
    const server = await serve((asked, accept) =>
      asked.headers.authorization === 'Bearer new'
        ? succeed(asked, accept)
        : status(401, 'Unauthorized', 'Unauthorized'),
    );
    const client = clientOf(
      {
        server: server.url,
        user: {
          exec: {
            apiVersion: 'client.authentication.k8s.io/v1',
            command: 'sh',
            args: ['-c', PLUGIN],
            env: { RAN: join(folder, 'ran') },
            provideClusterInfo: false,
          },
          headers: { 'Impersonate-User': 'jane', 'Impersonate-Group': ['a', 'b'] },
        },
      },
      { userAgent: 'test/1' },
    );
    expect((await client.runCommand(web, { command })).exitCode).toBe(3);
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer old',
      'Bearer new',
    ]);
    expect(server.asked[1]?.headers).toMatchObject({
      ...{ 'user-agent': 'test/1', 'impersonate-user': 'jane', 'impersonate-group': 'a, b' },
    });
  });
});

describe('a session', () => {
  it('that the server ends with a Status fails with its code', async () => {
    const said = { kind: 'Status', status: 'Failure', code: 404, message: 'no such container' };
    const server = await serve(
      play((socket) => socket.send(frame(3, JSON.stringify(said)), () => socket.close())),
    );
    const error = await errorOf(clientOf({ server: server.url }).runCommand(web, { command }));
    expect(error).toMatchObject({
      code: 'KUBE_NOT_FOUND',
      status: { message: 'no such container' },
    });
  });

  it.each([
    ['text instead of a Status', [frame(3, 'broken')], 'KUBE_SERVER'],
    ['no status at all', [frame(1, 'half')], 'KUBE_UNAVAILABLE'],
  ])('that the server ends with %s fails', async (_, messages, code) => {
    const server = await serve(
      play((socket) => {
        for (const message of messages) socket.send(message);
        socket.close();
      }),
    );
    const error = await errorOf(clientOf({ server: server.url }).runCommand(web, { command }));
    expect(error.code).toBe(code);
  });

  it('cannot end its input over version 4', async () => {
    const server = await serve(
      play(() => undefined),
      { protocols: ['v4.channel.k8s.io'] },
    );
    const client = clientOf({ server: server.url });
    const error = await errorOf(client.runCommand(web, { command, stdin: 'x' }));
    expect(error).toMatchObject({ code: 'KUBE_PROTOCOL' });
    expect(error.message).toContain('v4.channel.k8s.io cannot end standard input');
  });

  it('that breaks fails, and says where', async () => {
    const server = await serve(
      play((socket) => socket.send(frame(1, 'x'), () => socket.terminate())),
    );
    const session = await clientOf({ server: server.url }).exec(web, { command });
    const error = await errorOf(session.exitCode);
    expect(error).toMatchObject({ code: 'KUBE_UNAVAILABLE' });
    expect(error.message).toContain(`127.0.0.1:${server.port}: the connection broke`);
    expect(await errorOf(text(session.stdout))).toBe(error);
  });

  it('ends when its peer vanished', async () => {
    const server = await serve(play(() => undefined));
    const proxy = await startFreezingProxy(server.port);
    closers.push(proxy.close);
    const client = clientOf(
      { server: `http://127.0.0.1:${proxy.port}` },
      { sessionPings: { everyMs: 5, patienceMs: 50 } },
    );
    const session = await client.exec(web, { command });
    proxy.freeze();
    const error = await errorOf(session.exitCode);
    expect(error.code).toBe('KUBE_UNAVAILABLE');
    expect(error.message).toContain('no sign of life from the server for 0.05 s');
  });

  it('ends when the client is closed, and none begins after', async () => {
    const server = await serve(play(() => undefined));
    const client = clientOf({ server: server.url });
    const session = await client.exec(web, { command });
    client.close();
    const message = 'the client of kubeconfig k was closed';
    expect((await errorOf(session.exitCode)).message).toBe(message);
    expect((await errorOf(client.exec(web, { command }))).message).toBe(message);
  });

  it('ends with the reason of its signal, in each of its phases', async () => {
    const server = await serve((_, accept) => void (server.asked.length > 1 && void accept()));
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    closers.push(() => silent.close());
    const client = clientOf({ server: server.url });
    const reason = new Error('enough');
    const stop = new AbortController();
    const asking = client.exec(web, { command }, stop.signal);
    await expect.poll(() => server.asked.length).toBe(1);
    const running = await client.exec(web, { command }, stop.signal);
    const port = await client.portForward(web, 80, stop.signal);
    stop.abort(reason);
    await expect(asking).rejects.toBe(reason);
    await expect(running.exitCode).rejects.toBe(reason);
    await expect(text(port)).rejects.toBe(reason);
    await expect(client.attach(web, {}, stop.signal)).rejects.toBe(reason);
  });
});

describe('runCommand', () => {
  it('gives input, and both outputs as text', async () => {
    const server = await serve(
      play((socket) => {
        socket.on('message', (message: Buffer) => {
          const [channel = -1, ...rest] = message;
          if (channel === 0) socket.send(frame(1, `<${Buffer.from(rest).toString()}>`));
          // a character in two messages
          else
            for (const half of [
              [2, 0xc3],
              [2, 0xbc],
            ])
              socket.send(Buffer.from(half));
          if (channel === 255) socket.send(SUCCESS, () => socket.close());
        });
      }),
    );
    const client = clientOf({ server: server.url });
    expect(await client.runCommand(web, { command, stdin: 'typed' })).toEqual({
      ...{ exitCode: 0, stdout: '<typed>', stderr: 'ü' },
    });
  });

  it('gives up outputs that are longer together than allowed, and closes the session', async () => {
    const closed = Promise.withResolvers<undefined>();
    const server = await serve(
      play((socket) => {
        socket.on('close', () => closed.resolve(undefined));
        socket.send(frame(1, 'x'.repeat(600)));
        socket.send(frame(2, 'x'.repeat(600)));
      }),
    );
    const running = clientOf({ server: server.url }).runCommand(web, {
      command,
      maxOutputBytes: 1000,
    });
    expect(await errorOf(running)).toMatchObject({
      code: 'KUBE_PROTOCOL',
      message: expect.stringContaining('longer than 1000 bytes (maxOutputBytes)') as string,
    });
    await closed.promise;
  });
});

/** A pod whose port repeats what it receives, or refuses. */
const port =
  (answer: 'echo' | 'refuse'): Acts =>
  (_, accept) =>
    void accept().then((socket) => {
      for (const channel of [0, 1]) socket.send(Buffer.from([channel, 80, 0]));
      if (answer === 'refuse') socket.send(frame(1, 'connection refused'), () => socket.close());
      socket.on('message', (message: Buffer) => {
        socket.send(message);
        if (message.toString().endsWith('bye')) socket.close();
      });
    });

describe('a forwarded port', () => {
  it('is a connection', async () => {
    const server = await serve(port('echo'));
    const connection = await clientOf({ server: server.url }).portForward(web, 80);
    connection.write('hello, ');
    connection.write('bye');
    expect(await text(connection)).toBe('hello, bye');
  });

  it('tells that nothing listens', async () => {
    const server = await serve(port('refuse'));
    const connection = await clientOf({ server: server.url }).portForward(web, 80);
    expect(await errorOf(text(connection))).toMatchObject({
      code: 'KUBE_SERVER',
      message: expect.stringContaining('portforward: port 80: connection refused') as string,
    });
  });

  it('is a local port, with a connection for each of its own', async () => {
    const server = await serve(port('echo'));
    const client = clientOf({ server: server.url });
    const local = await client.forwardLocalPort(web, 80);
    const talk = async (words: string): Promise<string> => {
      const socket = connect(local.port, local.host);
      socket.write(`${words} bye`);
      return text(socket);
    };
    expect(await Promise.all(['one', 'two', 'three'].map(talk))).toEqual([
      ...['one bye', 'two bye', 'three bye'],
    ]);
    expect(server.asked).toHaveLength(3);
    await local.close();
    await expect(once(connect(local.port, local.host), 'connect')).rejects.toThrow('ECONNREFUSED');
  });

  it('resets local connections that lead nowhere, and tells why', async () => {
    const server = await serve(() => status(404, 'NotFound', 'no such pod'));
    const errors: unknown[] = [];
    const client = clientOf({ server: server.url });
    await using local = await client.forwardLocalPort(web, 80, {
      onError: (one) => errors.push(one),
    });
    await expect(text(connect(local.port, local.host))).rejects.toThrow('ECONNRESET');
    expect(errors).toMatchObject([{ code: 'KUBE_NOT_FOUND' }]);
  });

  it('ends a connection whose local client has gone, and leaves time for an answer', async () => {
    let ended = 0;
    const server = await serve(
      play((socket) => {
        for (const channel of [0, 1]) socket.send(Buffer.from([channel, 80, 0]));
        socket.on('message', () => setTimeout(() => socket.send(frame(0, 'answer')), 20));
        socket.on('close', () => (ended += 1));
      }),
    );
    const client = clientOf({ server: server.url });
    await using local = await client.forwardLocalPort(web, 80, { lingerMs: 200 });
    const socket = connect({ port: local.port, host: local.host, allowHalfOpen: true });
    socket.end('question');
    expect(await text(socket)).toBe('answer');
    await expect.poll(() => ended).toBe(1);
  });

  it('is closed by its signal, with its connections', async () => {
    const server = await serve(port('echo'));
    const stop = new AbortController();
    const local = await clientOf({ server: server.url }).forwardLocalPort(web, 80, {}, stop.signal);
    const socket = connect(local.port, local.host);
    socket.write('hello');
    await once(socket, 'data');
    stop.abort();
    await once(socket, 'close');
    await expect(once(connect(local.port, local.host), 'connect')).rejects.toThrow('ECONNREFUSED');
  });

  it('is refused where another listens', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    closers.push(() => other.close());
    const { port: localPort } = other.address() as { port: number };
    const client = clientOf({ server: 'http://127.0.0.1:1' });
    expect(await errorOf(client.forwardLocalPort(web, 80, { localPort }))).toMatchObject({
      code: 'KUBE_INVALID',
      message: expect.stringContaining('EADDRINUSE') as string,
    });
  });
});

describe("client-node's sessions", () => {
  const peerOf = ({ url }: SessionServer): KubeConfig => {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'c', server: url, skipTLSVerify: true }],
      users: [{ name: 'u', token: 'secret' }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    return config;
  };
  const collector = () => {
    const chunks: Buffer[] = [];
    const write = (chunk: Buffer, _: string, done: () => void): void => {
      chunks.push(chunk);
      done();
    };
    return { stream: new Writable({ write }), said: () => Buffer.concat(chunks).toString() };
  };

  it('ask for the same command and give the same result', async () => {
    const server = await serve(succeed);
    const [out, err] = [collector(), collector()];
    const ended = Promise.withResolvers<object>();
    const words = ['sh', '-c', 'a && b'];
    await new Exec(peerOf(server)).exec(
      'team',
      'web',
      'main',
      words,
      out.stream,
      err.stream,
      null,
      false,
      ended.resolve,
    );
    const theirs = await ended.promise;
    const ours = await clientOf({ server: server.url }).runCommand(
      { namespace: 'team', name: 'web' },
      { command: words, container: 'main' },
    );
    expect(ours).toMatchObject({ stdout: out.said(), stderr: err.said(), exitCode: 3 });
    expect(theirs).toMatchObject({ reason: 'NonZeroExitCode' });
    const [peer, own] = server.asked;
    const asked = peer?.query.filter((pair) => !pair.endsWith('=false'));
    expect([own?.path, own?.query]).toEqual([peer?.path, asked]);
  });

  it('ask for the same port and carry the same data', async () => {
    const server = await serve(port('echo'));
    const out = collector();
    await new PortForward(peerOf(server)).portForward(
      'team',
      'web',
      [80],
      out.stream,
      null,
      Readable.from(['hello, bye']),
    );
    await expect.poll(out.said).toBe('hello, bye');
    const own = await clientOf({ server: server.url }).portForward(
      { namespace: 'team', name: 'web' },
      80,
    );
    own.write('hello, bye');
    expect((await buffer(own)).toString()).toBe(out.said());
    const [theirs, ours] = server.asked;
    expect([ours?.path, ours?.query]).toEqual([theirs?.path, theirs?.query]);
  });
});
