import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';

import { formatTimestamp } from '@nodeagent/base';
import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import {
  KubeError,
  type Pod,
  POD_CERTIFICATE_REQUESTS,
  type PodCertificateRequest,
  SERVICE_ACCOUNTS,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { makeStub } from '../../../src/credentials/adapters/make-stub.js';
import { decodePem, encodePem } from '../../../src/credentials/codec/pem.js';
import { createPodCertificates } from '../../../src/credentials/run/index.js';
import { MemoryPodEvents } from '../../../src/testing/index.js';

const MINUTE = 60_000;
const never = new AbortController().signal;
const CHAIN = encodePem('CERTIFICATE', Buffer.from('leaf'));

let clock: ManualClock;
let api: MemoryKubeClient;
let end: AbortController;
let changed: string[];
let events: MemoryPodEvents;
let certificates: ReturnType<typeof createPodCertificates>;
let gauges: Map<string, number>;

const pod: Pod = {
  metadata: { name: 'p', namespace: 'ns', uid: 'u1' },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'robot',
    containers: [],
    volumes: [
      {
        name: 'identity',
        projected: {
          sources: [
            { configMap: { name: 'x' } },
            {
              podCertificate: {
                signerName: 'example.com/robots',
                keyType: 'ED25519',
                maxExpirationSeconds: 7200,
                userAnnotations: { 'example.com/team': 'a' },
                credentialBundlePath: 'bundle.pem',
              },
            },
          ],
        },
      },
    ],
  },
};
const ref = { volume: 'identity', index: 1 };

beforeEach(() => {
  clock = new ManualClock();
  api = createMemoryKubeClient({ clock });
  end = new AbortController();
  changed = [];
  events = new MemoryPodEvents();
  gauges = new Map();
  let keys = 0;
  api.seed(SERVICE_ACCOUNTS, { metadata: { name: 'robot', namespace: 'ns', uid: 'sa1' } });
  const stubs = {
    makeStub: async () => ({ requestDer: Buffer.from('csr'), keyPem: `key${(keys += 1)}\n` }),
  };
  const metrics = {
    counter: (spec: { readonly name: string }) => new MemoryMetrics().counter(spec),
    gauge: () => ({
      set: (value: number, labels = {}) => void gauges.set(Object.values(labels).join(' '), value),
      remove: (labels: object) => void gauges.delete(Object.values(labels).join(' ')),
    }),
  } as never;
  certificates = createPodCertificates(
    {
      ...{ client: api, clock, events, stubs, metrics, nodeName: 'n1', random: () => 0.5 },
      log: new MemoryLogger(),
      node: () => ({ metadata: { name: 'n1', uid: 'node1' } }),
      onChange: (uid) => void changed.push(uid),
    },
    end.signal,
  );
});
afterEach(() => end.abort(new Error('the test is over')));

async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function requests(): Promise<readonly PodCertificateRequest[]> {
  return (await api.list(POD_CERTIFICATE_REQUESTS, { namespace: 'ns' }, never)).items;
}

async function answer(status: PodCertificateRequest['status']): Promise<void> {
  const request = (await requests()).at(-1);
  if (request === undefined) throw new Error('nothing was asked for');
  await api.replace(
    POD_CERTIFICATE_REQUESTS,
    { ...request, ...(status && { status }) },
    { subresource: 'status' },
    never,
  );
  await settle();
}

const decision = (type: string, reason = 'Because', message = 'of "this"') => [
  { type, status: 'True', reason, message, lastTransitionTime: formatTimestamp(clock.nowMs()) },
];
const issue = (chain = CHAIN): Promise<void> =>
  answer({
    conditions: decision('Issued'),
    certificateChain: `between the blocks\n${chain}`,
    notBefore: formatTimestamp(clock.nowMs()),
    beginRefreshAt: formatTimestamp(clock.nowMs() + 30 * MINUTE),
    notAfter: formatTimestamp(clock.nowMs() + 60 * MINUTE),
  });
const warnings = (): readonly string[] => events.lines;

