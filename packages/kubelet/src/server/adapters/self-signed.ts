import 'reflect-metadata'; // must be loaded before the X.509 library

import { randomBytes, webcrypto } from 'node:crypto';

import * as x509 from '@peculiar/x509';

import type { KeyedCertificate } from '../ports.js';

export interface SelfSignedOptions {
  readonly hostName: string;
  readonly addresses: readonly string[];
  readonly nowMs: number;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

/**
 * Creates a temporary CA and a certificate signed by it, valid for a year. No one can verify it,
 * but the connection is encrypted. The CA's key is discarded.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/client-go/util/cert/cert.go, GenerateSelfSignedCertKeyWithFixtures
 */
export async function createSelfSigned(options: SelfSignedOptions): Promise<KeyedCertificate> {
  const { hostName, addresses, nowMs } = options;
  x509.cryptoProvider.set(webcrypto);
  const name = `${hostName}@${Math.floor(nowMs / 1000)}`;
  const validity = { notBefore: new Date(nowMs - HOUR_MS), notAfter: new Date(nowMs + YEAR_MS) };
  const caKeys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${name.replace('@', '-ca@')}`,
    ...validity,
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: `CN=${name}`,
    issuer: ca.subject,
    ...validity,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: hostName },
        ...addresses.map((value) => ({ type: 'ip' as const, value })),
      ]),
    ],
  });
  const der = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificatePem: `${certificate.toString('pem')}\n${ca.toString('pem')}\n`,
    keyPem: `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`,
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** X.509 requires a positive number. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
