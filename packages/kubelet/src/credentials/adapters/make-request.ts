import 'reflect-metadata'; // the X.509 library needs it loaded first

import { webcrypto } from 'node:crypto';

import * as x509 from '@peculiar/x509';

import type { CertificateTemplate } from '../model/certificate.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A PKCS #10 request, with an ECDSA P-256 key of its own (RFC 2986); PEM. */
export async function makeRequest(
  template: CertificateTemplate,
): Promise<Readonly<{ requestPem: string; keyPem: string }>> {
  x509.cryptoProvider.set(webcrypto);
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([
      ...template.organizations.map((name) => ({ O: [name] })),
      { CN: [template.commonName] },
    ]),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: alternativeNames(template),
  });
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    requestPem: `${request.toString('pem')}\n`,
    keyPem: `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`,
  };
}

function alternativeNames({ dnsNames, ipAddresses }: CertificateTemplate): x509.Extension[] {
  if (dnsNames.length + ipAddresses.length === 0) return [];
  return [
    new x509.SubjectAlternativeNameExtension([
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ]),
  ];
}
