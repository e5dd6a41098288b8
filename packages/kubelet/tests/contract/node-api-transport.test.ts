import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { join } from 'node:path';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';

import { waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { aPod } from '../../src/testing/index.js';
import {
  call,
  type Caller,
  certificateOf,
  type NodeApiFixture,
  startNodeApi,
} from '../support/node-api.js';

let api: NodeApiFixture;
let admin: Caller;
const pods = [aPod({ name: 'one' }), aPod({ name: 'two', uid: 'uid-2' })];

beforeAll(async () => {
  api = await startNodeApi({ pods: () => pods });
  admin = await certificateOf(api, 'admin', ['system:masters']);
  await mkdir(join(api.directory, 'log/pods'), { recursive: true });
  await writeFile(join(api.directory, 'log/pods/0.log'), 'inside\n');
  await writeFile(join(api.directory, 'log/<b>.log'), 'odd\n');
  await writeFile(join(api.directory, 'secret'), 'outside\n');
  await symlink(join(api.directory, 'secret'), join(api.directory, 'log/link'));
  await symlink('pods/0.log', join(api.directory, 'log/good-link'));
});
afterAll(() => api.stop());

function handshake(options: object): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect({
    host: '127.0.0.1',
    port: api.port,
    rejectUnauthorized: false,
    ...options,
  });
  socket.once('secureConnect', () => resolve(socket));
  socket.once('error', reject);
  return promise;
}

async function shownCertificate(): Promise<PeerCertificate> {
  const socket = await handshake({});
  const certificate = socket.getPeerCertificate();
  socket.destroy();
  return certificate;
}

describe('TLS', { timeout: 180_000 }, () => {
  it('speaks 1.3 and 1.2, not 1.1', async () => {
    for (const version of ['TLSv1.3', 'TLSv1.2'] as const) {
      const socket = await handshake({ maxVersion: version, minVersion: version });
      expect(socket.getProtocol()).toBe(version);
      socket.destroy();
    }
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' };
    await expect(handshake(old)).rejects.toThrow();
  });

  it.each(['AES128-SHA', 'ECDHE-ECDSA-AES128-SHA', 'AES128-GCM-SHA256'])(
    'does not offer %s',
    async (ciphers) => {
      await expect(handshake({ maxVersion: 'TLSv1.2', ciphers })).rejects.toThrow();
    },
  );

  it('has a self-signed certificate for its name and addresses, which survives restarts', async () => {
    const { subject, subjectaltname } = await shownCertificate();
    expect(subject.CN).toMatch(/^localhost@\d+$/);
    expect(subjectaltname).toBe('DNS:localhost, IP Address:127.0.0.1');
  });

  it('uses a new certificate when its files change', async () => {
    const before = (await shownCertificate()).fingerprint256;
    const fresh = await api.cluster.issueServerCertificate('fresh', ['127.0.0.1']);
    await writeFile(join(api.directory, 'pki/kubelet.key'), fresh.keyPem);
    await writeFile(join(api.directory, 'pki/kubelet.crt'), fresh.certificatePem);
    await waitFor(async () => (await shownCertificate()).fingerprint256 !== before, {
      what: 'the new certificate',
      timeoutMs: 60_000,
    });
    await writeFile(join(api.directory, 'pki/kubelet.crt'), 'not a certificate');
    await waitFor(() => api.log.lines.some(({ message }) => message.includes('cannot use')), {
      what: 'the log line about the file',
      timeoutMs: 60_000,
    });
    expect((await shownCertificate()).subject.CN).toBe('fresh');
  });
});

