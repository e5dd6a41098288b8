import files from 'node:fs';
import { mkdtemp, readdir, readlink, realpath, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { createSubPaths } from '../../../src/volumes/adapters/sub-path.js';

beforeEach(() => {
  const error = new Error('EPERM: operation not permitted, chmod');
  vi.spyOn(files.promises, 'chmod').mockRejectedValue(error);
  syncBuiltinESMExports();
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

const made: string[] = [];
afterEach(() => Promise.all(made.splice(0).map((dir) => rm(dir, { recursive: true }))));

it('a directory whose mode cannot be changed leaves no open handle', async () => {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'sub-paths-')));
  made.push(dir);
  const unused = () => Promise.reject(new Error('nothing is mounted'));
  const mounter = { bind: unused, unmount: unused } as never;
  const request = { volumeDir: dir, subPath: 'a/b', target: join(dir, 'target') } as never;
  const { signal } = new AbortController();
  await expect(createSubPaths(mounter).bind(request, signal)).rejects.toThrow('EPERM');
  const open = (await readdir('/proc/self/fd')).map((fd) =>
    readlink(`/proc/self/fd/${fd}`).catch(() => 'closed meanwhile'),
  );
  expect((await Promise.all(open)).filter((path) => path.startsWith(dir))).toEqual([]);
});
