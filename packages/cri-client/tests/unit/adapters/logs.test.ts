import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { containerId, type ContainerStatus, CriError } from '../../../src/index.js';
import { followLogs, readLog } from '../../../src/logs.js';

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

/** Knows one container, whose state the test sets. */
function oneContainer(logPath: string) {
  const told = { state: 'running' as ContainerStatus['state'] | 'gone' };
  const containerStatus = async (id: string): Promise<ContainerStatus> => {
    if (told.state === 'gone')
      throw new CriError('CRI_NOT_FOUND', `no ${id}`, { method: 'status' });
    return { id: containerId(id), logPath, state: told.state } as ContainerStatus;
  };
  return { told, runtime: { containerStatus } };
}

it.each(['exited', 'gone'] as const)(
  'follows a container by its id until it is %s',
  async (end) => {
    const path = join(folder, '0.log');
    await writeFile(path, line('one') + line('two'));
    const { told, runtime } = oneContainer(path);
    const steps = [
      async () => appendFile(path, line('three')),
      async () => {
        told.state = end;
        await appendFile(path, line('four'));
      },
    ];
    const seen: string[] = [];
    for await (const { data } of followLogs('c1', { runtime, tailRecords: 1 })) {
      seen.push(Buffer.from(data).toString());
      await steps.shift()?.();
    }
    expect(seen).toEqual(['two\n', 'three\n', 'four\n']);
  },
);

it('reads the log of a container once when it is not to follow', async () => {
  const path = join(folder, '0.log');
  await writeFile(path, line('one'));
  const { runtime } = oneContainer(path);
  const reading = followLogs('c1', { runtime, follow: false });
  expect(await reading.next()).toMatchObject({ done: false, value: { stream: 'stdout' } });
  expect(await reading.next()).toMatchObject({ done: true });
});

it('reports a container that is unknown or has no log, and ends with its signal', async () => {
  const { told, runtime } = oneContainer('');
  const first = (signal?: AbortSignal) => followLogs('c1', { runtime, signal }).next();
  await expect(first()).rejects.toMatchObject({ code: 'CRI_LOG_IO' });
  told.state = 'gone';
  await expect(first()).rejects.toMatchObject({ code: 'CRI_NOT_FOUND' });
  const path = join(folder, '0.log');
  await writeFile(path, line('one'));
  const signal = AbortSignal.abort(new Error('enough'));
  const following = followLogs('c1', { runtime: oneContainer(path).runtime, signal });
  await expect(following.next()).rejects.toThrow('enough');
});
