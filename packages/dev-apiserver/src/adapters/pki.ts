import 'reflect-metadata';

import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

import * as x509 from '@peculiar/x509';

import { StatusError } from '../model/errors.js';
import type { CsrSigner } from '../ports.js';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const DAY_MS = 24 * 3_600_000;

export interface KeyedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
}

export interface CertificateAuthority extends CsrSigner {
  readonly certificatePem: string;
  issueClient(identity: Identity, nowMs: number): Promise<KeyedCertificate>;
  /** @param names host names and addresses */
  issueServer(
    commonName: string,
    names: readonly string[],
    nowMs: number,
  ): Promise<KeyedCertificate>;
}

/**
 * Creates a certificate authority for the lifetime of the process: its key is never written to
 * disk.
 */
export async function createCertificateAuthority(nowMs: number): Promise<CertificateAuthority> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=nodeagent-dev-ca',
    notBefore: new Date(nowMs - DAY_MS),
    notAfter: new Date(nowMs + 3650 * DAY_MS),
    keys,
    signingAlgorithm: EC,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  // as Go does: verifiers tell authorities of one name apart by it
  const authorityKey = await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey);
  const issue = async (request: Issue): Promise<string> => {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: request.subject,
      issuer: ca.subject,
      notBefore: new Date(request.nowMs - 300_000),
      notAfter: new Date(request.nowMs + request.seconds * 1_000),
      signingKey: keys.privateKey,
      publicKey: request.publicKey,
      signingAlgorithm: EC,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
          true,
        ),
        new x509.ExtendedKeyUsageExtension([
          request.usage === 'client'
            ? x509.ExtendedKeyUsage.clientAuth
            : x509.ExtendedKeyUsage.serverAuth,
        ]),
        authorityKey,
        ...request.extensions,
      ],
    });
    return `${certificate.toString('pem')}\n`;
  };
  const withKey = async (
    request: Omit<Issue, 'publicKey' | 'seconds'>,
  ): Promise<KeyedCertificate> => {
    const own = await newKeys();
    const seconds = (365 * DAY_MS) / 1_000;
    const certificatePem = await issue({ ...request, publicKey: own.publicKey, seconds });
    return { certificatePem, keyPem: await keyToPem(own.privateKey) };
  };
  return {
    certificatePem: `${ca.toString('pem')}\n`,
    issueClient: ({ user, groups }, atMs) =>
      withKey({ subject: subjectOf(user, groups), usage: 'client', nowMs: atMs, extensions: [] }),
    issueServer: (commonName, names, atMs) =>
      withKey({
        subject: subjectOf(commonName, []),
        usage: 'server',
        nowMs: atMs,
        extensions: [alternativeNames(names)],
      }),
    sign: async (pem, { usage, nodesOnly, seconds }) => {
      const request = await readRequest(pem);
      const refusal = nodesOnly ? whyNoNode(request.subjectName) : undefined;
      if (refusal !== undefined) return { refusal };
      const names = request.getExtension(SUBJECT_ALTERNATIVE_NAME);
      const certificatePem = await issue({
        subject: request.subjectName,
        publicKey: (await request.publicKey.export()) as webcrypto.CryptoKey,
        usage,
        seconds,
        nowMs: Date.now(),
        extensions: names === null ? [] : [names],
      });
      return { certificatePem };
    },
  };
}

/** @see Kubernetes 1.36 pkg/apis/certificates/helpers.go, validateKubeletClientCSR */
function whyNoNode(subject: x509.Name): string | undefined {
  const groups = subject.getField('O');
  if (groups.length !== 1 || groups[0] !== 'system:nodes') {
    return 'subject organization is not system:nodes';
  }
  const isNode = subject.getField('CN').some((name) => name.startsWith('system:node:'));
  return isNode ? undefined : 'subject common name does not begin with system:node:';
}

interface Issue {
  readonly subject: x509.Name;
  readonly publicKey: webcrypto.CryptoKey;
  readonly usage: 'client' | 'server';
  readonly seconds: number;
  readonly nowMs: number;
  readonly extensions: readonly x509.Extension[];
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
}

async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

async function readRequest(pem: string): Promise<x509.Pkcs10CertificateRequest> {
  try {
    const request = new x509.Pkcs10CertificateRequest(pem);
    if (await request.verify()) return request;
  } catch (cause) {
    throw new StatusError(
      400,
      'BadRequest',
      `spec.request is not a certificate request: ${String(cause)}`,
    );
  }
  throw new StatusError(400, 'BadRequest', 'spec.request is not signed by its own key');
}

/** X.509 forbids a leading zero bit, and the number zero. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function subjectOf(user: string, groups: readonly string[]): x509.Name {
  return new x509.Name([...groups.map((group) => ({ O: [group] })), { CN: [user] }]);
}

function alternativeNames(names: readonly string[]): x509.Extension {
  return new x509.SubjectAlternativeNameExtension(
    names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
  );
}
