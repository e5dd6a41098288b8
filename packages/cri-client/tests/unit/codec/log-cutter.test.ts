import { describe, expect, it } from 'vitest';

import { ByteCutter, EntryCutter, type LogCutter } from '../../../src/codec/log-cutter.js';
import type { LogOptions } from '../../../src/model/log.js';

function outcome<T>(
  cutter: LogCutter<T>,
  blocks: readonly Buffer[],
  show: (piece: T) => Buffer,
): string {
  const pieces: Buffer[] = [];
  // copies: a cutter may write to its blocks
  for (const block of blocks)
    for (const one of cutter.take(Buffer.from(block))) pieces.push(Buffer.from(show(one)));
  for (const one of cutter.finish()) pieces.push(Buffer.from(show(one)));
  return Buffer.concat(pieces).toString();
}

const asBytes = (piece: Uint8Array): Buffer => Buffer.from(piece);
const text = [
  '2026-01-01T00:00:00.000000001Z stdout F plain',
  '2026-01-01T00:00:00.12Z stdout F short time',
  '2026-01-01T00:00:00Z stdout F no fraction',
  '2026-01-01T00:00:00Z stdout F x',
  '2026-01-01T01:00:00.000000002+01:00 stderr F elsewhere',
  '2026-01-01T01:00:00.5-01:00 stderr F elsewhere, short',
  '2026-01-01T00:00:00.000000003Z stdout P part one, ',
  '2026-01-01T00:00:00.000000004Z stderr F between',
  '2026-01-01T00:00:00.000000005Z stdout P:x part two, ',
  '2026-01-01T00:00:00.000000006Z stdout F:x the end',
  '2026-01-01T00:00:00.000000007Z stdin F nobody says this',
  '2026-01-01T00:00:00.00000000xZ stdout F not a time',
  '2026-01-01T00:00:00.000000008',
  'noise',
  '',
  '2026-01-01T00:00:00.000000009Z stdout F ',
  '2026-01-01T00:00:00.000000010Z stdout F grüße 🎉',
  '2026-01-01T00:00:00.000000011Z stdout F last, without an end',
].join('\n');
const options: readonly LogOptions[] = [
  {},
  { timestamps: true },
  { stream: 'stdout' },
  { stream: 'stderr', timestamps: true },
  { sinceMs: Date.parse('2026-01-01T00:00:00.1Z') },
  { limitBytes: 40 },
];

describe(ByteCutter, () => {
  it.each(options)('says the same as by records, however the blocks fall: %j', (wanted) => {
    const bytes = Buffer.from(text);
    const byRecords = outcome(new EntryCutter('x', wanted), [bytes], ({ data }) => asBytes(data));
    expect(byRecords).not.toBe('');
    for (const size of [1, 2, 7, 31, 64, 100, bytes.length]) {
      const blocks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) blocks.push(bytes.subarray(at, at + size));
      expect(outcome(new ByteCutter('x', wanted), blocks, asBytes)).toBe(byRecords);
    }
  });

  it('knows Docker’s form too', () => {
    const line = '{"log":"hello\\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n';
    const blocks = [
      Buffer.from(line.repeat(2)),
      Buffer.from(line.slice(0, 9)),
      Buffer.from(line.slice(9)),
    ];
    expect(outcome(new ByteCutter('x', {}), blocks, asBytes)).toBe('hello\n'.repeat(3));
  });

  it.each(['noise\n', 'noise without end'])('refuses what begins otherwise: %j', (noise) => {
    const cutter = new ByteCutter('/x.log', {});
    expect(() => outcome(cutter, [Buffer.from(noise)], asBytes)).toThrow('neither CRI nor Docker');
  });

  it('begins anew with another file', () => {
    const cutter = new ByteCutter('x', {});
    const cri = Buffer.from('2026-01-01T00:00:00.1Z stdout F a\n');
    const docker = Buffer.from('{"log":"b\\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n');
    expect(outcome(cutter, [cri], asBytes) + outcome(cutter, [docker], asBytes)).toBe('a\nb\n');
  });
});
