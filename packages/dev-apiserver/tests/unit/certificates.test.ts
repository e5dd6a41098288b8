import 'reflect-metadata';

import { webcrypto, X509Certificate } from 'node:crypto';

import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type DevApiServer, startDevApiServer } from '../../src/index.js';
import { adminOf, type Answer, type Caller, callerFor, callerWith } from './caller.js';

const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

let server: DevApiServer;
let admin: Caller;
let node: Caller;

beforeAll(async () => {
  server = await startDevApiServer();
  admin = await adminOf(server);
  node = await callerFor(server, 'system:node:n1', ['system:nodes']);
});
afterAll(() => server.stop());

interface Asked {
  readonly answer: Answer;
  readonly keyPem: string;
}

async function ask(
  name: string,
  signer: string,
  more: object = {},
  subject = 'O=system:nodes, CN=system:node:n1',
): Promise<Asked> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys,
    signingAlgorithm: EC,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'n1' },
        { type: 'ip', value: '10.1.2.3' },
      ]),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  const spec = {
    request: Buffer.from(request.toString('pem')).toString('base64'),
    signerName: `kubernetes.io/${signer}`,
    usages: ['digital signature'],
    ...more,
  };
  const answer = await node.call('POST', CSRS, { metadata: { name }, spec });
  return { answer, keyPem: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY') };
}

async function decide(name: string, type: string): Promise<Answer> {
  const csr = (await admin.call('GET', `${CSRS}/${name}`)).body;
  const conditions = [{ type, status: 'True', reason: 'Test' }];
  return admin.call('PUT', `${CSRS}/${name}/approval`, { ...csr, status: { conditions } });
}

function certificateIn({ body }: Answer): string {
  const { certificate } = body['status'] as never as { certificate: string };
  return Buffer.from(certificate, 'base64').toString();
}

describe('certificate requests over HTTPS', () => {
  it('records the requester, whatever the request claims', async () => {
    const { answer } = await ask('claims', 'kube-apiserver-client-kubelet', {
      username: 'admin',
      groups: ['system:masters'],
    });
    expect(answer.status).toBe(201);
    const { username, groups } = answer.body['spec'] as never as Record<string, unknown>;
    expect(username).toBe('system:node:n1');
    expect(groups).toEqual(['system:nodes', 'system:authenticated']);
    const spec = { ...(answer.body['spec'] as never as object), username: 'admin' };
    const after = await admin.call('PUT', `${CSRS}/claims`, { ...answer.body, spec });
    expect(after.body).toMatchObject({ spec: { username: 'system:node:n1' } });
  });

  it('signs an approved client certificate, which then opens the API', async () => {
    const { keyPem } = await ask('client', 'kube-apiserver-client-kubelet', {
      expirationSeconds: 3600,
    });
    const before = await admin.call('GET', `${CSRS}/client`);
    expect(before.body['status']).toEqual({});
    const approved = await decide('client', 'Approved');
    expect(approved.body).toMatchObject({
      status: { conditions: [{ type: 'Approved', lastUpdateTime: expect.any(String) as string }] },
    });
    const cert = certificateIn(approved);
    const { validTo, keyUsage } = new X509Certificate(cert);
    expect(keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(Date.parse(validTo)).toBeLessThan(Date.now() + 2 * 3_600_000);
    const reviews = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const self = await callerWith(server, { cert, key: keyPem }).call('POST', reviews, {});
    expect(self.body).toMatchObject({
      status: {
        userInfo: { username: 'system:node:n1', groups: ['system:nodes', expect.anything()] },
      },
    });
  });

  it('signs an approved serving certificate with the requested names', async () => {
    await ask('serving', 'kubelet-serving');
    const certificate = new X509Certificate(certificateIn(await decide('serving', 'Approved')));
    expect(certificate.checkHost('n1')).toBe('n1');
    expect(certificate.checkIP('10.1.2.3')).toBe('10.1.2.3');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(certificate.verify(new X509Certificate(server.caCertificatePem).publicKey)).toBe(true);
  });

  it.each([
    ['another group', 'O=system:masters, CN=system:node:n1', 'organization is not system:nodes'],
    [
      'one more group',
      'O=system:nodes, O=system:masters, CN=system:node:n1',
      'organization is not',
    ],
    ['no node', 'O=system:nodes, CN=admin', 'common name does not begin with system:node:'],
  ])("fails a node's approved request with %s", async (what, subject, why) => {
    const name = what.replaceAll(' ', '-');
    await ask(name, 'kube-apiserver-client-kubelet', {}, subject);
    const { status } = (await decide(name, 'Approved')).body;
    expect(status).not.toHaveProperty('certificate');
    expect(status).toMatchObject({
      conditions: [
        { type: 'Approved' },
        {
          type: 'Failed',
          reason: 'SignerValidationFailure',
          message: expect.stringContaining(why) as string,
        },
      ],
    });
  });

  it('signs nothing that is denied or belongs to another signer', async () => {
    await ask('denied', 'kubelet-serving');
    expect((await decide('denied', 'Denied')).body['status']).not.toHaveProperty('certificate');
    await ask('foreign', 'legacy-unknown');
    expect((await decide('foreign', 'Approved')).body['status']).not.toHaveProperty('certificate');
  });

  it('does not let a node approve its own request', async () => {
    await ask('own', 'kubelet-serving');
    const { body } = await node.call('GET', `${CSRS}/own`);
    const status = { conditions: [{ type: 'Approved', status: 'True' }] };
    expect((await node.call('PUT', `${CSRS}/own/approval`, { ...body, status })).status).toBe(403);
  });

  it('names the fields that a request lacks', async () => {
    const answer = await node.call('POST', CSRS, { metadata: { name: 'empty' }, spec: {} });
    expect(answer.body).toMatchObject({
      code: 422,
      message:
        'CertificateSigningRequest.certificates.k8s.io "empty" is invalid: [spec.request: Required value, spec.signerName: Required value, spec.usages: Required value]',
    });
  });
});
