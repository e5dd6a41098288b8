import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import {
  createCertificateStore,
  currentCertificatePath,
} from '../../../src/credentials/adapters/certificate-store.js';
import type { KeyedPem } from '../../../src/credentials/model/certificate.js';
import type { CertificateStore } from '../../../src/credentials/ports.js';
import { createSelfSigned } from '../../../src/server/adapters/self-signed.js';

let dir: string;
let store: CertificateStore;
let one: KeyedPem;
let other: KeyedPem;

beforeAll(async () => {
  const make = (hostName: string) =>
    createSelfSigned({ hostName, addresses: ['10.0.0.1'], nowMs: Date.now() });
  [one, other] = await Promise.all([make('one'), make('other')]);
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'certificates-'));
  store = createCertificateStore(dir, 'server');
  await store.save(one, 1_000_000);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe(createCertificateStore, () => {
  it('returns the facts of the current certificate', async () => {
    const { dnsNames, ipAddresses, extendedUsages } = (await store.current())!.certificate;
    expect([dnsNames, ipAddresses, extendedUsages]).toEqual([
      ['one'],
      ['10.0.0.1'],
      ['1.3.6.1.5.5.7.3.1'],
    ]);
    await store.save(other, 2_000_000);
    expect((await store.current())?.certificate.dnsNames).toEqual(['other']);
  });

  it.each([
    ['another key', () => ({ ...other, keyPem: one.keyPem })],
    ['no certificate', () => ({ ...other, certificatePem: 'sorry' })],
    [
      'a truncated certificate',
      () => ({ ...other, certificatePem: other.certificatePem.slice(0, 200) }),
    ],
    ['no key', () => ({ ...other, keyPem: 'sorry' })],
    [
      'a chain that starts with another certificate',
      () => ({ ...other, certificatePem: one.certificatePem + other.certificatePem }),
    ],
    ['a broken chain', () => ({ ...other, certificatePem: other.certificatePem + BROKEN })],
  ])('keeps the current certificate when it is given %s', async (_, pem) => {
    const before = [await readdir(dir), await readFile(currentCertificatePath(dir, 'server'))];
    expect(() => store.inspect(pem())).toThrow();
    await expect(store.save(pem(), 2_000_000)).rejects.toThrow();
    expect([await readdir(dir), await readFile(currentCertificatePath(dir, 'server'))]).toEqual(
      before,
    );
    expect((await store.current())?.certificate.dnsNames).toEqual(['one']);
  });

  it('writes only the certificates of a signer’s text', async () => {
    const certificatePem = `Bag: x\n${other.certificatePem}\n${one.keyPem}`;
    await store.save({ ...other, certificatePem }, 2_000_000);
    const text = await readFile(currentCertificatePath(dir, 'server'), 'utf8');
    const blocks = ['BEGIN CERTIFICATE', 'BEGIN CERTIFICATE', 'BEGIN PRIVATE KEY'];
    expect(text.match(/BEGIN [A-Z ]+/g)).toEqual(blocks);
    expect((await store.current())?.certificate.dnsNames).toEqual(['other']);
  });
});

const BROKEN = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
