import { createPrivateKey, X509Certificate } from 'node:crypto';
import { access, constants, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock, Logger } from '@nodeagent/base';

import type { KeyedCertificate, Reloaded } from '../ports.js';
import { createReloadedFiles } from './reloaded-files.js';

/** The certificate of the node API, from files or made here. */
export interface ServingCertificateOptions {
  /**
   * `tlsCertFile` and `tlsPrivateKeyFile`; without them, a self-signed certificate in `directory`.
   */
  readonly files: Readonly<{ certificate: string; key: string }> | undefined;
  /** `--cert-dir`: `kubelet.crt` and `kubelet.key` are created there if they are missing. */
  readonly directory: string;
  readonly hostName: string;
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** The serving certificate, from files that are read again when they change. */
export async function createServingCertificate(
  options: ServingCertificateOptions,
): Promise<Reloaded<KeyedCertificate>> {
  const { clock, log } = options;
  const files = options.files ?? (await ownFiles(options));
  return createReloadedFiles({
    paths: [files.certificate, files.key],
    parse: ([certificatePem = '', keyPem = '']) => checkedPair(certificatePem, keyPem),
    clock,
    log,
  });
}

/** The CAs for client certificates, from a file that is read again when it changes. */
export function createClientCa(
  path: string,
  { clock, log }: Readonly<{ clock: Clock; log: Logger }>,
): Promise<Reloaded<string>> {
  return createReloadedFiles({
    paths: [path],
    parse: ([pem = '']) => {
      const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
      if (certificates === null) throw new Error(`no certificate in ${path}`);
      for (const one of certificates) new X509Certificate(one);
      return pem;
    },
    clock,
    log,
  });
}

/** @throws if key and certificate do not match */
function checkedPair(certificatePem: string, keyPem: string): KeyedCertificate {
  const isPair = new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
  if (!isPair) throw new Error('the private key does not match the certificate');
  return { certificatePem, keyPem };
}

async function ownFiles(
  options: ServingCertificateOptions,
): Promise<Readonly<{ certificate: string; key: string }>> {
  const { directory, hostName, addresses, clock, log } = options;
  const files = {
    certificate: join(directory, 'kubelet.crt'),
    key: join(directory, 'kubelet.key'),
  };
  const readable = (path: string): Promise<boolean> =>
    access(path, constants.R_OK).then(
      () => true,
      () => false,
    );
  if ((await readable(files.certificate)) && (await readable(files.key))) return files;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // The X.509 library is loaded only if a certificate must be created.
  const { createSelfSigned } = await import('./self-signed.js');
  const made = await createSelfSigned({ hostName, addresses, nowMs: clock.nowMs() });
  await writeWhole(files.key, made.keyPem, 0o600);
  await writeWhole(files.certificate, made.certificatePem, 0o644);
  log.info({ file: files.certificate }, 'created a self-signed serving certificate');
  return files;
}

async function writeWhole(path: string, text: string, mode: number): Promise<void> {
  const unfinished = `${path}.new`;
  await writeFile(unfinished, text, { mode, flush: true });
  await rename(unfinished, path);
}
