import { spawn } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  AT_ONCE_TREE,
  QUEUED_TREE,
  removeTree,
  type TreeCalls,
} from '../../../src/adapters/files/index.js';

let dir: string;
let tree: string;
let outside: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'remove-tree-'));
  [tree, outside] = [join(dir, 'tree'), join(dir, 'outside')];
  await mkdir(outside);
  await writeFile(join(outside, 'precious'), '');
});
afterEach(() => removeTree(dir));

/** Files below a directory that this process has open. */
function openBelow(path: string): readonly string[] {
  return readdirSync('/proc/self/fd')
    .map((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return ''; // the listing's own
      }
    })
    .filter((target) => target === path || target.startsWith(`${path}/`));
}

/** Makes a chain of directories with names of maximum length, without ever using its whole path. */
function makeDeep(levels: number): void {
  mkdirSync(tree);
  const before = process.cwd();
  try {
    process.chdir(tree);
    for (let level = 0; level < levels; level += 1) {
      const name = `${level}-`.padEnd(255, 'x');
      mkdirSync(name);
      writeFileSync('file', '');
      process.chdir(name);
    }
  } finally {
    process.chdir(before);
  }
}

describe.each([
  ['on other threads', QUEUED_TREE],
  ['at once', AT_ONCE_TREE],
])('removeTree with calls %s', (_, calls) => {
  const remove = (path: string): Promise<void> => removeTree(path, { calls });

  it('removes everything below a directory; removes links but not their targets', async () => {
    await mkdir(join(tree, 'a/b'), { recursive: true });
    await mkdir(join(tree, 'empty'));
    await writeFile(join(tree, 'a/b/file'), '');
    await symlink(outside, join(tree, 'a/link'));
    await remove(tree);
    expect(await readdir(dir)).toEqual(['outside']);
    expect(await readdir(outside)).toEqual(['precious']);
  });

  it('removes a link or a file that has the name of the tree', async () => {
    await symlink(outside, tree);
    await remove(tree);
    await writeFile(tree, '');
    await remove(tree);
    expect(await readdir(dir)).toEqual(['outside']);
    expect(await readdir(outside)).toEqual(['precious']);
  });

  it('succeeds when there is nothing to remove', async () => {
    await remove(tree);
    await remove(join(tree, 'below/nothing'));
    expect(await readdir(dir)).toEqual(['outside']);
  });

  it('removes names that are not UTF-8', async () => {
    await mkdir(tree);
    await writeFile(Buffer.from(`${tree}/\xff\xfe`, 'latin1'), '');
    await mkdir(Buffer.from(`${tree}/\xc3(`, 'latin1'));
    await writeFile(Buffer.from(`${tree}/\xc3(/ä`, 'latin1'), '');
    await remove(tree);
    expect(await readdir(dir)).toEqual(['outside']);
  });

  it('removes 2,000 levels of long names', async () => {
    makeDeep(2000);
    await remove(tree);
    expect(await readdir(dir)).toEqual(['outside']);
  });

  it('does not follow a link that replaces a directory before it is entered', async () => {
    await mkdir(join(tree, 'victim'), { recursive: true });
    await writeFile(join(tree, 'victim/file'), '');
    const swapping: TreeCalls = {
      ...calls,
      open: (path, flags) => {
        if (String(path).endsWith('/victim')) {
          renameSync(join(tree, 'victim'), join(dir, 'moved'));
          symlinkSync(outside, join(tree, 'victim'));
        }
        return calls.open(path, flags);
      },
    };
    await removeTree(tree, { calls: swapping });
    expect(await readdir(outside)).toEqual(['precious']);
    expect(await readdir(dir)).toEqual(['moved', 'outside']);
  });

  it('does not follow a link that replaces a directory while it is emptied', async () => {
    await mkdir(join(tree, 'a/victim'), { recursive: true });
    for (const name of ['1', '2', 'precious']) await writeFile(join(tree, 'a/victim', name), '');
    let done = false;
    const swapping: TreeCalls = {
      ...calls,
      unlink: (path) => {
        if (!done) {
          done = true;
          renameSync(join(tree, 'a/victim'), join(dir, 'moved'));
          symlinkSync(outside, join(tree, 'a/victim'));
        }
        return calls.unlink(path);
      },
    };
    await removeTree(tree, { calls: swapping });
    expect(await readdir(outside)).toEqual(['precious']);
    expect(await readdir(dir)).toEqual(['moved', 'outside']);
    rmdirSync(join(dir, 'moved')); // the directory was emptied in its new place: the opened one belongs to the pod
  });

  it('continues above a deep directory that was moved away', async () => {
    makeDeep(150);
    let at = 0;
    const moving: TreeCalls = {
      ...calls,
      rmdir: (path) => {
        at += 1;
        // Deep inside, when the directories at the top are closed.
        if (at === 149) {
          const inner = join(tree, '0-'.padEnd(255, 'x'), '1-'.padEnd(255, 'x'));
          renameSync(join(inner, '2-'.padEnd(255, 'x')), join(dir, 'moved'));
        }
        return calls.rmdir(path);
      },
    };
    await removeTree(tree, { calls: moving });
    expect((await readdir(dir)).filter((name) => name !== 'moved')).toEqual(['outside']);
    expect(await readdir(outside)).toEqual(['precious']);
  });

  it('holds a few entries of a directory at once, however many there are', async () => {
    const count = 3000;
    mkdirSync(tree);
    for (let i = 0; i < count; i += 1) writeFileSync(join(tree, `file-${i}`), '');
    let read = 0;
    let removed = 0;
    let most = 0;
    const counting: TreeCalls = {
      ...calls,
      list: async (path) => {
        const listing = await calls.list(path);
        return {
          close: () => listing.close(),
          next: async () => {
            const entry = await listing.next();
            if (entry !== null) read += 1;
            most = Math.max(most, read - removed);
            return entry;
          },
        };
      },
      unlink: async (path) => {
        await calls.unlink(path);
        removed += 1;
      },
    };
    await removeTree(tree, { calls: counting });
    expect({ removed, most }).toEqual({ removed: count, most: 1 });
  });

  it('gives up on a directory in which other processes keep making files', async () => {
    await mkdir(tree);
    await writeFile(join(tree, '0'), '');
    let made = 0;
    const busy: TreeCalls = {
      ...calls,
      unlink: async (path) => {
        await calls.unlink(path);
        writeFileSync(join(tree, String((made += 1))), '');
      },
    };
    await expect(removeTree(tree, { calls: busy })).rejects.toMatchObject({ code: 'FILE_TREE' });
  });

  // Deeper than the directories that stay open. One at the top goes meanwhile, so that the walk has
  // to find its way back.
  it.each(['open', 'identity', 'mountOf'] as const)(
    'leaves no descriptor open when one is missing, at whichever call of %s',
    async (failing) => {
      const [first = '', second = ''] = [0, 1].map((level) => `${level}-`.padEnd(255, 'x'));
      for (let allowed = 0; ; allowed += 1) {
        makeDeep(70);
        let left = allowed;
        const spare = (call: typeof failing): void => {
          if (call === failing) left -= 1;
          if (left < 0) throw Object.assign(new Error('no descriptor'), { code: 'EMFILE' });
        };
        const starved: TreeCalls = {
          ...calls,
          rmdir: (path) => {
            const isDeepest = String(path).includes('/69-');
            if (isDeepest) renameSync(join(tree, first, second), join(dir, 'moved'));
            return calls.rmdir(path);
          },
          open: (path, flags) => (spare('open'), calls.open(path, flags)),
          identity: (fd) => (spare('identity'), calls.identity(fd)),
          mountOf: (fd) => (spare('mountOf'), calls.mountOf(fd)),
        };
        const outcome = await removeTree(tree, { calls: starved }).catch((error: unknown) => error);
        expect(openBelow(dir)).toEqual([]);
        if (outcome === undefined) break;
        const message = expect.stringContaining('no descriptor') as string;
        expect(outcome).toMatchObject({ message });
        for (const name of ['tree', 'moved']) await removeTree(join(dir, name));
      }
      expect(await readdir(dir)).not.toContain('tree');
    },
  );

  it('stops when its signal fires', async () => {
    await mkdir(join(tree, 'a'), { recursive: true });
    const why = new Error('stopped');
    const stopped = removeTree(tree, { calls, signal: AbortSignal.abort(why) });
    await expect(stopped).rejects.toBe(why);
  });
});

describe('while another process exchanges a directory and a link', () => {
  it('removes nothing outside the tree', async () => {
    const [a, b] = [join(dir, 'a'), join(dir, 'b')];
    const exchanger = spawn(
      'perl',
      [join(import.meta.dirname, 'exchanger.pl'), `${a}/in`, `${b}/in`],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    try {
      await new Promise((resolve) => exchanger.stdout.once('data', resolve));
      for (let round = 0; round < 400; round += 1) {
        mkdirSync(join(a, 'in/deeper'), { recursive: true });
        mkdirSync(b, { recursive: true });
        for (let i = 0; i < 20; i += 1) writeFileSync(join(a, 'in/deeper', `precious${i}`), '');
        symlinkSync(outside, join(b, 'in'));
        // Either name may be the link at the moment of removal.
        await removeTree(a);
        expect(await readdir(outside)).toEqual(['precious']);
        rmSync(join(b, 'in'), { force: true, recursive: true });
      }
    } finally {
      exchanger.stdin.end();
      await new Promise((resolve) => exchanger.once('exit', resolve));
    }
  });
});
