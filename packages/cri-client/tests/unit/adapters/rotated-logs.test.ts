import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { readLogBytes } from '../../../src/logs.js';
import type { LogOptions } from '../../../src/model/log.js';

const line = (text: string) => `2026-01-01T00:00:00.5Z stdout F ${text}\n`;
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nodeagent-logs-'));
  path = join(folder, '0.log');
  await writeFile(path, line('present'));
  await writeFile(`${path}.20260103-000000`, line('third'));
  await writeFile(`${path}.20260102-000000.gz`, gzipSync(line('second')));
  await writeFile(`${path}.20260101-000000`, line('first'));
  await writeFile(`${path}.20260101-000000.gz`, gzipSync(line('first')));
  await writeFile(`${path}.20260102-000000.gz.tmp`, 'unfinished');
  await writeFile(`${path}.bak`, 'somebody else’s');
});
afterEach(() => rm(folder, { recursive: true }));

async function read(options: LogOptions): Promise<string> {
  const pieces: Uint8Array[] = [];
  const { signal } = new AbortController();
  for await (const piece of readLogBytes(path, { rotated: true, ...options }, signal)) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

it('reads rotated files in their order, compressed or not, each once', async () => {
  expect(await read({})).toBe('first\nsecond\nthird\npresent\n');
  expect(await read({ rotated: false })).toBe('present\n');
});

it('reads only as many of them as the tail needs', async () => {
  expect(await read({ tailRecords: 3 })).toBe('second\nthird\npresent\n');
});

it('does not open files that are too old', async () => {
  const old = new Date('2025-12-01T00:00:00Z');
  await utimes(`${path}.20260101-000000`, old, old);
  await utimes(`${path}.20260102-000000.gz`, old, old);
  const sinceMs = Date.parse('2026-01-01T00:00:00Z');
  expect(await read({ sinceMs })).toBe('third\npresent\n');
});

it('names the damaged file', async () => {
  await writeFile(`${path}.20260102-000000.gz`, gzipSync(line('second')).subarray(0, 12));
  await expect(read({})).rejects.toMatchObject({
    code: 'CRI_LOG_IO',
    method: expect.stringContaining('20260102'),
  });
});
