import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { findAssets } from '../../src/assets.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assets-'));
  await program('kube-apiserver', 'echo Kubernetes v1.36.2');
  await program('etcd', 'echo etcd Version: 3.5.30; echo Git SHA: none');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

const MISSING = 'TESTBED_PROGRAM_MISSING';
const UNUSABLE = 'TESTBED_PROGRAM_UNUSABLE';

describe(findAssets, () => {
  it('finds both programs and the version of the API server', async () => {
    expect(await findAssets(folder)).toEqual({
      apiServer: join(folder, 'kube-apiserver'),
      etcd: join(folder, 'etcd'),
      version: '1.36.2',
    });
  });

  it.each<[string, string, readonly string[], () => Promise<unknown>]>([
    ['a missing program', MISSING, ['etcd'], () => rm(join(folder, 'etcd'))],
    ['a missing folder', MISSING, ['kube-apiserver'], () => rm(folder, { recursive: true })],
    [
      'a program that is not executable',
      UNUSABLE,
      ['etcd', 'not executable'],
      () => chmod(join(folder, 'etcd'), 0o644),
    ],
    [
      'a folder in place of a program',
      UNUSABLE,
      ['kube-apiserver', 'not a file'],
      async () => {
        await rm(join(folder, 'kube-apiserver'));
        await mkdir(join(folder, 'kube-apiserver'));
      },
    ],
    [
      'a program of another machine',
      UNUSABLE,
      ['kube-apiserver', 'cannot be run'],
      () => writeFile(join(folder, 'kube-apiserver'), '#!/nonexistent/interpreter\n'),
    ],
    [
      'an API server that is too old',
      UNUSABLE,
      ['1.32.9', '1.33 or newer'],
      () => program('kube-apiserver', 'echo Kubernetes v1.32.9'),
    ],
    [
      'an etcd that is too old',
      UNUSABLE,
      ['3.4.23', '3.5 or newer'],
      () => program('etcd', 'echo etcd Version: 3.4.23'),
    ],
    [
      'a program other than an API server',
      UNUSABLE,
      ['--version', 'unknown flag'],
      () => program('kube-apiserver', 'echo unknown flag >&2; exit 1'),
    ],
  ])('refuses %s, by name', async (_, code, words, spoil) => {
    await spoil();
    const error = await findAssets(folder).then(
      () => undefined,
      (caught: unknown) => caught as Error,
    );
    expect(error).toMatchObject({ code });
    for (const word of ['KUBEBUILDER_ASSETS', folder, ...words]) {
      expect(error?.message).toContain(word);
    }
  });

  it('accepts newer programs', async () => {
    await program('kube-apiserver', 'echo Kubernetes v2.0.0-rc.1');
    await program('etcd', 'echo etcd Version: 4.0.0');
    expect((await findAssets(folder)).version).toBe('2.0.0-rc.1');
  });
});
