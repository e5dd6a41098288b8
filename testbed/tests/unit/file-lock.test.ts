import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { withFileLock } from '../../src/file-lock.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('has one task at a time under a lock', async () => {
  const path = join(folder, 'lock');
  let busy = 0;
  let most = 0;
  const task = async (): Promise<void> => {
    most = Math.max(most, ++busy);
    await new Promise((resolve) => setTimeout(resolve, 20));
    busy -= 1;
  };
  await Promise.all([1, 2, 3].map(() => withFileLock(path, task)));
  expect(most).toBe(1);
});

it('gives the lock back after a task that failed', async () => {
  const path = join(folder, 'lock');
  const failed = withFileLock(path, () => Promise.reject(new Error('no room')));
  await expect(failed).rejects.toThrow('no room');
  expect(await withFileLock(path, () => Promise.resolve('done'))).toBe('done');
});

it('says which file cannot be locked', async () => {
  const path = join(folder, 'none/lock');
  await expect(withFileLock(path, () => Promise.resolve())).rejects.toThrow(path);
});
