import { request } from 'node:https';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { adminOf, aPod, type Caller, callerFor } from './caller.js';

const PODS = '/api/v1/namespaces/default/pods';

let server: DevApiServer;
let admin: Caller;
let node: Server;
/** The requests that the node received, with their sender. */
const asked: string[] = [];
/** The status with which the node refuses logs; undefined when it serves them. */
let refusalOfLogs: number | undefined;

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
  node = await startNode();
  await admin.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' } });
  await setAddress((node.address() as AddressInfo).port);
  await admin.call('POST', PODS, aPod('web'));
  await admin.call('POST', `${PODS}/web/binding`, { target: { name: 'n1' } });
  await admin.call('POST', PODS, aPod('waiting'));
});
afterAll(async () => {
  await server.stop();
  node.closeAllConnections();
  node.close();
});

function setAddress(port: number): Promise<unknown> {
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
  };
  const type = { 'content-type': 'application/merge-patch+json' };
  return admin.call('PATCH', '/api/v1/nodes/n1/status', { status }, type);
}

/**
 * Stands for a kubelet: records the sender, refuses requests as their path asks, echoes upgrades.
 */
async function startNode(): Promise<Server> {
  const { certificatePem, keyPem } = await server.issueServerCertificate('n1', ['127.0.0.1']);
  const options = { cert: certificatePem, key: keyPem, ca: server.caCertificatePem };
  const made = createServer({ ...options, requestCert: true }, (incoming, response) => {
    if (!(incoming.socket instanceof TLSSocket)) throw new TypeError('the connection has no TLS');
    const { CN } = incoming.socket.getPeerCertificate().subject;
    asked.push(`${String(CN)} ${incoming.method} ${incoming.url}`);
    const isLog = incoming.url?.startsWith('/containerLogs/');
    const refusal =
      /refuse=(\d+)/.exec(incoming.url ?? '')?.[1] ?? (isLog ? refusalOfLogs : undefined);
    if (refusal !== undefined) response.writeHead(Number(refusal)).end('the node said no\n');
    else if (incoming.method === 'POST') incoming.pipe(response);
    else response.writeHead(200, { 'content-type': 'text/plain' }).end('from the node\n');
  });
  made.on('upgrade', (incoming, socket) => {
    asked.push(`upgrade ${incoming.method} ${incoming.url} ${incoming.headers.authorization}`);
    if (incoming.url?.includes('command=refuse')) {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno such x');
      return;
    }
    socket.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: ECHO\r\n\r\n');
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  return made;
}

async function raw(
  path: string,
  more: { user?: string; groups?: string[]; upgrade?: boolean; body?: string } = {},
) {
  const { user = 'admin', groups = ['system:masters'], upgrade = false, body } = more;
  const { certificatePem: cert, keyPem: key } = await server.issueClientCertificate({
    user,
    groups,
  });
  const { promise, resolve, reject } = Promise.withResolvers<readonly [number, string]>();
  const headers = upgrade ? { connection: 'Upgrade', upgrade: 'ECHO' } : {};
  const method = body === undefined ? 'GET' : 'POST';
  const outgoing = request(`${server.url}${path}`, {
    ca: server.caCertificatePem,
    cert,
    key,
    headers,
    method,
    agent: false,
  });
  outgoing.on('error', reject);
  outgoing.on('upgrade', (response, socket) => {
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.on('end', () => resolve([response.statusCode ?? 0, text]));
    socket.end('hello node');
  });
  outgoing.on('response', (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => resolve([response.statusCode ?? 0, text]));
  });
  outgoing.end(body);
  return promise;
}

describe('an answer of the node', () => {
  it('is requested with the API server’s own name', async () => {
    expect(await raw(`${PODS}/web/log?follow=true`)).toEqual([200, 'from the node\n']);
    expect(asked.at(-1)).toBe(
      'kube-apiserver-kubelet-client GET /containerLogs/default/web/app?follow=true',
    );
  });

  it('includes everything below nodes/proxy, with bodies unchanged', async () => {
    expect(await raw('/api/v1/nodes/n1/proxy/pods?x=1')).toEqual([200, 'from the node\n']);
    expect(asked.at(-1)).toBe('kube-apiserver-kubelet-client GET /pods?x=1');
    expect(await raw('/api/v1/nodes/n1/proxy/run', { body: 'no {json' })).toEqual([
      200,
      'no {json',
    ]);
  });

  it.each([
    [400, 'BadRequest', 400],
    [404, 'NotFound', 404],
    [500, 'InternalError', 500],
  ])('becomes a Status when the node refuses a log with %i', async (refusal, reason, code) => {
    refusalOfLogs = refusal;
    const { body } = await admin.call('GET', `${PODS}/web/log`);
    refusalOfLogs = undefined;
    expect(body).toMatchObject({ kind: 'Status', reason, code });
    expect(body['message']).toContain('the node said no');
  });

  it.each([400, 404, 500])(
    'below nodes/proxy is passed on unchanged when it is %i',
    async (refusal) => {
      const answer = await raw(`/api/v1/nodes/n1/proxy/x?refuse=${refusal}`);
      expect(answer).toEqual([refusal, 'the node said no\n']);
    },
  );

  it('is joined to the client when both want another protocol', async () => {
    const [status, text] = await raw(`${PODS}/web/exec?command=sh&stdout=true`, { upgrade: true });
    expect([status, text]).toEqual([101, 'hello node']);
    expect(asked.at(-1)).toBe('upgrade GET /exec/default/web/app?output=1&command=sh undefined');
  });

  it('is passed on when the node refuses', async () => {
    const [status, text] = await raw(`${PODS}/web/exec?command=refuse`, { upgrade: true });
    expect([status, text]).toEqual([404, 'no such x']);
  });
});

describe('requests that do not reach the node', () => {
  it.each([
    [`${PODS}/none/log`, 404],
    [`${PODS}/web/log?container=other`, 400],
    [`${PODS}/waiting/exec?command=sh`, 400],
    ['/api/v1/nodes/none/proxy/pods', 404],
  ])('%s: %i', async (path, code) => {
    const before = asked.length;
    expect((await admin.call('GET', path)).status).toBe(code);
    expect(asked).toHaveLength(before);
  });

  it('include the log of a pod without a node, which is empty', async () => {
    expect(await raw(`${PODS}/waiting/log`)).toEqual([200, '']);
  });

  it('include everything that the client has no permission for', async () => {
    const jane = await callerFor(server, 'jane', []);
    for (const path of [
      `${PODS}/web/log`,
      `${PODS}/web/exec?command=sh`,
      '/api/v1/nodes/n1/proxy/pods',
    ]) {
      expect((await jane.call('GET', path)).status).toBe(403);
    }
    const [status, text] = await raw(`${PODS}/web/exec?command=sh`, {
      user: 'jane',
      groups: [],
      upgrade: true,
    });
    expect(status).toBe(403);
    expect(text).toContain('cannot get resource');
  });
});

it('reports that the node cannot be reached', async () => {
  await setAddress(1);
  const { status, body } = await admin.call('GET', `${PODS}/web/log`);
  expect([status, body['reason']]).toEqual([500, 'InternalError']);
  const [code] = await raw(`${PODS}/web/exec?command=sh`, { upgrade: true });
  expect(code).toBe(502);
  await setAddress((node.address() as AddressInfo).port);
});
