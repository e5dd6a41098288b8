import 'reflect-metadata';

import { webcrypto } from 'node:crypto';

import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { adminOf, type Answer, type Caller, callerFor } from './caller.js';

const GROUP = '/apis/certificates.k8s.io/v1beta1';
const BUNDLES = `${GROUP}/clustertrustbundles`;
const REQUESTS = `${GROUP}/namespaces/default/podcertificaterequests`;
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const MINUTE = 60_000;

let server: DevApiServer;
let admin: Caller;
let node: Caller;
let uids: Readonly<{ node: string; pod: string; account: string }>;

const uidOf = ({ body }: Answer): string => (body['metadata'] as never as { uid: string }).uid;
const messageOf = ({ body }: Answer): string => String(body['message']);

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
  node = await callerFor(server, 'system:node:n1', ['system:nodes']);
  const made = await node.call('POST', '/api/v1/nodes', { metadata: { name: 'n1' } });
  const spec = { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] };
  const pod = await admin.call('POST', '/api/v1/namespaces/default/pods', {
    metadata: { name: 'p' },
    spec,
  });
  const account = await admin.call('GET', '/api/v1/namespaces/default/serviceaccounts/default');
  uids = { node: uidOf(made), pod: uidOf(pod), account: uidOf(account) };
});
afterAll(() => server.stop());

async function certificate(seconds: number, isAuthority = false): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test',
    notBefore: new Date(),
    notAfter: new Date(Date.now() + seconds * 1000),
    keys,
    signingAlgorithm: EC,
    extensions: [new x509.BasicConstraintsExtension(isAuthority, undefined, true)],
  });
  return `${made.toString('pem')}\n`;
}

describe('trust bundles', () => {
  const bundle = (name: string, trustBundle: string, signerName?: string) =>
    admin.call('POST', BUNDLES, {
      metadata: { name },
      spec: { trustBundle, ...(signerName && { signerName }) },
    });

  it('are stored when they hold authorities, under their signer’s name if they have one', async () => {
    const pem = await certificate(3600, true);
    expect((await bundle('roots', pem)).status).toBe(201);
    expect((await bundle('example.com:x:1', pem, 'example.com/x')).status).toBe(201);
    const { body } = await admin.call(
      'GET',
      `${BUNDLES}?fieldSelector=spec.signerName=example.com/x`,
    );
    expect(body['items']).toHaveLength(1);
    expect((await node.call('GET', BUNDLES)).status).toBe(200);
    expect((await node.call('DELETE', `${BUNDLES}/roots`)).status).toBe(403);
  });

  it.each([
    ['another’s name', 'roots2', undefined, 'example.com/x', 'must be named with prefix'],
    ['a signer’s name without one', 'example.com:x:2', undefined, undefined, 'RFC 1123 subdomain'],
    ['no anchor', 'none', 'words', undefined, 'at least one trust anchor must be provided'],
    [
      'no certificate',
      'text',
      '-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n',
      undefined,
      'entry 0 does not parse as X.509',
    ],
    [
      'a key',
      'key',
      '-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n',
      undefined,
      'entry 0 has bad block type: PRIVATE KEY',
    ],
  ] as const)('with %s are refused', async (_, name, text, signer, why) => {
    const answer = await bundle(name, text ?? (await certificate(3600, true)), signer);
    expect(answer.status).toBe(422);
    expect(messageOf(answer)).toContain(why);
  });

  it('are refused with a certificate that is not an authority’s, or with duplicates', async () => {
    const plain = await certificate(3600);
    expect(messageOf(await bundle('plain', plain))).toContain('does not have the CA bit set');
    const pem = await certificate(3600, true);
    expect(messageOf(await bundle('twice', pem + pem))).toContain('duplicate trust anchor');
  });
});

