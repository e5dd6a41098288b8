import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { KeptFiles } from '../../src/adapters/kept-files.js';

const root = mkdtempSync(join(tmpdir(), 'kept-files-'));
const NAMES = ['a', 'b', 'missing'];

const made: KeptFiles[] = [];

afterEach(() => {
  for (const kept of made.splice(0)) {
    kept.closeUnused();
    kept.closeUnused();
  }
  for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
});

function setUp(most = 100): KeptFiles {
  for (const directory of ['one', 'two']) {
    mkdirSync(join(root, directory));
    for (const name of ['a', 'b'])
      writeFileSync(join(root, directory, name), `${directory} ${name}`);
  }
  const kept = new KeptFiles({
    ...{ count: NAMES.length, most, buffer: Buffer.alloc(4096) },
    pathOf: (directory, at) => join(root, directory, NAMES[at] ?? ''),
  });
  made.push(kept);
  return kept;
}

const readAll = (kept: KeptFiles, path: string, isNew = false): readonly (string | undefined)[] => {
  const directory = kept.directory(path, isNew);
  return NAMES.map((_, at) => kept.read(directory, at));
};

/** Files that this process has open below the test's own directory. */
function openPaths(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)].filter((path) => path.startsWith(root));
    } catch {
      return []; // the listing's own
    }
  });
}

describe(KeptFiles, () => {
  it('reads what is in a file now, with the file open', () => {
    const kept = setUp();
    expect(readAll(kept, 'one')).toEqual(['one a', 'one b', undefined]);
    writeFileSync(join(root, 'one', 'a'), 'new');
    expect(readAll(kept, 'one')).toEqual(['new', 'one b', undefined]);
    expect(kept.open).toBe(2);
    expect(openPaths()).toHaveLength(2);
  });

  it('looks again for missing files on request', () => {
    const kept = setUp();
    readAll(kept, 'one');
    writeFileSync(join(root, 'one', 'missing'), 'here');
    expect(readAll(kept, 'one')[2]).toBeUndefined();
    expect(readAll(kept, 'one', true)[2]).toBe('here');
  });

  it('closes what was not read between two looks', () => {
    const kept = setUp();
    readAll(kept, 'one');
    readAll(kept, 'two');
    kept.closeUnused();
    readAll(kept, 'two');
    kept.closeUnused();
    expect(openPaths().every((path) => path.includes('/two/'))).toBe(true);
    expect(kept.open).toBe(2);
    kept.closeUnused();
    expect([kept.open, openPaths()]).toEqual([0, []]);
    expect(readAll(kept, 'one')[0]).toBe('one a');
  });

  it('reads on, but keeps no more than it may', () => {
    const kept = setUp(3);
    expect(readAll(kept, 'one')).toEqual(['one a', 'one b', undefined]);
    expect(readAll(kept, 'two')).toEqual(['two a', 'two b', undefined]);
    expect(readAll(kept, 'two')).toEqual(['two a', 'two b', undefined]);
    expect(openPaths()).toHaveLength(3);
  });
});
