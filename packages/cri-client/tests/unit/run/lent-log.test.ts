import { describe, expect, it } from 'vitest';

import type { LogBytesOptions } from '../../../src/model/log.js';
import { readLogBytesFrom, readLogFrom } from '../../../src/run/read-log.js';
import { MemoryLogFiles } from '../../support/memory-log-files.js';

const PATH = '/logs/0.log';
const { signal } = new AbortController();
/** Lines from empty ones to some too long for the room before a block. */
const SIZES = [0, 1, 80, 16 * 1024, 40 * 1024, 300, 200 * 1024, 7];

function longLog(): MemoryLogFiles {
  const files = new MemoryLogFiles();
  const lines: string[] = [];
  for (let i = 0; i < 400; i += 1) {
    const size = SIZES[i % SIZES.length] ?? 0;
    const stream = i % 3 === 0 ? 'stderr' : 'stdout';
    const tag = i % 5 === 0 ? 'P' : 'F';
    const time = `2026-01-01T00:00:00.${String(i).padStart(i % 7 === 0 ? 4 : 9, '0')}Z`;
    lines.push(`${time} ${stream} ${tag} ${String(i % 10).repeat(size)}\n`);
  }
  files.append(PATH, lines.join(''));
  return files;
}

/** Returns the output, and the number of distinct pieces of memory. */
async function readLent(files: MemoryLogFiles, options: LogBytesOptions) {
  const taken: Buffer[] = [];
  const memories = new Set<ArrayBufferLike>();
  for await (const piece of readLogBytesFrom(files, { path: PATH, options }, signal)) {
    taken.push(Buffer.from(piece)); // overwrites the piece, as a reader may that is done with it
    memories.add(piece.buffer);
  }
  return { text: Buffer.concat(taken).toString(), pieces: taken.length, memories: memories.size };
}

describe('a log in lent pieces', () => {
  it.each([
    {},
    { timestamps: true },
    { stream: 'stderr' },
    { tailRecords: 333 },
    { sinceMs: 1 },
    { limitBytes: 3_000_000 },
  ] as const)('has the same content as its records: %j', async (options) => {
    const files = longLog();
    let wanted = '';
    for await (const { data } of readLogFrom(files, { path: PATH, options }, signal)) {
      wanted += Buffer.from(data).toString();
    }
    expect(wanted).not.toBe('');
    const lent = await readLent(files, { ...options, lent: true });
    expect(lent.text === wanted).toBe(true);
  });

  it('reuses memory; without `lent`, each piece has new memory', async () => {
    const files = new MemoryLogFiles();
    files.append(
      PATH,
      `2026-01-01T00:00:00.000000001Z stdout F ${'x'.repeat(80)}\n`.repeat(60_000),
    );
    const kept = await readLent(files, {});
    expect(kept.pieces).toBeGreaterThan(10);
    expect(kept.memories).toBe(kept.pieces);
    for (const timestamps of [false, true]) {
      // four sizes on the way to the largest, then two buffers in turn
      const lent = await readLent(files, { lent: true, timestamps });
      expect(lent).toMatchObject({ pieces: kept.pieces });
      expect(lent.memories).toBeLessThanOrEqual(6);
    }
  });
});
