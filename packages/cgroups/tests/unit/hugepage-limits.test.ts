import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { writeHugepageLimits } from '../../src/adapters/hugepage-limits.js';

describe(writeHugepageLimits, () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'hugepage-limits-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it.each([
    [2, ['hugetlb.2MB.max', 'hugetlb.2MB.rsvd.max']],
    [1, ['hugetlb.2MB.limit_in_bytes', 'hugetlb.2MB.rsvd.limit_in_bytes']],
    [1, ['hugetlb.2MB.limit_in_bytes']],
  ] as const)('writes the files that version %s has: %j', async (version, files) => {
    for (const file of files) await writeFile(join(dir, file), '');
    writeHugepageLimits(dir, { '2MB': 4_194_304, '1GB': 0 }, version);
    expect((await readdir(dir)).sort()).toEqual([...files].sort());
    for (const file of files) expect(await readFile(join(dir, file), 'utf8')).toBe('4194304');
  });

  it.each([
    [2, 'hugetlb.1GB.max', 'max'],
    [1, 'hugetlb.1GB.limit_in_bytes', '-1'],
  ] as const)('writes no limit as version %s has it, to %s: %s', async (version, file, text) => {
    await writeFile(join(dir, file), '');
    writeHugepageLimits(dir, { '1GB': -1 }, version);
    expect(await readFile(join(dir, file), 'utf8')).toBe(text);
  });
});