describe(createPodCertificates, () => {
  it('requests a certificate with the pod’s identity, and waits for the answer', async () => {
    certificates.follow(pod);
    const got = certificates.certificate(pod, ref, never);
    await settle();
    const [request] = await requests();
    expect(request?.metadata?.ownerReferences).toEqual([
      { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u1' },
    ]);
    expect(request?.spec).toEqual({
      signerName: 'example.com/robots',
      podName: 'p',
      podUID: 'u1',
      serviceAccountName: 'robot',
      serviceAccountUID: 'sa1',
      nodeName: 'n1',
      nodeUID: 'node1',
      maxExpirationSeconds: 7200,
      stubPKCS10Request: Buffer.from('csr').toString('base64'),
      unverifiedUserAnnotations: { 'example.com/team': 'a' },
    });
    expect([...gauges]).toEqual([['example.com/robots not_yet_issued', 1]]);
    await issue();
    expect(await got).toMatchObject({ keyPem: 'key1\n', chainPem: CHAIN });
    expect(changed).toEqual(['u1']);
    expect([...gauges]).toEqual([['example.com/robots fresh', 1]]);
  });

  it('reports that nothing is issued yet when the signer is slow', async () => {
    certificates.follow(pod);
    const got = expect(certificates.certificate(pod, ref, never)).rejects.toThrow(
      'credential bundle is not issued yet',
    );
    await settle();
    await clock.advance(5000);
    await got;
    await issue();
    expect(changed).toEqual(['u1']);
    expect(await certificates.certificate(pod, ref, never)).toMatchObject({ keyPem: 'key1\n' });
  });

  it.each([
    ['Denied', 'was denied', 'denied'],
    ['Failed', 'failed', 'failed'],
  ] as const)('reports %s in an event, and as the reason from then on', async (type, verb, how) => {
    certificates.follow(pod);
    await settle();
    await answer({ conditions: decision(type) });
    const [request] = await requests();
    const text = `PodCertificateRequest ns/${request?.metadata?.name} ${verb}`;
    expect(warnings()).toEqual([
      `Warning ${type} p: ${text}, reason="Because", message="of \\"this\\""`,
    ]);
    await expect(certificates.certificate(pod, ref, never)).rejects.toThrow(
      `PodCertificateRequest was permanently ${how}: reason="Because" message="of \\"this\\""`,
    );
    await clock.advance(24 * 60 * MINUTE);
    expect(await requests()).toHaveLength(1);
    expect([...gauges]).toEqual([[`example.com/robots ${how}`, 1]]);
  });

  it('renews at the signer’s refresh time, and keeps the old certificate until then', async () => {
    certificates.follow(pod);
    await settle();
    await issue();
    await clock.advance(32 * MINUTE);
    expect(await requests()).toHaveLength(1);
    await clock.advance(MINUTE);
    await settle();
    expect(await requests()).toHaveLength(2);
    expect(await certificates.certificate(pod, ref, never)).toMatchObject({ keyPem: 'key1\n' });
    const next = encodePem('CERTIFICATE', Buffer.from('next'));
    await issue(next);
    expect(await certificates.certificate(pod, ref, never)).toMatchObject({
      keyPem: 'key2\n',
      chainPem: next,
    });
    expect(changed).toEqual(['u1', 'u1']);
    expect(warnings()).toEqual([]);
  });

  it('warns once about an overdue certificate, and once about an expired one', async () => {
    certificates.follow(pod);
    await settle();
    await issue();
    await clock.advance(43 * MINUTE);
    expect(warnings()).toEqual([
      'Warning CertificateOverdueForRefresh p: PodCertificate refresh overdue',
    ]);
    await clock.advance(60 * MINUTE);
    expect(warnings()).toEqual([
      'Warning CertificateOverdueForRefresh p: PodCertificate refresh overdue',
      'Warning CertificateExpired p: PodCertificate expired',
    ]);
  });

  it('sends a new request after a deletion, and after an API failure', async () => {
    api.failNext({ verb: 'get' }, new KubeError('KUBE_UNAVAILABLE', 'away'));
    certificates.follow(pod);
    await settle();
    expect(await requests()).toHaveLength(0);
    await clock.advance(1000);
    await settle();
    const [request] = await requests();
    api.drop(POD_CERTIFICATE_REQUESTS, {
      namespace: 'ns',
      name: request?.metadata?.name ?? '',
    });
    await clock.advance(12 * MINUTE);
    expect(await requests()).toHaveLength(0);
    await clock.advance(MINUTE);
    await settle();
    expect(await requests()).toHaveLength(1);
  });

  it('forgets a removed pod', async () => {
    certificates.follow(pod);
    await settle();
    await issue();
    certificates.release('u1');
    expect([...gauges]).toEqual([]);
    await clock.advance(24 * 60 * MINUTE);
    expect(await requests()).toHaveLength(1);
    await expect(certificates.certificate(pod, ref, never)).rejects.toThrow('not issued yet');
  });
});

describe(makeStub, () => {
  const kinds = [
    ['RSA3072', 'rsa', { modulusLength: 3072 }],
    ['RSA4096', 'rsa', { modulusLength: 4096 }],
    ['ECDSAP256', 'ec', { namedCurve: 'prime256v1' }],
    ['ECDSAP384', 'ec', { namedCurve: 'secp384r1' }],
    ['ECDSAP521', 'ec', { namedCurve: 'secp521r1' }],
    ['ED25519', 'ed25519', {}],
  ] as const;

  it.each(kinds)(
    'creates a key %s, and an empty request signed with it',
    async (type, key, details) => {
      const x509 = await import('@peculiar/x509');
      const { keyPem, requestDer } = await makeStub(type);
      const made = createPrivateKey(keyPem);
      expect(made.asymmetricKeyType).toBe(key);
      expect(made.asymmetricKeyDetails).toMatchObject(details);
      const request = new x509.Pkcs10CertificateRequest(requestDer.slice().buffer);
      expect(await request.verify()).toBe(true);
      expect([request.subject, request.extensions.length]).toEqual(['', 0]);
      const spki = createPublicKey(made).export({ type: 'spki', format: 'der' });
      expect(Buffer.from(request.publicKey.rawData)).toEqual(spki);
    },
  );

  it('refuses other key types', async () => {
    await expect(makeStub('DSA')).rejects.toThrow('unknown key type "DSA"');
  });
});

describe('PEM', () => {
  it('is parsed with text between the blocks, and written without', () => {
    const long = Buffer.alloc(100, 7);
    const block = encodePem('CERTIFICATE', long);
    expect(block.split('\n').map((line) => line.length)).toEqual([27, 64, 64, 8, 25, 0]);
    const withHeader = block.replace('-----\n', '-----\nNote: for people\n\n');
    const text = `first\n${withHeader}between\n${encodePem('X', Buffer.from('y'))}last`;
    expect(decodePem(text)).toEqual([long, Buffer.from('y')]);
    expect(decodePem('-----BEGIN X-----\nbroken')).toEqual([]);
  });

  it('is readable by other implementations', async () => {
    const { readFile } = await import('node:fs/promises');
    const file = new URL('../../../../probes/tests/fixtures/self-signed.crt', import.meta.url);
    const pem = await readFile(file, 'utf8');
    const [bytes = Buffer.alloc(0)] = decodePem(pem);
    expect(new X509Certificate(encodePem('CERTIFICATE', bytes)).raw).toEqual(
      new X509Certificate(pem).raw,
    );
  });
});
