import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { createLogLinks } from '../../../src/reclaim/adapters/log-links.js';

const { signal } = new AbortController();
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'log-links-'));
});
afterEach(() => rm(dir, { recursive: true }));

it('finds the links whose log is missing, and no other files', async () => {
  const links = createLogLinks(join(dir, 'links'));
  expect(await links.dangling(signal)).toEqual([]);
  await mkdir(join(dir, 'links/folder.log'), { recursive: true });
  await writeFile(join(dir, '0.log'), '');
  await writeFile(join(dir, 'links/file.log'), '');
  await symlink(join(dir, '0.log'), join(dir, 'links/whole.log'));
  await symlink(join(dir, '1.log'), join(dir, 'links/lost-1.log'));
  await symlink(join(dir, '0.log/1.log'), join(dir, 'links/lost-2.log'));
  await symlink('loop.log', join(dir, 'links/loop.log'));
  await symlink(join(dir, '1.log'), join(dir, 'links/lost.txt'));
  const found = ['loop.log', 'lost-1.log', 'lost-2.log'];
  expect([...(await links.dangling(signal))].sort()).toEqual(found);
  for (const name of [...found, 'unknown.log']) await links.remove(name);
  const left = ['file.log', 'folder.log', 'lost.txt', 'whole.log'];
  expect((await readdir(join(dir, 'links'))).sort()).toEqual(left);
});
