import 'reflect-metadata'; // the X.509 library needs it loaded first

import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** The subject of a client certificate: the common name and the organizations. */
export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
}

/**
 * A certificate authority that exists only as long as this object: its key is never written to
 * disk.
 */
export interface Authority {
  readonly certificatePem: string;
  issueClient(identity: Identity): Promise<KeyedCertificate>;
  /** @param names host names and addresses that clients may connect to */
  issueServer(commonName: string, names: readonly string[]): Promise<KeyedCertificate>;
  /** Signs the key of a certificate request and ignores everything else in it. */
  sign(request: SigningRequest): Promise<SignedCertificate>;
}

export interface SigningRequest {
  /** PKCS #10, DER. */
  readonly requestDer: Uint8Array;
  readonly commonName: string;
  /** Counted from now. */
  readonly seconds: number;
}

export interface SignedCertificate {
  readonly certificatePem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

/** Everything it issues is valid from a day ago, for clocks that differ, to ten days from now. */
export async function createAuthority(commonName: string): Promise<Authority> {
  cryptoProvider.set(webcrypto);
  const keys = await newKeys();
  const subject = new Name([{ CN: [commonName] }]);
  const common = {
    issuer: subject,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 10 * DAY_MS),
    signingKey: keys.privateKey,
    signingAlgorithm: ECDSA,
  };
  const ca = await X509CertificateGenerator.create({
    ...common,
    subject,
    publicKey: keys.publicKey,
    serialNumber: newSerial(),
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issue = async (name: Name, extensions: readonly Extension[]): Promise<KeyedCertificate> => {
    const own = await newKeys();
    const certificate = await X509CertificateGenerator.create({
      ...common,
      subject: name,
      publicKey: own.publicKey,
      serialNumber: newSerial(),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        ...extensions,
      ],
    });
    const der = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
    return {
      certificatePem: `${certificate.toString('pem')}\n`,
      keyPem: `${PemConverter.encode(der, 'PRIVATE KEY')}\n`,
    };
  };
  const sign = async (asked: SigningRequest): Promise<SignedCertificate> => {
    const request = new Pkcs10CertificateRequest(new Uint8Array(asked.requestDer));
    if (!(await request.verify())) throw new Error('the request is not signed by its own key');
    const certificate = await X509CertificateGenerator.create({
      ...common,
      subject: new Name([{ CN: [asked.commonName] }]),
      publicKey: request.publicKey,
      serialNumber: newSerial(),
      notBefore: new Date(),
      notAfter: new Date(Date.now() + asked.seconds * 1000),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ],
    });
    const { notBefore, notAfter } = certificate;
    return { certificatePem: `${certificate.toString('pem')}\n`, notBefore, notAfter };
  };
  return {
    sign,
    certificatePem: `${ca.toString('pem')}\n`,
    issueClient: ({ user, groups }) =>
      issue(new Name([...groups.map((group) => ({ O: [group] })), { CN: [user] }]), [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
      ]),
    issueServer: (name, names) =>
      issue(new Name([{ CN: [name] }]), [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
        ),
      ]),
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
}

/** Positive and without a leading zero byte. @see RFC 5280, 4.1.2.2 */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}
