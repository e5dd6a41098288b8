import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeTree } from '@nodeagent/base/files';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createDirectoryReadings } from '../../../src/stats/adapters/directory-readings.js';
import { AT_ONCE, QUEUED } from '../../../src/volumes/adapters/file-calls.js';
import { createVolumeFiles } from '../../../src/volumes/adapters/volume-files.js';
import { changeGroup } from '../../../src/volumes/adapters/volume-group.js';

const EXCHANGER = join(import.meta.dirname, '../../../../base/tests/unit/files/exchanger.pl');
const { signal } = new AbortController();

let dir: string;
let pod: string;
let outside: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'removal-'));
  [pod, outside] = [join(dir, 'pod'), join(dir, 'outside')];
  for (const each of [pod, outside]) await mkdir(each);
  await writeFile(join(outside, 'precious0'), '');
});
afterEach(() => removeTree(dir));

/** A chain of directories too deep for any path. */
function makeDeep(levels: number): void {
  const before = process.cwd();
  try {
    process.chdir(pod);
    for (let level = 0; level < levels; level += 1) {
      const name = `${level}-`.padEnd(255, 'x');
      mkdirSync(name);
      process.chdir(name);
    }
    writeFileSync('file', 'x');
  } finally {
    process.chdir(before);
  }
}

describe('a volume with 2,000 levels of long names', () => {
  it('is removed', async () => {
    makeDeep(2000);
    await createVolumeFiles().removeTree(pod);
    expect(await readdir(dir)).toEqual(['outside']);
  });

  it('is measured completely', async () => {
    makeDeep(2000);
    const measured = await createDirectoryReadings().measure(pod, signal);
    expect(measured?.inodesUsed).toBe(2002);
  });

  it('is given to a group completely', async () => {
    makeDeep(2000);
    const gid = process.getgid?.() ?? 0;
    const change = { gid, policy: 'Always', readOnly: false } as const;
    await expect(changeGroup(pod, change)).resolves.toBeUndefined();
  });
});

describe('while a container exchanges a directory and a link out of its volume', () => {
  const removers = [
    ['of a pod', (path: string) => createVolumeFiles().removeTree(path)],
    ['on a disk', async (path: string) => QUEUED.remove(path)],
    ['in memory', async (path: string) => AT_ONCE.remove(path)],
  ] as const;
  it.each(removers)('removal of volumes %s leaves files outside alone', async (_, remove) => {
    const [a, b] = [join(pod, 'a'), join(pod, 'b')];
    const exchanger = spawn('perl', [EXCHANGER, `${a}/in`, `${b}/in`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => exchanger.stdout.once('data', resolve));
      for (let round = 0; round < 100; round += 1) {
        mkdirSync(join(a, 'in'), { recursive: true });
        mkdirSync(b, { recursive: true });
        for (let i = 0; i < 50; i += 1) writeFileSync(join(a, 'in', `precious${i}`), '');
        symlinkSync(outside, join(b, 'in'));
        await remove(a);
        expect(await readdir(outside)).toEqual(['precious0']);
        await rm(join(b, 'in'), { force: true, recursive: true });
      }
    } finally {
      exchanger.stdin.end();
      await new Promise((resolve) => exchanger.once('exit', resolve));
    }
  });
});
