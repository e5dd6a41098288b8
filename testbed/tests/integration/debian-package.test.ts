import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { unpackPackage } from '../../src/debian-package.ts';
import { runCommand } from '../../src/index.ts';

const HELLO = { name: 'hello', suite: 'unstable', program: 'usr/bin/hello' } as const;
const NOWHERE = 'http://127.0.0.1:1/debian/';

describe(unpackPackage, () => {
  let cacheDir: string;
  beforeEach(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'packages-'));
  });
  afterEach(() => rm(cacheDir, { recursive: true }));

  it('downloads once, replacing the remains of a killed run', { timeout: 300_000 }, async () => {
    const ended = Number(await runCommand(['sh', '-c', 'echo $$']));
    await mkdir(join(cacheDir, `download-${ended}-half/lists/partial`), { recursive: true });
    await mkdir(join(cacheDir, `download-${process.ppid}-other`));
    const path = await unpackPackage(HELLO, { cacheDir });
    expect(await runCommand([path])).toBe('Hello, world!\n');
    const left = ['unstable-hello', `download-${process.ppid}-other`];
    expect(new Set(await readdir(cacheDir))).toEqual(new Set(left));
    expect(await unpackPackage(HELLO, { cacheDir, mirror: NOWHERE })).toBe(path);
  });

  it(
    'reports the reason when it cannot, and leaves nothing behind',
    { timeout: 300_000 },
    async () => {
      const toNowhere = unpackPackage(HELLO, { cacheDir, mirror: NOWHERE });
      await expect(toNowhere).rejects.toMatchObject({
        code: 'TESTBED_PROGRAM_MISSING',
        message: expect.stringMatching(
          /^package hello of Debian's unstable suite: .*127\.0\.0\.1:1/s,
        ),
      });
      expect(await readdir(cacheDir)).toEqual([]);
    },
  );
});
