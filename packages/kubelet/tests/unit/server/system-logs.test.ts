import { mkdtemp, readdir, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

import { afterEach, expect, it } from 'vitest';

import { createSystemLogs } from '../../../src/server/adapters/system-logs.js';

const made: string[] = [];
afterEach(() => Promise.all(made.splice(0).map((dir) => rm(dir, { recursive: true }))));

/** The number of times that this process has the file open. */
async function timesOpen(path: string): Promise<number> {
  const links = (await readdir('/proc/self/fd')).map((fd) =>
    readlink(`/proc/self/fd/${fd}`).catch(() => 'closed meanwhile'),
  );
  return (await Promise.all(links)).filter((link) => link === path).length;
}

it('a log file is open only while it is read', async () => {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'system-logs-')));
  made.push(dir);
  const path = join(dir, 'a.log');
  await writeFile(path, 'said');
  const found = await createSystemLogs(dir).find('a.log');
  if (found?.kind !== 'file') throw new Error('no file was found');
  expect(await timesOpen(path)).toBe(0);
  expect(String(await buffer(found.read()))).toBe('said');
  await expect.poll(() => timesOpen(path)).toBe(0);
});
