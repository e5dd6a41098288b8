import { execFileSync } from 'node:child_process';
import { mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  openForeignFile,
  readForeignFile,
  readForeignTail,
  readForeignText,
  removeTree,
} from '../../../src/adapters/files/index.js';

const REFUSED = { links: 'refused', limitBytes: 10 } as const;
const FOLLOWED = { links: 'followed', limitBytes: 10 } as const;

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'foreign-file-'));
  path = join(dir, 'file');
});
afterEach(() => removeTree(dir));

describe(readForeignFile, () => {
  it.each(['', 'ten bytes!'])('reads %j', async (text) => {
    await writeFile(path, text);
    expect(await readForeignText(path, REFUSED)).toBe(text);
  });

  it('returns undefined when there is no file', async () => {
    expect(await readForeignFile(path, REFUSED)).toBeUndefined();
    expect(await readForeignTail(path, REFUSED)).toBeUndefined();
  });

  it('refuses a file larger than the limit', async () => {
    await writeFile(path, 'eleven byte');
    await expect(readForeignFile(path, REFUSED)).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
  });

  it('follows a link only with the option `followed`', async () => {
    await writeFile(path, 'text');
    await symlink('file', join(dir, 'link'));
    expect(await readForeignText(join(dir, 'link'), FOLLOWED)).toBe('text');
    const refused = readForeignText(join(dir, 'link'), REFUSED);
    await expect(refused).rejects.toMatchObject({ code: 'FILE_KIND', message: /is a link/ });
  });

  it.each([REFUSED, FOLLOWED])('does not wait for the writer of a pipe: %j', async (how) => {
    execFileSync('mkfifo', [path]);
    // More pipes than threads for file calls: calls that waited would block everything else.
    const reads = Array.from({ length: 8 }, () => readForeignFile(path, how));
    for (const read of await Promise.allSettled(reads)) {
      expect(read).toMatchObject({ status: 'rejected', reason: { code: 'FILE_KIND' } });
    }
    await expect(openForeignFile(path, how)).rejects.toMatchObject({ code: 'FILE_KIND' });
  });

  it.each(['/dev/null', tmpdir()])('refuses %s', async (what) => {
    await expect(readForeignFile(what, FOLLOWED)).rejects.toMatchObject({ code: 'FILE_KIND' });
  });

  it('refuses a socket', async () => {
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      await expect(readForeignFile(path, REFUSED)).rejects.toMatchObject({ code: 'FILE_KIND' });
    } finally {
      server.close();
    }
  });
});

describe(readForeignTail, () => {
  it('reads the end of a longer file', async () => {
    await writeFile(path, 'the last ten bytes');
    expect(String(await readForeignTail(path, REFUSED))).toBe(' ten bytes');
    await writeFile(path, 'short');
    expect(String(await readForeignTail(path, REFUSED))).toBe('short');
  });
});
