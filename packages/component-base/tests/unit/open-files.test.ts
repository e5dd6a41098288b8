import { readFileSync } from 'node:fs';

import { MemoryLogger } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import { limitOpenFiles } from '../../src/adapters/process.js';

function limits(): readonly [soft: number, hard: number] {
  const text = readFileSync(`/proc/${process.pid}/limits`, 'utf8');
  const [, soft = '', hard = ''] = /^Max open files +(\d+) +(\d+)/m.exec(text) ?? [];
  return [Number(soft), Number(hard)];
}

describe(limitOpenFiles, () => {
  it('sets both limits of this process', async () => {
    const [, hard] = limits();
    const log = new MemoryLogger();
    await limitOpenFiles(hard - 1, log);
    expect(limits()).toEqual([hard - 1, hard - 1]);
    expect(log.lines).toEqual([]);
  });

  it('logs a limit that the kernel refuses, and keeps the old one', async () => {
    const before = limits();
    const log = new MemoryLogger();
    await limitOpenFiles(2 ** 40, log);
    expect(limits()).toEqual(before);
    expect(log.lines).toMatchObject([
      { level: 'warn', message: 'cannot set the limit of open files' },
    ]);
  });
});
