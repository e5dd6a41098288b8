import 'reflect-metadata'; // the X.509 library needs it loaded first

import { webcrypto } from 'node:crypto';

import {
  BasicConstraintsExtension,
  cryptoProvider,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface Certificate {
  readonly pem: string;
  readonly keyPem: string;
  readonly subject: string;
  readonly key: webcrypto.CryptoKey;
}

export interface CertificateOptions {
  readonly name: string;
  /** If absent, self-signed. */
  readonly issuer?: Certificate;
  /** The server's IP address, as the subject alternative name. */
  readonly ip?: string;
  readonly notAfter?: Date;
}

let serial = 1;

export async function createCertificate(options: CertificateOptions): Promise<Certificate> {
  const { name, issuer, ip, notAfter = new Date(Date.now() + DAY_MS) } = options;
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const subject = `CN=${name}`;
  const made = await X509CertificateGenerator.create({
    subject,
    issuer: issuer?.subject ?? subject,
    publicKey: keys.publicKey,
    signingKey: issuer?.key ?? keys.privateKey,
    signingAlgorithm: ALGORITHM,
    serialNumber: `0${(serial += 1)}`,
    notBefore: new Date(Date.now() - 10 * DAY_MS),
    notAfter,
    extensions: [
      new BasicConstraintsExtension(ip === undefined, undefined, true),
      ...(ip === undefined
        ? []
        : [new SubjectAlternativeNameExtension([{ type: 'ip', value: ip }])]),
    ],
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
  return { pem: made.toString('pem'), keyPem, subject, key: keys.privateKey };
}
