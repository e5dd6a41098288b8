import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { readCredentialProviders } from '../../../src/credentials/adapters/provider-files.js';
import { createProviderPrograms } from '../../../src/credentials/adapters/provider-program.js';
import type { CredentialProvider } from '../../../src/credentials/index.js';

let dir: string;
const { signal } = new AbortController();

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'credential-providers-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<CredentialProvider> {
  await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';
  return {
    ...{ name, apiVersion, matchImages: ['x'], defaultCacheMs: 0 },
    ...{ args: ['one', 'two words'], env: { MODE: 'test' } },
  };
}

describe(createProviderPrograms, () => {
  it('runs a program with arguments, environment and a request', async () => {
    const provider = await program('echo', 'printf "%s|%s|%s|%s" "$1" "$2" "$MODE" "$(cat)"');
    const answer = await createProviderPrograms(dir)(provider, '{"a":1}', signal);
    expect(answer).toBe('one|two words|test|{"a":1}');
  });

  it('shows the standard error of a failed program, but not its output', async () => {
    const provider = await program('fail', 'echo planted-password; echo no network >&2; exit 3');
    const error = await createProviderPrograms(dir)(provider, '', signal).catch((e: unknown) => e);
    expect(String(error)).toBe('Error: credential provider fail exited with code 3: no network');
  });

  it('kills a slow program and its child processes', async () => {
    const provider = await program('slow', 'sleep 600 & sleep 600');
    const call = createProviderPrograms(dir, { timeoutMs: 50 })(provider, 'x', signal);
    await expect(call).rejects.toThrow('credential provider slow took more than 0.05 s');
  });

  it('kills a program when the kubelet ends', async () => {
    const provider = await program('slow', 'sleep 600');
    const ending = new AbortController();
    const call = createProviderPrograms(dir)(provider, 'x', ending.signal);
    ending.abort(new Error('the kubelet ends'));
    await expect(call).rejects.toThrow('the kubelet ends');
  });

  it('kills a program that writes too much', async () => {
    const provider = await program('chatty', 'exec cat /dev/zero');
    const call = createProviderPrograms(dir)(provider, '', signal);
    await expect(call).rejects.toThrow('credential provider chatty wrote more than 1048576 bytes');
  });

  it('reports a missing program', async () => {
    const provider = { ...(await program('x', '')), name: 'absent' };
    const call = createProviderPrograms(dir)(provider, '', signal);
    await expect(call).rejects.toThrow('credential provider absent cannot be executed');
  });
});

describe(readCredentialProviders, () => {
  const tokens = { tokens: true };
  const config = (...names: readonly string[]) =>
    JSON.stringify({
      apiVersion: 'kubelet.config.k8s.io/v1',
      kind: 'CredentialProviderConfig',
      providers: names.map((name) => ({
        ...{ name, matchImages: ['*.example.com'], defaultCacheDuration: '1m' },
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      })),
    });

  it('reads one file, or the files of a directory in order', async () => {
    await program('a', '');
    await program('b', '');
    const files = await mkdtemp(join(dir, 'config-'));
    await writeFile(join(files, '2.yaml'), config('a'));
    await writeFile(join(files, '1.json'), config('b'));
    await writeFile(join(files, 'README.md'), 'not read');
    const { providers, hash } = await readCredentialProviders(files, dir, tokens);
    expect(providers.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(hash).toMatch(/^sha256:[0-9a-f]{64}$/);
    const one = await readCredentialProviders(join(files, '2.yaml'), dir, tokens);
    expect(one.providers).toHaveLength(1);
    expect(one.hash).not.toBe(hash);
  });

  it('reports missing programs, and those that are not executable', async () => {
    await writeFile(join(dir, 'plain'), 'no program', { mode: 0o644 });
    const file = join(dir, 'missing.json');
    await writeFile(file, config('plain', 'nowhere'));
    const found = readCredentialProviders(file, dir, tokens);
    await expect(found).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      problems: [
        { message: expect.stringContaining('plain cannot be executed') },
        { message: expect.stringContaining('nowhere cannot be executed') },
      ],
    });
  });

  it.each([
    ['a missing file', 'absent.yaml', 'CONFIG_UNREADABLE'],
    ['an empty directory', 'empty', 'CONFIG_UNREADABLE'],
  ])('refuses %s', async (_, name, code) => {
    if (name === 'empty') await mkdtemp(join(dir, 'empty'));
    await expect(readCredentialProviders(join(dir, name), dir, tokens)).rejects.toMatchObject({
      code,
    });
  });
});
