import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { changeGroup } from '../../../src/volumes/adapters/volume-group.js';

describe(changeGroup, () => {
  let dir: string;
  let outside: string;
  const gid = process.getgid?.() ?? 0;
  beforeEach(async () => {
    const base = await mkdtemp(join(tmpdir(), 'group-'));
    [dir, outside] = [join(base, 'volume'), join(base, 'outside')];
    await mkdir(join(dir, 'sub'), { recursive: true });
    await writeFile(join(dir, 'sub/file'), '');
    await writeFile(outside, '');
    await symlink(outside, join(dir, 'link'));
    await chmod(join(dir, 'sub/file'), 0o600);
    await chmod(join(dir, 'sub'), 0o700);
    await chmod(dir, 0o700);
    await chmod(outside, 0o600);
  });
  afterEach(() => rm(join(dir, '..'), { recursive: true }));
  const modes = (): Promise<string[]> =>
    Promise.all(
      [dir, join(dir, 'sub'), join(dir, 'sub/file'), outside].map(async (path) =>
        ((await stat(path)).mode & 0o7777).toString(8),
      ),
    );

  it.each([
    [false, ['2770', '2770', '660', '600']],
    [true, ['2750', '2750', '640', '600']],
  ])('changes everything except the targets of links, read-only %s', async (readOnly, want) => {
    await changeGroup(dir, { gid, policy: 'Always', readOnly });
    expect(await modes()).toEqual(want);
  });

  it('checks only the root if the policy says so', async () => {
    const change = { gid, policy: 'OnRootMismatch', readOnly: false } as const;
    await changeGroup(dir, change);
    await chmod(join(dir, 'sub/file'), 0o600);
    await changeGroup(dir, change);
    expect((await modes())[2]).toBe('600');
    await chmod(dir, 0o770);
    await changeGroup(dir, change);
    expect((await modes())[2]).toBe('660');
  });
});
