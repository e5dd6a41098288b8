import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { readForeignText } from '@nodeagent/base/files';

import type { Certificate, CertificatePurpose, KeyedPem } from '../model/certificate.js';
import type { CertificateStore } from '../ports.js';

/** Path of the current certificate: a link, replaced atomically. */
export function currentCertificatePath(directory: string, purpose: CertificatePurpose): string {
  return join(directory, `kubelet-${purpose}-current.pem`);
}

/**
 * Stores certificates as `kubelet-client-2026-01-31-12-00-00.pem`, the certificate before the key,
 * mode 0600, with a link to the newest.
 *
 * @see Kubernetes 1.36 client-go/util/certificate/certificate_store.go
 */
export function createCertificateStore(
  directory: string,
  purpose: CertificatePurpose,
): CertificateStore {
  const link = currentCertificatePath(directory, purpose);
  const pair = {
    certificate: join(directory, `kubelet-${purpose}.crt`),
    key: join(directory, `kubelet-${purpose}.key`),
  };
  return {
    current: async () => {
      const whole = await readOptional(link);
      if (whole !== undefined) return parsed({ certificatePem: whole, keyPem: whole });
      const [certificatePem, keyPem] = [
        await readOptional(pair.certificate),
        await readOptional(pair.key),
      ];
      if (certificatePem === undefined || keyPem === undefined) return undefined;
      return parsed({ certificatePem, keyPem });
    },
    inspect: (pem) => described(inspected(pem).chain[0]),
    save: async (pem, nowMs) => {
      const { chain, key } = inspected(pem);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[T:]/g, '-');
      const path = join(directory, `kubelet-${purpose}-${stamp}.pem`);
      const text = chain.map((one) => `${one.toString().trim()}\n`).join('');
      await writeFile(`${path}.new`, `${text}${key}`, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
      await unlink(`${link}.new`).catch(unlessMissing);
      await symlink(basename(path), `${link}.new`);
      await rename(`${link}.new`, link);
    },
  };
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Checks that the PEM texts are a certificate, its intermediate certificates, and its key.
 *
 * @throws {Error} if they are not
 */
function inspected({ certificatePem, keyPem }: KeyedPem): {
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  readonly key: string;
} {
  const blocks = certificatePem.match(BLOCK) ?? [];
  const [first, ...rest] = blocks.map((block) => new X509Certificate(block));
  if (first === undefined) throw new Error('the issued text contains no certificate');
  const key = createPrivateKey(keyPem);
  if (!first.checkPrivateKey(key)) {
    throw new Error('the first issued certificate does not match the key of the request');
  }
  return { chain: [first, ...rest], key: keyPem.trim() + '\n' };
}

/** @returns undefined if the file is not a certificate with its key, so it is of no use */
function parsed(pem: KeyedPem): { certificate: Certificate; pem: KeyedPem } | undefined {
  try {
    return { certificate: described(inspected(pem).chain[0]), pem };
  } catch {
    return undefined; // a truncated or foreign file; a new certificate will be requested
  }
}

function described(certificate: X509Certificate): Certificate {
  const subject = certificate.subject.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  const valuesOf = (key: string): readonly string[] =>
    subject.filter(([name]) => name === key).map(([, value]) => value);
  const alternatives = (certificate.subjectAltName ?? '').split(', ');
  const namesOf = (prefix: string): readonly string[] =>
    alternatives.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return {
    notBeforeMs: Date.parse(certificate.validFrom),
    notAfterMs: Date.parse(certificate.validTo),
    commonName: valuesOf('CN')[0] ?? '',
    organizations: valuesOf('O'),
    dnsNames: namesOf('DNS:'),
    ipAddresses: namesOf('IP Address:').map(shortAddress),
    extendedUsages: usagesOf(certificate),
  };
}

/** Undefined if the certificate does not restrict usages, although the type excludes that. */
function usagesOf({
  keyUsage,
}: {
  readonly keyUsage: readonly string[] | undefined;
}): readonly string[] {
  return keyUsage ?? [];
}

/** Shortens IPv6 addresses as nodes report them; Node.js prints them in full. */
function shortAddress(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}

/** The current certificate is a link to its file. */
const PEM = { links: 'followed', limitBytes: 2 ** 20 } as const;

async function readOptional(path: string): Promise<string | undefined> {
  return readForeignText(path, PEM);
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
