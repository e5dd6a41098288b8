import { describe, expect, it } from 'vitest';

import type { LogOptions, LogRecord } from '../../../src/model/log.js';
import { LogSelection } from '../../../src/plan/log-selection.js';

const record = (second: number, text: string, more: Partial<LogRecord> = {}): LogRecord => ({
  time: `2026-01-01T00:00:0${second}Z`,
  stream: 'stdout',
  partial: !text.endsWith('\n'),
  content: Buffer.from(text),
  ...more,
});
const records = [
  record(1, 'one '),
  record(2, 'line\n'),
  record(3, 'error\n', { stream: 'stderr' }),
  record(4, 'last\n'),
];
const selected = (options: LogOptions) => {
  const selection = new LogSelection(options);
  const entries = records.map((each) => selection.take(each));
  return entries.map((entry) => Buffer.from(entry?.data ?? []).toString()).join('');
};
const at = (second: number) => `2026-01-01T00:00:0${second}.000000000Z`;

describe(LogSelection, () => {
  it.each<{ name: string; options: LogOptions; want: string }>([
    { name: 'passes everything by default', options: {}, want: 'one line\nerror\nlast\n' },
    { name: 'keeps one stream', options: { stream: 'stderr' }, want: 'error\n' },
    {
      name: 'leaves out older records',
      options: { sinceMs: Date.UTC(2026, 0, 1, 0, 0, 3) },
      want: 'error\nlast\n',
    },
    { name: 'cuts within a line', options: { limitBytes: 6 }, want: 'one li' },
    { name: 'cuts between lines', options: { limitBytes: 9 }, want: 'one line\n' },
    {
      name: 'writes the time only at the start of lines',
      options: { timestamps: true },
      want: `${at(1)} one line\n${at(3)} error\n${at(4)} last\n`,
    },
    {
      name: 'counts the time against the limit',
      options: { timestamps: true, limitBytes: 12 },
      want: '2026-01-01T0',
    },
  ])('$name', ({ options, want }) => {
    expect(selected(options)).toBe(want);
  });

  it('reports when its limit is used up', () => {
    const selection = new LogSelection({ limitBytes: 4 });
    expect(selection.full).toBe(false);
    selection.take(record(1, 'four'));
    expect(selection.full).toBe(true);
  });
});
