import 'reflect-metadata'; // must be loaded before the X.509 library

import { webcrypto } from 'node:crypto';

import * as x509 from '@peculiar/x509';

import type { StubRequest } from '../ports.js';

type Algorithm = webcrypto.RsaHashedKeyGenParams | webcrypto.EcKeyGenParams | { name: string };

interface KeyKind {
  readonly keys: Algorithm;
  readonly signature: { readonly name: string; readonly hash?: string };
}

const rsa = (modulusLength: number): KeyKind => {
  const name = 'RSASSA-PKCS1-v1_5';
  const publicExponent = new Uint8Array([1, 0, 1]);
  return {
    keys: { name, modulusLength, publicExponent, hash: 'SHA-256' },
    signature: { name, hash: 'SHA-256' },
  };
};
const ecdsa = (namedCurve: string, hash: string): KeyKind => ({
  keys: { name: 'ECDSA', namedCurve },
  signature: { name: 'ECDSA', hash },
});

/** @see Kubernetes 1.36 pkg/kubelet/podcertificate, generateKeyAndProof */
const KINDS: Readonly<Record<string, KeyKind>> = {
  RSA3072: rsa(3072),
  RSA4096: rsa(4096),
  ECDSAP256: ecdsa('P-256', 'SHA-256'),
  ECDSAP384: ecdsa('P-384', 'SHA-384'),
  ECDSAP521: ecdsa('P-521', 'SHA-512'),
  ED25519: { keys: { name: 'Ed25519' }, signature: { name: 'Ed25519' } },
};

/**
 * Creates a new key, and a request (RFC 2986) that only proves possession of it.
 *
 * @throws {Error} for an unknown key type
 */
export async function makeStub(keyType: string): Promise<StubRequest> {
  const kind = KINDS[keyType];
  if (kind === undefined) throw new Error(`unknown key type ${JSON.stringify(keyType)}`);
  x509.cryptoProvider.set(webcrypto);
  const { subtle } = webcrypto;
  const uses: webcrypto.KeyUsage[] = ['sign', 'verify'];
  const keys = (await subtle.generateKey(kind.keys, true, uses)) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: kind.signature,
  });
  const pkcs8 = await subtle.exportKey('pkcs8', keys.privateKey);
  return {
    requestDer: new Uint8Array(request.rawData),
    keyPem: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`,
  };
}
