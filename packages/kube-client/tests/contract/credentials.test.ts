import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { loadKubeconfig } from '../../src/adapters/kubeconfig.js';
import { createKubeClient } from '../../src/http.js';
import type { Connection } from '../../src/model/connection.js';
import { NODES } from '../../src/model/resources/core.js';
import { type Authority, createAuthority, type Pair } from '../support/certificates.js';
import {
  answer,
  type Script,
  startScriptedServer,
  statusBody,
} from '../support/scripted-server.js';

const signal = new AbortController().signal;
const closers: (() => Promise<void> | void)[] = [];
let authority: Authority;
let serving: Pair;

beforeAll(async () => {
  authority = await createAuthority('test-ca');
  serving = await authority.issue('CN=server', { names: [{ type: 'ip', value: '127.0.0.1' }] });
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-client-'));
  closers.push(() => rm(folder, { recursive: true }));
  return folder;
}

async function aTlsServer(script: Script, pair = serving, protocol = 'HTTP/2') {
  const tls = {
    cert: pair.certificatePem,
    key: pair.keyPem,
    ca: authority.certificatePem,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = await startScriptedServer(script, {
    tls,
    ...(protocol === 'HTTP/2' && { http2: {} }),
  });
  closers.push(server.close);
  return server;
}

function aClient(connection: Partial<Connection>) {
  const client = createKubeClient({ server: '', source: 'kubeconfig k', user: {}, ...connection });
  closers.push(() => client.close());
  return client;
}

async function messageOf(action: Promise<unknown>): Promise<string> {
  return action.then(() => 'no error').catch((error: unknown) => (error as Error).message);
}

const answerCommonName: Script = (_, response, socket) => {
  if (!(socket instanceof TLSSocket)) throw new TypeError('the connection has no TLS');
  const { subject } = socket.getPeerCertificate();
  answer(response, 200, { name: (subject as { CN?: string } | undefined)?.CN ?? 'nobody' });
};

const requireToken =
  (good: () => string): Script =>
  ({ headers }, response) => {
    if (headers.authorization === `Bearer ${good()}`) answer(response, 200, { ok: true });
    else answer(response, 401, statusBody(401, 'Unauthorized', 'Unauthorized'));
  };

describe.each(['HTTP/1.1', 'HTTP/2'])('client certificates over %s', (protocol) => {
  it('are presented, and read again when the file is replaced', async () => {
    const folder = await aFolder();
    const pem = join(folder, 'current.pem');
    const first = await authority.issue('CN=system:node:one');
    await writeFile(pem, `${first.certificatePem}\n${first.keyPem}`);
    const server = await aTlsServer(answerCommonName, serving, protocol);
    const file = { kind: 'file', path: pem } as const;
    const client = aClient({
      server: server.url,
      ca: { kind: 'inline', text: authority.certificatePem },
      user: { clientCertificate: { certificate: file, key: file } },
    });
    expect(await client.get(NODES, { name: 'n' }, signal)).toEqual({ name: 'system:node:one' });
    const second = await authority.issue('CN=system:node:two');
    await writeFile(`${pem}.new`, `${second.certificatePem}\n${second.keyPem}`);
    await rename(`${pem}.new`, pem);
    const seen = () => client.get(NODES, { name: 'n' }, signal);
    await expect.poll(seen).toEqual({ name: 'system:node:two' });
    await expect.poll(() => server.sockets.size).toBe(1);
    expect(server.seen.at(-1)?.httpVersion).toBe(protocol === 'HTTP/2' ? '2.0' : '1.1');
  });
});

describe('a client certificate that is still to be issued', () => {
  const connectionBy = async (mayBeMissing: boolean) => {
    const pem = join(await aFolder(), 'current.pem');
    const file = { kind: 'file', path: pem, mayBeMissing } as const;
    const server = await aTlsServer(answerCommonName);
    const client = aClient({
      server: server.url,
      ca: { kind: 'inline', text: authority.certificatePem },
      user: { clientCertificate: { certificate: file, key: file } },
    });
    return { pem, seen: () => client.get(NODES, { name: 'n' }, signal) };
  };

  it('is presented as soon as it exists', async () => {
    const { pem, seen } = await connectionBy(true);
    expect(await seen()).toEqual({ name: 'nobody' });
    const first = await authority.issue('CN=system:node:one');
    await writeFile(`${pem}.new`, `${first.certificatePem}\n${first.keyPem}`);
    await rename(`${pem}.new`, pem);
    expect(await seen()).toEqual({ name: 'system:node:one' });
  });

  it('is an error unless it may be missing', async () => {
    const { seen } = await connectionBy(false);
    await expect(seen()).rejects.toMatchObject({ code: 'KUBE_CONFIG' });
  });
});

describe('tokens', () => {
  it('are read again from their file when the server refuses one', async () => {
    const path = join(await aFolder(), 'token');
    await writeFile(path, 'old\n');
    let good = 'old';
    const server = await startScriptedServer(requireToken(() => good));
    closers.push(server.close);
    const client = aClient({ server: server.url, user: { token: { kind: 'file', path } } });
    await client.get(NODES, { name: 'n' }, signal);
    good = 'new';
    await writeFile(path, 'new\n');
    await client.get(NODES, { name: 'n' }, signal);
    expect(server.seen).toHaveLength(3);
  });

  it('are not tried twice when there is no other credential', async () => {
    const server = await startScriptedServer(requireToken(() => 'other'));
    closers.push(server.close);
    const client = aClient({ server: server.url, user: { token: { kind: 'inline', text: 't' } } });
    expect(await messageOf(client.get(NODES, { name: 'n' }, signal))).toMatch(/401 Unauthorized$/);
    expect(server.seen).toHaveLength(1);
  });

  it('work as user name and password, and with impersonation', async () => {
    const server = await startScriptedServer((_, response) => answer(response, 200, {}));
    closers.push(server.close);
    const user = {
      basic: { username: 'ü', password: 'p' },
      headers: { 'impersonate-user': 'jane', 'impersonate-group': ['a', 'b'] },
    };
    await aClient({ server: server.url, user }).get(NODES, { name: 'n' }, signal);
    expect(server.seen[0]?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('ü:p').toString('base64')}`,
      'impersonate-user': 'jane',
      'impersonate-group': 'a, b',
    });
  });
});

describe('exec plug-ins', () => {
  async function aPlugin(body: string) {
    const folder = await aFolder();
    const command = join(folder, 'plugin');
    await writeFile(command, `#!/bin/sh\ncd ${folder}\n${body}\n`);
    await chmod(command, 0o755);
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command,
      args: ['get-token'],
      env: { GREETING: 'hello' },
      provideClusterInfo: true,
    } as const;
    return { folder, exec };
  }
  const print = (status: string): string =>
    `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":${status}}'`;

  it('run once, and again when the server refuses their credential', async () => {
    const { exec } = await aPlugin(
      `n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n > n; ${print(`{"token":"t'$n'"}`)}`,
    );
    let good = 't1';
    const server = await startScriptedServer(requireToken(() => good));
    closers.push(server.close);
    const client = aClient({ server: server.url, user: { exec } });
    const get = () => client.get(NODES, { name: 'n' }, signal);
    await Promise.all([get(), get(), get()]);
    good = 't2';
    await get();
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(
      ['t1', 't1', 't1', 't1', 't2'].map((token) => `Bearer ${token}`),
    );
  });

  it('run again when their answer has expired', async () => {
    const { exec } = await aPlugin(
      `echo x >> n; ${print(`{"token":"t'$(wc -l < n)'","expirationTimestamp":"2020-01-01T00:00:00Z"}`)}`,
    );
    const server = await startScriptedServer((_, response) => answer(response, 200, {}));
    closers.push(server.close);
    const client = aClient({ server: server.url, user: { exec } });
    await client.get(NODES, { name: 'n' }, signal);
    await client.get(NODES, { name: 'n' }, signal);
    const tokens = server.seen.map(({ headers }) => headers.authorization);
    expect(tokens).toEqual(['Bearer t1', 'Bearer t2']);
  });

  it('receive their arguments and environment', async () => {
    const { exec } = await aPlugin(
      `test "$1" = get-token && test "$GREETING" = hello || exit 3; echo "$KUBERNETES_EXEC_INFO" >&2; exit 4`,
    );
    const client = aClient({
      server: 'http://127.0.0.1:1',
      ca: { kind: 'inline', text: 'PEM' },
      user: { exec },
    });
    const message = await messageOf(client.get(NODES, { name: 'n' }, signal));
    expect(message).toContain(`exec plug-in ${exec.command} of kubeconfig k: exit status 4`);
    expect(message).toContain('"interactive":false');
    expect(message).toContain('"server":"http://127.0.0.1:1"');
    expect(message).toContain('"certificate-authority-data":"UEVN"');
  });

  it.each([
    ['exit 0', 'its output is not JSON'],
    ['echo "{}"', 'its output is not an ExecCredential'],
    [print('{}'), 'its output has neither token nor clientCertificateData'],
    [print('{"clientCertificateData":"x"}'), 'only one of clientCertificateData and clientKeyData'],
  ])('fail clearly: %s', async (body, problem) => {
    const { exec } = await aPlugin(body);
    const client = aClient({ server: 'http://127.0.0.1:1', user: { exec } });
    expect(await messageOf(client.get(NODES, { name: 'n' }, signal))).toContain(problem);
  });

  it('show the install hint when they are missing', async () => {
    const { exec } = await aPlugin('');
    const missing = { ...exec, command: '/nowhere/plugin', installHint: 'Install it from X.' };
    const client = aClient({ server: 'http://127.0.0.1:1', user: { exec: missing } });
    expect(await messageOf(client.get(NODES, { name: 'n' }, signal))).toBe(
      'exec plug-in /nowhere/plugin of kubeconfig k: no such program. Install it from X.',
    );
  });
});

describe('a proxy', () => {
  async function aProxy(status: string) {
    const asked: string[] = [];
    const proxy = http.createServer();
    const sockets = new Set<Duplex>();
    proxy.on('connect', ({ url = '', headers }, socket) => {
      asked.push(`${url} ${headers['proxy-authorization'] ?? ''}`.trim());
      const target = net.connect(Number(url.split(':')[1]), '127.0.0.1', () => {
        socket.write(`HTTP/1.1 ${status}\r\n\r\n`);
        socket.pipe(target).pipe(socket);
      });
      for (const one of [socket, target]) {
        sockets.add(one);
        one.on('error', () => one.destroy());
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    const { port } = proxy.address() as net.AddressInfo;
    return { asked, url: `http://u:p%40@127.0.0.1:${port}`, port };
  }
  const ca = () => ({ kind: 'inline', text: authority.certificatePem }) as const;

  it.each(['HTTP/1.1', 'HTTP/2'])('is passed by CONNECT, TLS and %s inside', async (protocol) => {
    const server = await aTlsServer(answerCommonName, serving, protocol);
    const proxy = await aProxy('200 OK');
    const client = aClient({ server: server.url, ca: ca(), proxyUrl: proxy.url });
    expect(await client.get(NODES, { name: 'n' }, signal)).toEqual({ name: 'nobody' });
    const secret = Buffer.from('u:p@').toString('base64');
    expect(proxy.asked).toEqual([`127.0.0.1:${server.port} Basic ${secret}`]);
    expect(server.seen[0]?.httpVersion).toBe(protocol === 'HTTP/2' ? '2.0' : '1.1');
  });

  it('is named when it refuses', async () => {
    const server = await aTlsServer(answerCommonName);
    const proxy = await aProxy('403 Forbidden');
    const client = aClient({ server: server.url, ca: ca(), proxyUrl: proxy.url });
    expect(await messageOf(client.get(NODES, { name: 'n' }, signal))).toContain(
      `the proxy 127.0.0.1:${proxy.port} answered 403 Forbidden`,
    );
  });
});

describe('a failed connection', () => {
  const get = (connection: Partial<Connection>) =>
    messageOf(aClient(connection).get(NODES, { name: 'n' }, signal));

  it('nothing listens', async () => {
    const server = await startScriptedServer(() => undefined);
    await server.close();
    expect(await get({ server: server.url })).toBe(
      `GET /api/v1/nodes/n: 127.0.0.1:${server.port}: connection refused: nothing listens there`,
    );
  });

  it('another CA signed the certificate: names the CA file', async () => {
    const path = join(await aFolder(), 'ca.crt');
    await writeFile(path, (await createAuthority('other-ca')).certificatePem);
    const server = await aTlsServer(answerCommonName);
    expect(await get({ server: server.url, ca: { kind: 'file', path } })).toMatch(
      new RegExp(
        `127.0.0.1:${server.port}: the server's certificate is signed by a CA that is not among the CAs in ${path} \\(kubeconfig k\\)$`,
      ),
    );
  });

  it('no CA is given', async () => {
    const server = await aTlsServer(answerCommonName);
    expect(await get({ server: server.url })).toContain('no certificate-authority is given');
    const insecure = aClient({ server: server.url, insecureSkipTlsVerify: true });
    expect(await insecure.get(NODES, { name: 'n' }, signal)).toEqual({ name: 'nobody' });
  });

  it('the certificate has expired', async () => {
    const names = [{ type: 'ip', value: '127.0.0.1' }] as const;
    const notAfter = new Date(Date.now() - 1000);
    const server = await aTlsServer(
      answerCommonName,
      await authority.issue('CN=s', { names, notAfter }),
    );
    const ca = { kind: 'inline', text: authority.certificatePem } as const;
    expect(await get({ server: server.url, ca })).toContain("the server's certificate has expired");
  });

  it.each([
    { type: 'dns', value: 'kubernetes' },
    { type: 'ip', value: '10.96.0.1' },
  ] as const)('the certificate is for $value, unless tls-server-name says so', async (name) => {
    const names = [name];
    const server = await aTlsServer(answerCommonName, await authority.issue('CN=s', { names }));
    const ca = { kind: 'inline', text: authority.certificatePem } as const;
    expect(await get({ server: server.url, ca })).toContain('is for another name');
    const named = aClient({ server: server.url, ca, tlsServerName: name.value });
    expect(await named.get(NODES, { name: 'n' }, signal)).toEqual({ name: 'nobody' });
  });

  it('our own certificate is malformed', async () => {
    const server = await aTlsServer(answerCommonName);
    const broken = { kind: 'inline', text: '-----BEGIN CERTIFICATE-----\nx' } as const;
    const user = { clientCertificate: { certificate: broken, key: broken } };
    expect(await get({ server: server.url, user })).toMatch(
      /^kubeconfig k: the CA, client certificate or key cannot be used: .*PEM/,
    );
  });

  it('the server does not speak TLS', async () => {
    const server = await startScriptedServer(() => undefined);
    closers.push(server.close);
    const url = server.url.replace('http:', 'https:');
    expect(await get({ server: url })).toContain('the server does not speak TLS');
  });
});

describe(loadKubeconfig, () => {
  it('returns a working connection', async () => {
    const folder = await aFolder();
    const pair = await authority.issue('CN=admin');
    await writeFile(join(folder, 'ca.crt'), authority.certificatePem);
    const server = await aTlsServer(answerCommonName);
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const path = join(folder, 'config');
    await writeFile(
      path,
      `apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u, namespace: ns}}]
clusters: [{name: k, cluster: {server: '${server.url}', certificate-authority: ca.crt}}]
users:
  - name: u
    user:
      client-certificate-data: ${base64(pair.certificatePem)}
      client-key-data: ${base64(pair.keyPem)}
`,
    );
    const connection = await loadKubeconfig({ env: { KUBECONFIG: `/nowhere:${path}` } });
    expect(connection.namespace).toBe('ns');
    expect(await aClient(connection).get(NODES, { name: 'n' }, signal)).toEqual({ name: 'admin' });
  });

  it('reads a kubeconfig from text, and no file', async () => {
    const text = `current-context: c
contexts: [{name: c, context: {cluster: k, user: u, namespace: ns}}]
clusters: [{name: k, cluster: {server: 'https://h:6443'}}]
users: [{name: u, user: {token: t}}]
`;
    const env = { KUBECONFIG: '/nowhere' };
    expect(await loadKubeconfig({ text, env })).toEqual({
      server: 'https://h:6443',
      source: 'kubeconfig given as text, context "c"',
      user: { token: { kind: 'inline', text: 't' } },
      namespace: 'ns',
    });
    const relative = text.replace('token: t', 'tokenFile: no/such/token');
    expect(await messageOf(loadKubeconfig({ text: relative }))).toContain('no/such/token');
    expect(await messageOf(loadKubeconfig({ text: 'a: [' }))).toMatch(
      /^kubeconfig given as text: not YAML: /,
    );
  });

  it.each([
    ['', 'must be a map with clusters, users and contexts'],
    ['a: [', 'not YAML: Flow sequence'],
    [multiplyingAliases(), 'not YAML: Excessive alias count'],
    ['kind: Pod', 'kind: must be Config, not Pod'],
    ['{}', 'current-context: is required; none is defined'],
  ])('refuses %j', async (text, problem) => {
    const path = join(await aFolder(), 'config');
    await writeFile(path, text);
    const message = await messageOf(loadKubeconfig({ path }));
    expect(message.startsWith(`kubeconfig ${path}: ${problem}`)).toBe(true);
  });

  it('reports a missing file, and missing files that it names', async () => {
    expect(await messageOf(loadKubeconfig({ path: '/nowhere' }))).toBe(
      'kubeconfig /nowhere: there is no such file',
    );
    const path = join(await aFolder(), 'config');
    await writeFile(
      path,
      `current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}]
clusters: [{name: k, cluster: {server: 'https://x', certificate-authority: none.crt}}]
users: [{name: u, user: {tokenFile: /none/token}}]`,
    );
    const message = await messageOf(loadKubeconfig({ path }));
    expect(message).toMatch(
      /\n {2}certificate-authority: ENOENT.*none\.crt'\n {2}tokenFile: ENOENT/,
    );
  });
});

/** Ten billion words if the aliases were expanded. */
function multiplyingAliases(): string {
  const steps = Array.from({ length: 9 }, (_, at) => {
    const ten = Array.from({ length: 10 }, () => `*a${at}`).join(',');
    return `a${at + 1}: &a${at + 1} [${ten}]`;
  });
  return ['a0: &a0 [x, y, z, x, y, z, x, y, z, x]', ...steps].join('\n');
}
