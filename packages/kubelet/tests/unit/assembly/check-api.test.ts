import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

import { createSystemClock } from '@nodeagent/base/system';
import { ManualClock } from '@nodeagent/base/testing';
import { isConfigError } from '@nodeagent/component-base';
import { type Connection, KubeError } from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { checkApi } from '../../../src/assembly/run/check-api.js';
import { type Certificate, createCertificate } from '../../support/certificates.js';

const HERE = '127.0.0.1';
const KUBECONFIG = '/etc/kubernetes/kubelet.conf';

interface Pki {
  readonly ca: Certificate;
  readonly otherCa: Certificate;
  readonly good: Certificate;
  readonly expired: Certificate;
  readonly elsewhere: Certificate;
  readonly selfSigned: Certificate;
}

let pki: Pki;
let server: Server | undefined;

beforeAll(async () => {
  const ca = await createCertificate({ name: 'ca' });
  const of = (name: string, ip: string, notAfter?: Date) =>
    createCertificate({ name, issuer: ca, ip, ...(notAfter && { notAfter }) });
  pki = {
    ca,
    otherCa: await createCertificate({ name: 'other' }),
    good: await of('good', HERE),
    expired: await of('expired', HERE, new Date(Date.now() - 1000)),
    elsewhere: await of('elsewhere', '192.0.2.1'),
    selfSigned: await createCertificate({ name: 'self', ip: HERE }),
  };
});

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

/** Answers every request with 404, as a new cluster does for a node that is not registered. */
async function listen({ pem, keyPem }: Certificate): Promise<string> {
  const made = createServer({ cert: pem, key: keyPem }, (_, response) => {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"kind":"Status","status":"Failure","reason":"NotFound","code":404}');
  });
  server = made;
  made.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => made.listen(0, HERE, resolve));
  return `https://${HERE}:${(made.address() as AddressInfo).port}`;
}

async function check(url: string, trusted: Certificate): Promise<unknown> {
  const connection: Connection = {
    server: url,
    source: `kubeconfig ${KUBECONFIG}, context "c"`,
    user: {},
    ca: { kind: 'inline', text: trusted.pem },
  };
  const client = createKubeClient(connection);
  const { signal } = new AbortController();
  try {
    await checkApi(client, connection, {
      kubeconfig: KUBECONFIG,
      nodeName: 'n1',
      clock: createSystemClock(),
      signal,
    });
    return undefined;
  } catch (error) {
    return error;
  } finally {
    client.close();
  }
}

interface Case {
  readonly name: string;
  readonly shown: keyof Pki;
  readonly trusted: keyof Pki;
  readonly field: string;
  readonly says: RegExp;
}

const cases: readonly Case[] = [
  {
    name: 'self-signed',
    shown: 'selfSigned',
    trusted: 'ca',
    field: 'certificate-authority-data',
    says: /self-signed/,
  },
  {
    name: "another CA's",
    shown: 'good',
    trusted: 'otherCa',
    field: 'certificate-authority-data',
    says: /signed by a CA that is not among/,
  },
  {
    name: 'expired',
    shown: 'expired',
    trusted: 'ca',
    field: 'certificate-authority-data',
    says: /has expired/,
  },
  {
    name: 'for another host',
    shown: 'elsewhere',
    trusted: 'ca',
    field: 'server',
    says: /for another name/,
  },
];

describe('the API server at start', () => {
  it.each(cases)('a server certificate that is $name ends the start', async (row) => {
    const found = await check(await listen(pki[row.shown]), pki[row.trusted]);
    expect(isConfigError(found, 'CONFIG_INVALID')).toBe(true);
    expect(found).toMatchObject({
      source: KUBECONFIG,
      problems: [{ field: row.field, message: expect.stringMatching(row.says) as string }],
    });
  });

  it('a server that rejects our certificate ends the start', async () => {
    // Node's own TLS server closes the connection without an alert; other servers send one.
    const cause = new Error('SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate');
    const client = {
      get: () => Promise.reject(new KubeError('KUBE_UNAVAILABLE', 'GET: refused', { cause })),
    };
    const { signal } = new AbortController();
    const options = { kubeconfig: KUBECONFIG, nodeName: 'n1', clock: createSystemClock(), signal };
    await expect(checkApi(client, {}, options)).rejects.toMatchObject({
      source: KUBECONFIG,
      problems: [{ field: 'client-certificate' }],
    });
  });

  it('a server that answers passes, even if the node is not registered', async () => {
    expect(await check(await listen(pki.good), pki.ca)).toBeUndefined();
  });

  it('a server that does not answer within 10 s does not end the start', async () => {
    const clock = new ManualClock();
    const client = {
      get: (_: unknown, __: unknown, signal: AbortSignal) =>
        new Promise<never>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
    };
    const { signal } = new AbortController();
    const checked = checkApi(client, {}, { kubeconfig: KUBECONFIG, nodeName: 'n1', clock, signal });
    await clock.advance(10_000);
    await expect(checked).resolves.toBeUndefined();
  });

  it('an unreachable server does not end the start', async () => {
    const url = await listen(pki.good);
    await new Promise((resolve) => server?.close(resolve));
    expect(await check(url, pki.ca)).toBeUndefined();
  });
});
