import { mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createPodFiles } from '../../../src/runtime/adapters/pod-files.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodeagent-pod-files-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('the resolver configuration of the host', () => {
  it('is current after a write and after a replacement', async () => {
    const files = createPodFiles(dir);
    const path = join(dir, 'resolv.conf');
    await writeFile(path, 'nameserver 192.0.2.1\n');
    expect(await files.resolvConf(path)).toBe('nameserver 192.0.2.1\n');
    expect(await files.resolvConf(path)).toBe('nameserver 192.0.2.1\n');
    await writeFile(path, 'nameserver 192.0.2.20\n');
    expect(await files.resolvConf(path)).toBe('nameserver 192.0.2.20\n');
    await writeFile(`${path}.new`, 'nameserver 192.0.2.30\n'); // as long as the one before
    await rename(`${path}.new`, path);
    expect(await files.resolvConf(path)).toBe('nameserver 192.0.2.30\n');
  });

  it('fails to read if it is missing or far too long', async () => {
    const files = createPodFiles(dir);
    const path = join(dir, 'resolv.conf');
    await expect(files.resolvConf(path)).rejects.toMatchObject({ code: 'ENOENT' });
    await writeFile(path, '');
    await truncate(path, 10 * 1024 * 1024 + 1);
    await expect(files.resolvConf(path)).rejects.toThrow('larger than 10 MiB');
  });
});