describe('requests for pods’ certificates', () => {
  const ask = (more: object = {}): Promise<Answer> =>
    node.call('POST', REQUESTS, {
      metadata: { generateName: 'req-' },
      spec: {
        signerName: 'example.com/pods',
        podName: 'p',
        podUID: uids.pod,
        serviceAccountName: 'default',
        serviceAccountUID: uids.account,
        nodeName: 'n1',
        nodeUID: uids.node,
        stubPKCS10Request: 'AAAA',
        ...more,
      },
    });
  const nameOf = ({ body }: Answer): string => (body['metadata'] as never as { name: string }).name;
  const decide = async (name: string, status: object): Promise<Answer> => {
    const { body } = await admin.call('GET', `${REQUESTS}/${name}`);
    return admin.call('PUT', `${REQUESTS}/${name}/status`, { ...body, status });
  };
  const condition = (type: string) => [
    { type, status: 'True', reason: 'Test', message: '', lastTransitionTime: new Date() },
  ];
  const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

  it('are allowed to a node for its own pods, and last a day by default', async () => {
    const answer = await ask();
    expect(answer.status).toBe(201);
    expect(answer.body['spec']).toMatchObject({ maxExpirationSeconds: 86_400 });
    const own = await node.call(
      'GET',
      `${GROUP}/podcertificaterequests?fieldSelector=spec.nodeName=n1`,
    );
    expect(own.body['items']).toHaveLength(1);
    expect((await node.call('GET', `${GROUP}/podcertificaterequests`)).status).toBe(403);
    expect((await node.call('GET', `${REQUESTS}/${nameOf(answer)}`)).status).toBe(200);
    const other = await callerFor(server, 'system:node:n2', ['system:nodes']);
    expect((await other.call('GET', `${REQUESTS}/${nameOf(answer)}`)).status).toBe(403);
  });

  it.each([
    ['another node', { nodeName: 'n2' }, 'is not the requesting node'],
    ['another pod’s uid', { podUID: 'x' }, 'contains another pod'],
    ['no pod', { podName: 'q' }, 'there is no such pod'],
    ['another account', { serviceAccountName: 'robot' }, 'differs from running pod'],
    ['another account’s uid', { serviceAccountUID: 'x' }, 'another service account UID'],
  ])('are forbidden for %s', async (_, more, why) => {
    const answer = await ask(more);
    expect(answer.status).toBe(403);
    expect(messageOf(answer)).toContain(why);
  });

  it.each([
    [{ maxExpirationSeconds: 60 }, 'must be in the range [3600, 7862400]'],
    [
      { signerName: 'kubernetes.io/x', maxExpirationSeconds: 90_000 },
      'must be in the range [3600, 86400]',
    ],
    [{ stubPKCS10Request: '' }, 'spec.stubPKCS10Request'],
    [{ unverifiedUserAnnotations: { plain: 'x' } }, 'must have a prefix'],
  ])('are refused with %j', async (more, why) => {
    const answer = await ask(more);
    expect(answer.status).toBe(422);
    expect(messageOf(answer)).toContain(why);
  });

  it('are decided once, and do not change otherwise', async () => {
    const request = await ask();
    const name = nameOf(request);
    const spec = { ...(request.body['spec'] as never as object), nodeName: 'n2' };
    expect((await admin.call('PUT', `${REQUESTS}/${name}`, { ...request.body, spec })).status).toBe(
      422,
    );
    expect(messageOf(await decide(name, { conditions: condition('Approved') }))).toContain(
      'must be Issued, Denied, or Failed',
    );
    expect((await decide(name, { conditions: condition('Denied') })).status).toBe(200);
    expect(messageOf(await decide(name, { conditions: condition('Failed') }))).toContain(
      'immutable after PodCertificateRequest is issued, denied, or failed',
    );
  });

  it('are issued with a certificate that matches the status', async () => {
    const name = nameOf(await ask({ maxExpirationSeconds: 7200 }));
    const pem = await certificate(7200);
    const { notBefore, notAfter } = new x509.X509Certificate(pem);
    const status = {
      conditions: condition('Issued'),
      certificateChain: pem,
      notBefore: time(notBefore.getTime()),
      notAfter: time(notAfter.getTime()),
      beginRefreshAt: time(notBefore.getTime() + 60 * MINUTE),
    };
    for (const [more, why] of [
      [{ certificateChain: 'x' }, 'does not parse as valid X.509'],
      [{ certificateChain: await certificate(60) }, 'lifetime must be >= 1 hour'],
      [{ notAfter: time(0) }, 'status.notAfter'],
      [{ beginRefreshAt: time(notBefore.getTime()) }, '[notbefore+10min, notafter-10min]'],
    ] as const) {
      const answer = await decide(name, { ...status, ...more });
      expect([answer.status, messageOf(answer)]).toEqual([422, expect.stringContaining(why)]);
    }
    expect((await decide(name, status)).status).toBe(200);
  });
});
