import type { CertificateSigningRequest, Connection } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { renderBootstrappedKubeconfig } from '../../../src/credentials/plan/bootstrap-kubeconfig.js';
import {
  clientTemplate,
  covers,
  servingTemplate,
} from '../../../src/credentials/plan/certificate-template.js';
import { issuedProblem } from '../../../src/credentials/plan/issued-certificate.js';
import { retryDelayMs, rotationDeadlineMs } from '../../../src/credentials/plan/rotation.js';
import { outcomeOf, signingRequest } from '../../../src/credentials/plan/signing-request.js';

const DAY = 86_400_000;

describe(servingTemplate, () => {
  const address = (type: string, text: string) => ({ type, address: text });

  it('contains every name and address of the node once, in order', () => {
    const template = servingTemplate('n1', [
      address('Hostname', 'n1'),
      address('InternalIP', '10.0.0.9'),
      address('InternalIP', 'fd00::9'),
      address('ExternalIP', '1.2.3.4'),
      address('InternalDNS', 'n1.local'),
      address('ExternalDNS', 'a.example'),
      address('InternalIP', '10.0.0.9'),
    ]);
    expect(template).toEqual({
      purpose: 'server',
      commonName: 'system:node:n1',
      organizations: ['system:nodes'],
      dnsNames: ['a.example', 'n1', 'n1.local'],
      ipAddresses: ['1.2.3.4', '10.0.0.9', 'fd00::9'],
    });
  });

  it.each([
    ['no address at all', [], undefined],
    ['names only', [address('Hostname', 'n1')], undefined],
    ['a host name that is an address', [address('Hostname', '10.0.0.9')], ['10.0.0.9']],
    [
      'an empty address',
      [address('InternalIP', ''), address('ExternalIP', '1.1.1.1')],
      ['1.1.1.1'],
    ],
  ])('%s', (_, addresses, want) => {
    expect(servingTemplate('n1', addresses)?.ipAddresses).toEqual(want);
  });
});

describe(issuedProblem, () => {
  const template = { ...clientTemplate('n1'), purpose: 'server', dnsNames: ['n1', 'n2'] } as const;
  const held = { ...template, notBeforeMs: 0, notAfterMs: 10 * DAY };
  const lacking = { ...held, dnsNames: ['n1'], notAfterMs: 20 * DAY };

  it.each([
    ['a certificate as requested', held, held, 5 * DAY, undefined],
    [
      'a certificate for any usage',
      { ...held, extendedUsages: ['2.5.29.37.0'] },
      held,
      5 * DAY,
      undefined,
    ],
    [
      'a certificate that lacks a name, in place of a valid one',
      lacking,
      held,
      5 * DAY,
      /does not match/,
    ],
    [
      'a certificate that lacks a name, in place of an expired one',
      lacking,
      held,
      15 * DAY,
      undefined,
    ],
    ['a certificate that lacks a name, in place of none', lacking, undefined, 0, undefined],
    [
      'a certificate of another node, in place of none',
      { ...lacking, commonName: 'x' },
      undefined,
      0,
      /does not match/,
    ],
    ['an expired certificate', held, undefined, 10 * DAY, /expired 1970-01-11/],
    [
      'a client certificate',
      { ...held, extendedUsages: ['1.3.6.1.5.5.7.3.2'] },
      held,
      0,
      /TLS server/,
    ],
  ])('%s', (_, issued, before, nowMs, want) => {
    const problem = issuedProblem(issued, { template, held: before, nowMs });
    if (want === undefined) expect(problem).toBeUndefined();
    else expect(problem).toMatch(want);
  });
});

describe(rotationDeadlineMs, () => {
  const template = clientTemplate('n1');
  const held = { ...template, notBeforeMs: 1000 * DAY, notAfterMs: 1010 * DAY };

  it.each([
    ['is immediate without a certificate', undefined, 0.5, 0],
    ['is at seven tenths of the lifetime at the earliest', held, 0, 1007 * DAY],
    ['is at nine tenths of the lifetime at the latest', held, 1, 1009 * DAY],
    ['is immediate for another name', { ...held, commonName: 'system:node:n2' }, 0.5, 0],
    ['is immediate for another group', { ...held, organizations: [] }, 0.5, 0],
  ])('%s', (_name, certificate, chance, want) => {
    expect(rotationDeadlineMs(certificate, template, chance)).toBe(want);
  });

  it('is immediate for a missing address, but not for a surplus one', () => {
    const wanted = { ...template, ipAddresses: ['10.0.0.1'] };
    expect(covers(held, wanted)).toBe(false);
    expect(covers({ ...held, ipAddresses: ['10.0.0.1', '10.0.0.2'] }, wanted)).toBe(true);
  });
});

describe(retryDelayMs, () => {
  it.each([
    [1, 2000],
    [2, 4000],
    [5, 32_000],
    [50, 32_000],
  ])('waits after %d failures for %d ms and up to a tenth more', (failures, want) => {
    expect(retryDelayMs(failures, 0)).toBe(want);
    expect(retryDelayMs(failures, 1)).toBeCloseTo(want * 1.1);
  });
});

describe(outcomeOf, () => {
  const request = (
    conditions: readonly object[],
    certificate?: string,
  ): CertificateSigningRequest => ({
    ...signingRequest('client', 'pem'),
    metadata: { name: 'csr-1' },
    status: { conditions, certificate } as never,
  });
  const condition = (type: string) => ({ type, status: 'True', reason: 'R', message: 'M' });

  it.each([
    ['new', request([]), { kind: 'pending' }],
    ['approved, not yet signed', request([condition('Approved')]), { kind: 'pending' }],
    ['signed', request([condition('Approved')], 'UEVN'), { kind: 'issued', certificatePem: 'PEM' }],
    [
      'denied',
      request([condition('Denied')]),
      {
        kind: 'refused',
        why: 'certificate signing request csr-1 is denied, reason: R, message: M',
      },
    ],
    [
      'approved, but failed',
      request([condition('Approved'), condition('Failed')]),
      { kind: 'refused', why: 'certificate signing request csr-1 failed, reason: R, message: M' },
    ],
  ])('%s', (_, object, want) => {
    expect(outcomeOf(object)).toEqual(want);
  });
});

describe(renderBootstrappedKubeconfig, () => {
  it.each([
    [
      { kind: 'inline', text: 'CA' } as const,
      { server: 'https://a:6443', 'certificate-authority-data': 'Q0E=' },
    ],
    [
      { kind: 'file', path: '/etc/ca.crt' } as const,
      { server: 'https://a:6443', 'certificate-authority': '/etc/ca.crt' },
    ],
  ])(
    'contains the cluster of the bootstrap kubeconfig and the path of the rotated certificate',
    (ca, cluster) => {
      const connection: Connection = { server: 'https://a:6443', source: 's', user: {}, ca };
      const config = JSON.parse(
        renderBootstrappedKubeconfig(connection, '/pki/current.pem'),
      ) as object;
      expect(config).toMatchObject({
        clusters: [{ name: 'default-cluster', cluster }],
        users: [
          {
            user: { 'client-certificate': '/pki/current.pem', 'client-key': '/pki/current.pem' },
          },
        ],
        contexts: [{ context: { cluster: 'default-cluster', user: 'default-auth' } }],
        'current-context': 'default-context',
      });
    },
  );
});
