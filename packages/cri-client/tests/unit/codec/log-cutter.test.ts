import { describe, expect, it, vi } from 'vitest';

import { ByteCutter, EntryCutter, type LogCutter } from '../../../src/codec/log-cutter.js';
import type { LogOptions } from '../../../src/model/log.js';

function outcome<T>(
  cutter: LogCutter<T>,
  blocks: readonly Buffer[],
  show: (piece: T) => Buffer,
): string {
  const pieces: Buffer[] = [];
  // copied, because a cutter may write to its blocks
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
  it.each(options)(
    'gives the same output as by records, whatever the block boundaries: %j',
    (wanted) => {
      const bytes = Buffer.from(text);
      const byRecords = outcome(new EntryCutter('x', wanted), [bytes], ({ data }) => asBytes(data));
      expect(byRecords).not.toBe('');
      for (const size of [1, 2, 7, 31, 64, 100, bytes.length]) {
        const blocks: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) blocks.push(bytes.subarray(at, at + size));
        expect(outcome(new ByteCutter('x', wanted), blocks, asBytes)).toBe(byRecords);
      }
    },
  );

  it('reads Docker’s format too', () => {
    const line = '{"log":"hello\\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n';
    const blocks = [
      Buffer.from(line.repeat(2)),
      Buffer.from(line.slice(0, 9)),
      Buffer.from(line.slice(9)),
    ];
    expect(outcome(new ByteCutter('x', {}), blocks, asBytes)).toBe('hello\n'.repeat(3));
  });

  it.each(['noise\n', 'noise without end'])('refuses a file that begins otherwise: %j', (noise) => {
    const cutter = new ByteCutter('/x.log', {});
    expect(() => outcome(cutter, [Buffer.from(noise)], asBytes)).toThrow('neither CRI nor Docker');
  });

  it('starts over with another file', () => {
    const cutter = new ByteCutter('x', {});
    const cri = Buffer.from('2026-01-01T00:00:00.1Z stdout F a\n');
    const docker = Buffer.from('{"log":"b\\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n');
    expect(outcome(cutter, [cri], asBytes) + outcome(cutter, [docker], asBytes)).toBe('a\nb\n');
  });
});

describe('a line that comes byte by byte', () => {
  /** Counts the bytes that are copied for a line of this length. */
  function copiedFor(cutter: LogCutter<unknown>, lineBytes: number): number {
    const line = Buffer.from('2026-01-01T00:00:00.000000001Z stdout F '.padEnd(lineBytes, 'x'));
    const concat = vi.spyOn(Buffer, 'concat');
    const from = vi.spyOn(Buffer, 'from');
    const copy = vi.spyOn(Buffer.prototype, 'copy');
    const set = vi.spyOn(Uint8Array.prototype, 'set');
    for (let at = 0; at < line.length; at += 1) {
      for (const piece of cutter.take(line.subarray(at, at + 1))) expect(piece).toBeUndefined();
    }
    const lengths = [
      ...concat.mock.results.map(({ value }) => (value as Buffer).length),
      // a view does not copy
      ...from.mock.calls.map(([source]) => (ArrayBuffer.isView(source) ? source.byteLength : 0)),
      ...copy.mock.results.map(({ value }) => value as number),
      ...set.mock.calls.map(([source]) => source.length),
    ];
    vi.restoreAllMocks();
    return lengths.reduce((sum, bytes) => sum + bytes, 0);
  }

  it.each([
    ['entries', (): LogCutter<unknown> => new EntryCutter('x', {})],
    ['bytes', (): LogCutter<unknown> => new ByteCutter('x', {})],
    ['bytes with times', (): LogCutter<unknown> => new ByteCutter('x', { timestamps: true })],
  ])('is copied a bounded number of times: %s', (_name, cutter) => {
    const [short, long] = [copiedFor(cutter(), 2 ** 13), copiedFor(cutter(), 2 ** 14)];
    expect(short).toBeLessThan(4 * 2 ** 13);
    expect(long).toBeLessThan(4 * 2 ** 14);
  });

  it('does not keep a block alive for a piece of it', () => {
    const cutter = new EntryCutter('x', {});
    const blocks = ['2026-01-01T00:00:00.1Z stdout F a', 'b\n'].map((piece) => Buffer.from(piece));
    const entries = blocks.flatMap((block) => {
      const found = [...cutter.take(block)];
      block.fill(0);
      return found;
    });
    expect(entries.map(({ data }) => Buffer.from(data).toString())).toEqual(['ab\n']);
  });
});

it.each([
  ['bytes', () => new ByteCutter('/log', {})],
  ['bytes up to a limit', () => new ByteCutter('/log', { limitBytes: 10 })],
  ['entries', () => new EntryCutter('/log', {})],
])('a line of more than 64 MiB is given up by a reader of %s', (_, cutter) => {
  const reader: LogCutter<unknown> = cutter();
  const block = Buffer.alloc(2 ** 20, 'x');
  const given = (): number => {
    for (let blocks = 1; blocks < 100; blocks += 1) {
      try {
        for (const piece of reader.take(block)) expect(piece).toBeUndefined();
      } catch (error) {
        expect(error).toMatchObject({
          code: 'CRI_LOG_FORMAT',
          message: expect.stringContaining('a line of more than 64 MiB'),
        });
        return blocks;
      }
    }
    return Number.POSITIVE_INFINITY;
  };
  expect(given()).toBe(65);
});
