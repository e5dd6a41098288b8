import 'reflect-metadata'; // the X.509 library needs it loaded first

import { webcrypto } from 'node:crypto';

import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface Pair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface Authority extends Pair {
  issue(subject: string, options?: IssueOptions): Promise<Pair>;
}

export interface IssueOptions {
  readonly names?: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[];
  readonly notAfter?: Date;
}

let serial = 1;

export async function createAuthority(name: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const own = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    serialNumber: `0${(serial += 1)}`,
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    certificatePem: own.toString('pem'),
    keyPem: await exportKey(keys.privateKey),
    issue: (subject, options) => issue(own, keys.privateKey, { subject, ...options }),
  };
}

async function issue(
  authority: X509Certificate,
  signingKey: webcrypto.CryptoKey,
  { subject, names = [], notAfter }: IssueOptions & { readonly subject: string },
): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const dayMs = 86_400_000;
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    serialNumber: `0${(serial += 1)}`,
    notBefore: new Date(Date.now() - 10 * dayMs),
    notAfter: notAfter ?? new Date(Date.now() + dayMs),
    extensions: [
      await AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ...(names.length === 0 ? [] : [new SubjectAlternativeNameExtension([...names])]),
    ],
  });
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  const lines = der.match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
