import { mkdtemp, readFile, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { CommandHelper } from '../../src/volumes/adapters/command-helper.js';
import { createMounter } from '../../src/volumes/adapters/mounter.js';
import { hasNoswap, tryNoswap } from '../../src/volumes/adapters/try-noswap.js';

const helper = new CommandHelper();
const mounts = () => readFile('/proc/self/mountinfo', 'utf8');

describe('the kernel says whether a tmpfs can be kept out of the swap', () => {
  it('where it can, as by its version', async () => {
    const before = await mounts();
    expect(await tryNoswap(helper)).toBe(await hasNoswap(helper));
    expect(await mounts()).toBe(before);
  });

  it('and every tmpfs is kept out of it then', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'noswap-'));
    const { signal } = new AbortController();
    const mounter = createMounter();
    await mounter.mountTmpfs(dir, { sizeBytes: 65_536 }, signal);
    const line = (await mounts()).split('\n').find((each) => each.includes(` ${dir} `));
    await mounter.unmount(dir, signal);
    await rmdir(dir);
    expect(line).toMatch((await mounter.avoidsSwap()) ? /[ ,]noswap/ : / tmpfs rw/);
  });

  it('where it cannot: in a user namespace', async () => {
    const inside = (command: readonly string[]) =>
      helper.run(['unshare', '--user', '--map-root-user', ...command]);
    expect(await tryNoswap({ run: inside })).toBe(false);
  });
});
