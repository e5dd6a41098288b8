import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createPodFiles } from '../../../src/runtime/adapters/pod-files.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodeagent-termination-'));
});
afterEach(() => rm(dir, { recursive: true }));

describe('the end of a file that a container wrote', () => {
  it('is refused if the container created pipes, and other file calls continue', async () => {
    const files = createPodFiles(dir);
    const pipes = Array.from({ length: 6 }, (_, i) => join(dir, `pipe${i}`));
    for (const pipe of pipes) execFileSync('mkfifo', [pipe]);
    const reads = pipes.map((pipe) => files.readTail(pipe, 4096, 'refused'));
    for (const read of await Promise.allSettled(reads)) {
      expect(read).toMatchObject({ status: 'rejected', reason: { code: 'FILE_KIND' } });
    }
    expect(await readFile('/etc/hostname', 'utf8')).not.toBe('');
  });

  it('is not read through a link', async () => {
    await writeFile(join(dir, 'secret'), 'hunter2');
    await symlink('secret', join(dir, 'message'));
    const read = createPodFiles(dir).readTail(join(dir, 'message'), 4096, 'refused');
    await expect(read).rejects.toMatchObject({ code: 'FILE_KIND' });
  });

  it('is empty if there is no file', async () => {
    expect(await createPodFiles(dir).readTail(join(dir, 'none'), 4096, 'refused')).toBe('');
  });
});
