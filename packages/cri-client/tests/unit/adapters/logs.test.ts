import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { readLog } from '../../../src/logs.js';

const line = (text: string) => `2026-01-01T00:00:00Z stdout F ${text}\n`;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nodeagent-logs-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('follows a real file across its rotation, then ends with its container', async () => {
  const path = join(folder, '0.log');
  await writeFile(path, line('one'));
  let running = true;
  const steps = [
    async () => appendFile(path, line('two')),
    async () => {
      await rename(path, `${path}.1`);
      await writeFile(path, line('three'));
    },
    async () => void (running = false),
  ];
  const seen: string[] = [];
  const options = { follow: true, isRunning: async () => running };
  for await (const { data } of readLog(path, options, new AbortController().signal)) {
    seen.push(Buffer.from(data).toString());
    await steps.shift()?.();
  }
  expect(seen).toEqual(['one\n', 'two\n', 'three\n']);
});

it('names the file that cannot be read', async () => {
  const read = async (path: string): Promise<void> => {
    for await (const entry of readLog(path, {}, new AbortController().signal)) {
      throw new Error(`not expected: ${entry.time}`);
    }
  };
  await expect(read(join(folder, 'none.log'))).rejects.toMatchObject({ code: 'CRI_LOG_IO' });
  await expect(read(folder)).rejects.toMatchObject({
    code: 'CRI_LOG_IO',
    message: expect.stringContaining(folder),
  });
});
