import { Buffer } from 'node:buffer';

import type { Connection } from '../model/connection.js';
import type { Credential, CredentialSource } from '../ports.js';
import { createExecSource } from './exec-plugin.js';
import { createMaterialReader, type MaterialReader } from './material.js';

/**
 * Provides the credentials of a connection's user. Files are read again when they change; a
 * plug-in's answer is kept until it expires or is refused.
 */
export function createCredentialSource(connection: Connection): CredentialSource {
  const { user, source } = connection;
  if (user.exec !== undefined) return createExecSource(user.exec, connection);
  const reader = (what: string, material: Parameters<typeof createMaterialReader>[0]) =>
    createMaterialReader(material, `${what} of ${source}`);
  const { clientCertificate: pair, token, basic } = user;
  return new FileSource({
    certificate: pair && reader('client-certificate', pair.certificate),
    key: pair && reader('client-key', pair.key),
    token: token && reader('token', token),
    basic: basic && basicAuthorization(basic.username, basic.password),
  });
}

function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

interface Parts {
  readonly certificate: MaterialReader | undefined;
  readonly key: MaterialReader | undefined;
  readonly token: MaterialReader | undefined;
  readonly basic: string | undefined;
}

class FileSource implements CredentialSource {
  readonly #parts: Parts;
  #last: Credential = {};

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async current(): Promise<Credential> {
    const { certificate, key, token, basic } = this.#parts;
    const bearer = (await token?.read())?.trim();
    const [certificatePem, keyPem] = (await readPair(certificate, key)) ?? [];
    const authorization = bearer === undefined ? basic : `Bearer ${bearer}`;
    const next: Credential = {
      ...(authorization === undefined ? {} : { authorization }),
      ...(certificatePem === undefined ? {} : { certificatePem }),
      ...(keyPem === undefined ? {} : { keyPem }),
    };
    if (!same(next, this.#last)) this.#last = next;
    return this.#last;
  }

  refuse(): void {
    const { certificate, key, token } = this.#parts;
    for (const reader of [certificate, key, token]) reader?.distrust();
  }
}

/** Undefined without a client certificate, and while an optional file is still missing. */
async function readPair(
  certificate: MaterialReader | undefined,
  key: MaterialReader | undefined,
): Promise<readonly [certificatePem: string, keyPem: string] | undefined> {
  const [certificatePem = '', keyPem = ''] = [await certificate?.read(), await key?.read()];
  return certificatePem === '' || keyPem === '' ? undefined : [certificatePem, keyPem];
}

function same(a: Credential, b: Credential): boolean {
  return (
    a.authorization === b.authorization &&
    a.certificatePem === b.certificatePem &&
    a.keyPem === b.keyPem
  );
}
