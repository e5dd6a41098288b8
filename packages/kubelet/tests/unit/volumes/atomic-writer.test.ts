import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import * as atomicWriter from '../../../src/volumes/adapters/atomic-writer.js';
import { AT_ONCE, QUEUED } from '../../../src/volumes/adapters/file-calls.js';
import type { Payload } from '../../../src/volumes/model/payload.js';
import type { PayloadOwner } from '../../../src/volumes/ports.js';

const files = (entries: Readonly<Record<string, string>>, mode = 0o644): Payload =>
  new Map(
    Object.entries(entries).map(([path, text]) => [path, { content: Buffer.from(text), mode }]),
  );

describe.each([
  ['for disks', QUEUED],
  ['for memory', AT_ONCE],
])('writePayload with calls %s', (_, calls) => {
  let dir: string;
  const writePayload = (path: string, payload: Payload, owner: PayloadOwner): Promise<void> =>
    atomicWriter.writePayload(path, payload, { owner, calls });
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'payload-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  const read = (path: string): Promise<string> => readFile(join(dir, path), 'utf8');
  const visible = async (): Promise<string[]> =>
    (await readdir(dir)).filter((name) => !name.startsWith('..')).sort();

  it('shows files through links, nested ones too, with their modes', async () => {
    await writePayload(dir, files({ token: 't', 'etc/app/config': 'c' }, 0o600), {});
    expect(await visible()).toEqual(['etc', 'token']);
    expect(await read('etc/app/config')).toBe('c');
    expect(await readlink(join(dir, 'token'))).toBe('..data/token');
    expect((await stat(join(dir, 'token'))).mode & 0o777).toBe(0o600);
  });

  it('writes nothing if nothing changed', async () => {
    await writePayload(dir, files({ a: '1' }), {});
    const before = await readlink(join(dir, '..data'));
    await writePayload(dir, files({ a: '1' }), {});
    expect(await readlink(join(dir, '..data'))).toBe(before);
  });

  it.each([
    { what: 'content', next: files({ a: '2' }), want: ['a'] },
    { what: 'a mode', next: files({ a: '1' }, 0o400), want: ['a'] },
    { what: 'a name', next: files({ b: '1' }), want: ['b'] },
    { what: 'everything to nothing', next: files({}), want: [] },
  ])('replaces all files if $what changed, and leaves nothing behind', async ({ next, want }) => {
    await writePayload(dir, files({ a: '1' }), {});
    await writePayload(dir, next, {});
    expect(await visible()).toEqual(want);
    expect((await readdir(dir)).filter((name) => name.startsWith('..'))).toHaveLength(2);
  });

  it('continues after a killed writer', async () => {
    await writePayload(dir, files({ a: '1' }), {});
    await mkdir(join(dir, '..2026_01_01_00_00_00.dead'));
    await writePayload(dir, files({ a: '1' }), {});
    expect(await readdir(dir)).not.toContain('..2026_01_01_00_00_00.dead');
    expect(await read('a')).toBe('1');
  });

  it('lets the owning group read', async () => {
    const gid = process.getgid?.() ?? 0;
    await writePayload(dir, files({ a: '1', 'b/c': '2' }, 0o400), { gid });
    const mode = async (path: string): Promise<number> =>
      (await stat(join(dir, path))).mode & 0o7777;
    expect(await Promise.all(['a', 'b/c', 'b', '.'].map(mode))).toEqual([
      0o440, 0o440, 0o2755, 0o2750,
    ]);
  });

  it('shortens paths', async () => {
    await writePayload(dir, files({ './a': '1', 'b//./c': '2', 'd/': '3' }), {});
    expect(await visible()).toEqual(['a', 'b', 'd']);
    expect([await read('a'), await read('b/c'), await read('d')]).toEqual(['1', '2', '3']);
    const before = await readlink(join(dir, '..data'));
    await writePayload(dir, files({ a: '1', 'b/c': '2', d: '3' }), {});
    expect(await readlink(join(dir, '..data'))).toBe(before);
  });

  it.each(['../a', '/a', 'a/../b', '..a', '', 'x'.repeat(256), '.', './', './..data', 'a\0b'])(
    'refuses the path %j',
    async (path) => {
      await expect(writePayload(dir, files({ [path]: '1' }), {})).rejects.toMatchObject({
        code: 'VOLUME_SOURCE',
      });
      expect(await readdir(dir)).toEqual([]);
    },
  );
});
