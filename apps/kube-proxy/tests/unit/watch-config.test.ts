import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { stampOf, watchConfig } from '../../src/watch-config.js';

describe(watchConfig, () => {
  const changed = { code: 'PROXY_CONFIG_CHANGED' };
  let path: string;
  let before: string;
  beforeEach(async () => {
    const dir = await mkdtemp(join(tmpdir(), 'watch-config-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    path = join(dir, 'config.yaml');
    await writeFile(path, 'mode: iptables');
    before = await stampOf(path);
  });

  it.each([
    ['written', () => utimes(path, new Date(), new Date(0))],
    [
      'replaced',
      async () => {
        await writeFile(`${path}.new`, 'mode: nftables');
        await rename(`${path}.new`, path);
      },
    ],
  ])('reports a file that was %s, also before the watch', async (_, act) => {
    const { signal } = new AbortController();
    const watching = watchConfig(path, before, signal);
    const expected = expect(watching).rejects.toMatchObject(changed);
    await act();
    await expected;
    await expect(watchConfig(path, before, signal)).rejects.toMatchObject(changed);
  });

  it('ends with its signal while nothing changes', async () => {
    const end = new AbortController();
    const watching = watchConfig(path, before, end.signal);
    setImmediate(() => end.abort());
    await expect(watching).resolves.toBeUndefined();
  });
});
