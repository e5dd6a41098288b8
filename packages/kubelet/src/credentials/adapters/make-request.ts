import 'reflect-metadata'; // must be loaded before the X.509 library

import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';

import * as x509 from '@peculiar/x509';

import type { CertificateTemplate } from '../model/certificate.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Creates a PKCS #10 request (RFC 2986) with an ECDSA P-256 key, a new one unless given; PEM. */
export async function makeRequest(
  template: CertificateTemplate,
  keyPem?: string,
): Promise<Readonly<{ requestPem: string; keyPem: string }>> {
  x509.cryptoProvider.set(webcrypto);
  const keys = keyPem === undefined ? await newKeys() : await keysOf(keyPem);
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

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  const uses = ['sign', 'verify'] as const;
  return webcrypto.subtle.generateKey(ALGORITHM, true, uses);
}

async function keysOf(keyPem: string): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const [pkcs8, spki] = [
    createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' }),
    createPublicKey(keyPem).export({ type: 'spki', format: 'der' }),
  ];
  return {
    privateKey: await subtle.importKey('pkcs8', pkcs8, ALGORITHM, true, ['sign']),
    publicKey: await subtle.importKey('spki', spki, ALGORITHM, true, ['verify']),
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