describe('HTTP', () => {
  it('works the same over HTTP/1.1 and HTTP/2', async () => {
    const session = connectHttp2(`https://127.0.0.1:${api.port}`, {
      ...admin,
      rejectUnauthorized: false,
    });
    const stream = session.request({ ':path': '/pods' });
    let status: number | undefined;
    stream.on('response', (headers) => (status = headers[':status']));
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    session.close();
    expect(status).toBe(200);
    expect(body).toBe((await call(api.port, '/pods', admin)).body);
    const { items } = JSON.parse(body) as { items: { metadata: { name: string } }[] };
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['one', 'two']);
  });

  it.each([
    ['/healthz', 200, /^ok$/],
    ['/healthz/syncloop', 200, /^ok$/],
    ['/metrics', 200, /^up 1\n$/],
    ['/metrics/slis', 200, /kubernetes_healthcheck\{name="ping",type="healthz"\} 1/],
    ['/configz', 200, /^\{"kubeletconfig":\{"kind":"KubeletConfiguration"/],
    ['/flagz', 200, /\nconfig=\/etc\/kubelet.yaml\nv=2\n$/],
    ['/statusz', 200, /\nBinary version: 1.36.0\n/],
    ['/runningpods/', 200, /"kind":"PodList".*"items":\[\]/],
    ['/stats/summary', 404, /not found/],
    ['/nothing', 404, /not found/],
    ['/exec/default/one/app?output=1', 500, /container not found \("app"\)/],
    ['/exec/default/one/app', 400, /at least 1 of stdin, stdout, stderr/],
    ['/exec/default/none/app?output=1', 404, /^pod does not exist\n$/],
    ['/attach/default/one/app?output=1', 500, /container app not found in pod one_default/],
    ['/portForward/default/one', 404, /^pod not found\n$/],
    ['/containerLogs/default/one/none', 404, /container "none" not found in pod "one"/],
    ['/containerLogs/default/none/app', 404, /^pod "none" does not exist\n$/],
    ['/containerLogs/default/one/app?tailLines=x', 400, /Unable to decode query/],
  ])('GET %s answers %i', async (target, status, body) => {
    const answer = await call(api.port, target, admin);
    expect([answer.status, answer.body]).toEqual([status, expect.stringMatching(body)]);
  });

  it('serves only open routes on the read-only port', async () => {
    const get = (target: string) => call(api.readOnlyPort, target, {}, { plain: true });
    expect((await get('/pods')).status).toBe(200);
    expect((await get('/healthz')).status).toBe(200);
    for (const target of ['/exec/a/b/c', '/containerLogs/a/b/c', '/logs/', '/runningpods/']) {
      const { status, body } = await get(target);
      expect([status, body]).toEqual([405, 'Debug endpoints are disabled.\n']);
    }
    expect((await get('/configz')).status).toBe(404);
  });

  it('counts requests with a bounded set of labels', async () => {
    await call(api.port, '/somewhere/else', admin);
    const labels = 'long_running="false",method="GET",path="other",server_type="readwrite"';
    expect(api.metrics.values.get(`kubelet_http_requests_total{${labels}}`)).toBeGreaterThan(0);
    expect(api.metrics.values.get(`kubelet_http_inflight_requests{${labels}}`)).toBe(0);
  });
});

describe('/logs/', () => {
  it.each([
    ['/logs/pods/0.log', 200, 'inside\n'],
    ['/logs/good-link', 200, 'inside\n'],
    ['/logs/%3Cb%3E.log', 200, 'odd\n'],
    ['/logs/link', 404, '404 page not found\n'],
    ['/logs/../secret', 404, '404 page not found\n'],
    ['/logs/%2e%2e/secret', 404, '404 page not found\n'],
    ['/logs/..%2Fsecret', 404, '404 page not found\n'],
    ['/logs/pods%2F..%2F..%2Fsecret', 404, '404 page not found\n'],
    ['/logs/%2Fetc%2Fpasswd', 404, '404 page not found\n'],
    ['/logs/pods%00/0.log', 404, '404 page not found\n'],
    [`/logs/${'a'.repeat(5000)}`, 404, '404 page not found\n'],
  ])('%s answers %i', async (target, status, body) => {
    const answer = await call(api.port, target, admin);
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  it('lists directories, with names escaped', async () => {
    const { status, body } = await call(api.port, '/logs/', admin);
    expect(status).toBe(200);
    expect(body).toContain('<a href="./pods/">pods/</a>');
    expect(body).toContain('<a href="./%3Cb%3E.log">&lt;b&gt;.log</a>');
    const { status: moved, headers } = await call(api.port, '/logs/pods', admin);
    expect([moved, headers.location]).toEqual([301, 'pods/']);
  });
});

describe('the client CA', { timeout: 180_000 }, () => {
  it('is read again when it changes; certificates of the old CA are refused', async () => {
    const kept = await readFile(api.clientCaFile, 'utf8');
    const elsewhere = await startNodeApi();
    await writeFile(api.clientCaFile, elsewhere.cluster.caCertificatePem);
    const theirs = await certificateOf(elsewhere, 'admin', ['system:masters']);
    const letsIn = async (caller: Caller) => (await call(api.port, '/pods', caller)).status === 200;
    await waitFor(() => letsIn(theirs), { what: 'the new CA to be in force', timeoutMs: 60_000 });
    expect((await call(api.port, '/pods', admin)).status).toBe(401);
    await writeFile(api.clientCaFile, kept);
    await waitFor(() => letsIn(admin), {
      what: 'the old CA to be in force again',
      timeoutMs: 60_000,
    });
    await elsewhere.stop();
  });
  it('may be two CAs of the same name, during a rotation', async () => {
    const kept = await readFile(api.clientCaFile, 'utf8');
    const elsewhere = await startNodeApi();
    const theirs = await certificateOf(elsewhere, 'admin', ['system:masters']);
    const letsIn = async (caller: Caller) => (await call(api.port, '/pods', caller)).status === 200;
    for (const both of [
      `${kept}${elsewhere.cluster.caCertificatePem}`,
      `${elsewhere.cluster.caCertificatePem}${kept}`,
    ]) {
      await writeFile(api.clientCaFile, both);
      await waitFor(async () => (await letsIn(theirs)) && (await letsIn(admin)), {
        what: 'both CAs to be in force',
        timeoutMs: 60_000,
      });
      await writeFile(api.clientCaFile, kept);
      await waitFor(async () => !(await letsIn(theirs)), {
        what: 'one CA to be removed',
        timeoutMs: 60_000,
      });
    }
    await elsewhere.stop();
  });
});
