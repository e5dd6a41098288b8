import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { containerId, CriError } from '@nodeagent/cri-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createRotationFiles } from '../../../src/adapters/index.js';
import { planRotation, rotatedName } from '../../../src/logs/plan/log-rotation.js';
import { runLogRotation } from '../../../src/logs/run/index.js';

describe(planRotation, () => {
  const [a, b, c, d] = ['20260101-000000', '20260102-000000', '20260103-000000', '20260104-000000'];
  it.each([
    { name: 'no rotated file', files: [], plan: [] },
    { name: 'one rotated file', files: [`0.log.${a}`], plan: [`compress 0.log.${a}`] },
    {
      name: 'the maximum number of files',
      files: [`0.log.${a}.gz`, `0.log.${b}.gz`, `0.log.${c}.gz`, `0.log.${d}`],
      plan: [`remove 0.log.${a}.gz`, `compress 0.log.${d}`],
    },
    {
      name: 'the remains of a killed kubelet',
      files: [`0.log.${a}.gz.tmp`, `0.log.${b}`, `0.log.${b}.gz`, `0.log.${c}.tmp`],
      plan: [`remove 0.log.${a}.gz.tmp`, `remove 0.log.${b}`, `remove 0.log.${c}.tmp`],
    },
    {
      name: 'unrelated files',
      files: ['0.log', '1.log', `1.log.${a}`, '0.log.bak', `0.log.${a}x`, `10.log.${a}`],
      plan: [],
    },
    {
      name: 'one file when maxFiles is two',
      maxFiles: 2,
      files: [`0.log.${a}.gz`, `0.log.${b}`],
      plan: [`remove 0.log.${a}.gz`, `remove 0.log.${b}`],
    },
  ])('makes room beside $name', ({ files, plan, maxFiles = 5 }) => {
    const steps = planRotation('0.log', ['0.log', ...files], maxFiles);
    expect(steps.map(({ kind, name }) => `${kind} ${name}`)).toEqual(plan);
  });

  it('names a rotated log by the local time', () => {
    const noon = new Date(2026, 0, 2, 12, 3, 4).getTime();
    expect(rotatedName('/x/0.log', noon)).toBe('/x/0.log.20260102-120304');
  });
});

describe(runLogRotation, () => {
  let directory: string;
  let path: string;
  let clock: ManualClock;
  let log: MemoryLogger;
  let reopened: number;
  let failReopen: boolean;
  let asked: number;
  let end: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rotation-'));
    path = join(directory, '0.log');
    [clock, log, reopened, failReopen] = [new ManualClock(), new MemoryLogger(), 0, false];
    asked = 0;
    end = new AbortController();
  });
  afterEach(async () => {
    end.abort(new Error('the test is over'));
    await running;
    await rm(directory, { recursive: true });
  });

  function start(maxBytes = 100): void {
    running = runLogRotation(
      {
        ...{ maxBytes, clock, log },
        ...{ maxFiles: 3, workers: 1, periodMs: 10_000 },
        files: createRotationFiles(),
        cri: {
          listContainers: async () => [{ id: containerId('c') }] as never,
          containerStatus: async () => {
            asked += 1;
            return { state: 'running', logPath: path } as never;
          },
          reopenContainerLog: async () => {
            if (failReopen) throw new CriError('CRI_UNAVAILABLE', 'away', { method: 'Reopen' });
            await writeFile(path, '');
            reopened += 1;
          },
        },
      },
      end.signal,
    );
  }
  const names = async () => (await readdir(directory)).sort();
  const until = async (is: () => Promise<boolean> | boolean): Promise<void> => {
    while (!(await is())) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('leaves small logs alone', async () => {
    await writeFile(path, 'x'.repeat(99));
    start();
    await until(async () => clock.sleeping > 0);
    expect([await names(), reopened]).toEqual([['0.log'], 0]);
  });

  it('renames the log, asks the runtime to reopen it, and compresses the previous rotated file', async () => {
    const old = new Date(2026, 0, 1);
    for (const [i, round] of ['first', 'second', 'third'].entries()) {
      await writeFile(path, round.repeat(100));
      await utimes(path, old, old);
      if (i === 0) start();
      await until(() => clock.sleeping > 0);
      if (i > 0) await clock.advance(10_000);
      await until(() => reopened > i);
    }
    const [present, packed = '', plain = ''] = await names();
    expect(present).toBe('0.log');
    expect(packed).toMatch(/^0\.log\.\d{8}-\d{6}\.gz$/);
    expect(gunzipSync(await readFile(join(directory, packed))).toString()).toBe(
      'second'.repeat(100),
    );
    expect((await stat(join(directory, packed))).mtime).toEqual(old);
    expect(await readFile(join(directory, plain), 'utf8')).toBe('third'.repeat(100));
  });

  it('restores the name when the runtime keeps writing to the old file', async () => {
    await writeFile(path, 'x'.repeat(100));
    failReopen = true;
    start();
    await until(() => log.lines.some(({ message }) => message === 'log not rotated'));
    expect(await names()).toEqual(['0.log']);
  });

  it('asks the runtime to reopen a missing log', async () => {
    start();
    await until(async () => reopened > 0 && (await names()).length > 0);
    expect(await names()).toEqual(['0.log']);
  });

  it('asks for the log path of a container only once', async () => {
    await writeFile(path, 'x'.repeat(99));
    start();
    for (let round = 0; round < 3; round += 1) {
      await until(() => clock.sleeping > 0);
      await clock.advance(10_000);
    }
    await writeFile(path, 'x'.repeat(100));
    await until(() => clock.sleeping > 0);
    await clock.advance(10_000);
    await until(() => reopened > 0);
    expect(asked).toBe(1);
  });

  it('does nothing when the size limit is negative', async () => {
    await writeFile(path, 'x'.repeat(1000));
    start(-1);
    await running;
    expect(await names()).toEqual(['0.log']);
  });
});
