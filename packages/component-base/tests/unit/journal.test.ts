import { closeSync, fstatSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { leadsToJournal, priorityMark } from '../../src/adapters/journal.js';
import { openLogs } from '../../src/adapters/process.js';

describe('priorityMark', () => {
  it.each([
    [20, '<7>'],
    [30, '<6>'],
    [40, '<4>'],
    [50, '<3>'],
    [60, '<3>'],
  ])('of level %i is %s', (level, mark) => {
    expect(priorityMark(level)).toBe(mark);
  });
});

const file = join(tmpdir(), `journal-${process.pid}`);
let descriptor: number;
let identity: string;
beforeEach(() => {
  descriptor = openSync(file, 'w');
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  identity = `${dev}:${ino}`;
});
afterEach(() => {
  closeSync(descriptor);
  rmSync(file);
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('leadsToJournal', () => {
  it('knows the stream that systemd has named', () => {
    expect(leadsToJournal(descriptor, { JOURNAL_STREAM: identity })).toBe(true);
    expect(leadsToJournal(descriptor, { JOURNAL_STREAM: `${identity}0` })).toBe(false);
    expect(leadsToJournal(descriptor, {})).toBe(false);
    expect(leadsToJournal(descriptor, { JOURNAL_STREAM: '' })).toBe(false);
  });

  it('is false for a descriptor that is closed', () => {
    expect(leadsToJournal(1 << 20, { JOURNAL_STREAM: identity })).toBe(false);
  });
});

describe('logs that the journal reads', () => {
  it.each(['text', 'json'] as const)('have their priority in front (%s)', (format) => {
    const { dev, ino } = fstatSync(2, { bigint: true });
    vi.stubEnv('JOURNAL_STREAM', `${dev}:${ino}`);
    const lines: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    const { log } = openLogs({ program: 'demo', format, verbosity: 2 });
    log.debug({}, 'a change');
    log.info({}, 'news');
    log.warn({}, 'odd');
    log.error({}, 'broken');
    expect(lines.map((line) => line.slice(0, 3))).toEqual(['<7>', '<6>', '<4>', '<3>']);
  });
});
