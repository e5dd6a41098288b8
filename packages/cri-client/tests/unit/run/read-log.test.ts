import { describe, expect, it } from 'vitest';

import type { LogOptions } from '../../../src/model/log.js';
import { readLogFrom } from '../../../src/run/read-log.js';
import { MemoryLogFiles } from '../../support/memory-log-files.js';

const PATH = '/logs/0.log';
const { signal } = new AbortController();
const line = (text: string, tag = 'F') => `2026-01-01T00:00:00.000000001Z stdout ${tag} ${text}\n`;

function setUp(...lines: string[]) {
  const files = new MemoryLogFiles();
  files.append(PATH, lines.join(''));
  const read = async (options: LogOptions, by = signal): Promise<string> => {
    let text = '';
    for await (const { data } of readLogFrom(files, { path: PATH, options }, by)) {
      text += Buffer.from(data).toString();
    }
    return text;
  };
  return { files, read };
}

describe(readLogFrom, () => {
  it('joins the parts of a line', async () => {
    const { files, read } = setUp(line('a', 'P'), line('b', 'P'), line('c'), line('d'));
    expect(await read({})).toBe('abc\nd\n');
    expect(files.openFiles).toBe(0);
  });

  it('leaves no file open where its folder cannot be watched', async () => {
    const { files, read } = setUp(line('a'));
    files.watch = () => {
      throw new Error('ENOSPC: System limit for number of file watchers reached');
    };
    await expect(read({ follow: true })).rejects.toThrow('ENOSPC');
    expect(files.openFiles).toBe(0);
  });

  it('leaves no file open where its reader goes away during a rotation', async () => {
    const { files } = setUp(line('a'));
    const options = { follow: true, isRunning: async () => true };
    const entries = readLogFrom(files, { path: PATH, options }, signal);
    await entries.next();
    const second = entries.next();
    await files.idle();
    files.append(PATH, line('b'));
    files.rename(PATH, '/logs/old');
    files.append(PATH, line('c'));
    files.touch();
    expect(Buffer.from((await second).value?.data ?? '').toString()).toBe('b\n');
    expect(files.openFiles).toBe(2);
    await entries.return();
    expect(files.openFiles).toBe(0);
  });

  it('leaves out truncated and foreign lines, except at the start', async () => {
    const { read } = setUp(line('a'), '2026-01-0', line('b'), 'noise\n', line('c'));
    expect(await read({})).toBe('a\nc\n');
    await expect(setUp('noise\n').read({})).rejects.toMatchObject({ code: 'CRI_LOG_FORMAT' });
  });

  it('returns a last line without newline', async () => {
    expect(await setUp(line('a'), line('b').trimEnd()).read({})).toBe('a\nb');
  });

  it('reports a missing log', async () => {
    const { files, read } = setUp(line('a'));
    files.rename(PATH, '/logs/old');
    await expect(read({})).rejects.toMatchObject({ code: 'CRI_LOG_IO' });
  });

  it.each([
    { tail: 0, want: '' },
    { tail: 1, want: 'd\n' },
    { tail: 3, want: 'b\nc\nd\n' },
    { tail: 4, want: 'a\nb\nc\nd\n' },
    { tail: 9, want: 'a\nb\nc\nd\n' },
  ])('returns the last $tail records', async ({ tail, want }) => {
    const { read } = setUp(...['a', 'b', 'c', 'd'].map((text) => line(text)));
    expect(await read({ tailRecords: tail })).toBe(want);
  });

  it('counts a last line without newline as a record', async () => {
    const { read } = setUp(line('a'), line('b'), line('c').trimEnd());
    expect(await read({ tailRecords: 2 })).toBe('b\nc');
  });

  it('finds the tail of a big file without reading all of it', async () => {
    const { files, read } = setUp(line('x'.repeat(100)).repeat(50_000), line('y'), line('z'));
    expect(await read({ tailRecords: 2 })).toBe('y\nz\n');
    expect(files.bytesRead).toBeLessThan(3 * 64 * 1024);
  });

  it('finds a tail that begins many blocks before the end', async () => {
    const { read } = setUp(line('x'.repeat(1000)).repeat(1000));
    const text = await read({ tailRecords: 600 });
    expect(text).toBe(`${'x'.repeat(1000)}\n`.repeat(600));
  });

  it('joins lines that are longer than a block', async () => {
    const long = 'x'.repeat(200_000);
    expect(await setUp(line(long), line('end')).read({})).toBe(`${long}\nend\n`);
  });

  it('stops in the middle when the limit is used up', async () => {
    const { files, read } = setUp(line('abcdef').repeat(100_000));
    expect(await read({ limitBytes: 10 })).toBe('abcdef\nabc');
    expect(files.bytesRead).toBeLessThanOrEqual(64 * 1024);
  });
});

describe('follow', () => {
  it('continues after a rotation, including late output to the old file', async () => {
    const { files, read } = setUp(line('a'));
    let running = true;
    const text = read({ follow: true, isRunning: async () => running });
    await files.idle();
    files.append(PATH, line('b'));
    files.touch();
    await files.idle();
    files.rename(PATH, `${PATH}.20260101`);
    files.touch();
    await files.idle();
    files.append(`${PATH}.20260101`, line('late'));
    files.append(PATH, line('new'));
    files.touch();
    await files.idle();
    running = false;
    files.append(PATH, line('last words'));
    files.touch('quiet');
    expect(await text).toBe('a\nb\nlate\nnew\nlast words\n');
    expect(files.openFiles).toBe(0);
  });

  it('starts over in a file that was truncated in place', async () => {
    const { files, read } = setUp(line('a'), line('b'));
    let running = true;
    const text = read({ follow: true, isRunning: async () => running });
    await files.idle();
    files.truncate(PATH);
    files.append(PATH, line('c'));
    files.touch();
    await files.idle();
    running = false;
    files.touch('quiet');
    expect(await text).toBe('a\nb\nc\n');
  });

  it('joins a line that is written in two steps', async () => {
    const { files, read } = setUp(line('a'));
    let running = true;
    const text = read({ follow: true, tailRecords: 0, isRunning: async () => running });
    await files.idle();
    const whole = line('in two goes');
    files.append(PATH, whole.slice(0, 40));
    files.touch();
    await files.idle();
    files.append(PATH, whole.slice(40));
    running = false;
    files.touch('quiet');
    expect(await text).toBe('in two goes\n');
  });

  it('calls isRunning only while nothing is written', async () => {
    const { files, read } = setUp(line('a'));
    const answers = [true, false];
    const text = read({ follow: true, isRunning: async () => answers.shift() ?? false });
    for (const word of ['b', 'c', 'd']) {
      await files.idle();
      files.append(PATH, line(word));
      files.touch();
    }
    await files.idle();
    files.touch('quiet');
    expect(await text).toBe('a\nb\nc\nd\n');
  });

  it('ends by an abort with its reason, or at its limit', async () => {
    const { files, read } = setUp(line('a'));
    const stop = new AbortController();
    const text = read({ follow: true }, stop.signal);
    await files.idle();
    stop.abort(new Error('enough'));
    await expect(text).rejects.toThrow('enough');
    expect(files.openFiles).toBe(0);
    expect(await read({ follow: true, limitBytes: 2 })).toBe('a\n');
  });
});

describe('rotated files', () => {
  const entry = (text: string) => line(text);
  function rotatedLog() {
    const { files, read } = setUp(entry('e'), entry('f'));
    files.append(`${PATH}.20260101-000000`, entry('a') + entry('b'));
    files.append(`${PATH}.20260102-000000`, entry('c') + entry('d'));
    return { files, read };
  }
  const all = 'a\nb\nc\nd\ne\nf\n';

  it('come before the present one, oldest first, on request', async () => {
    const { read } = rotatedLog();
    expect(await read({ rotated: true })).toBe(all);
    expect(await read({})).toBe('e\nf\n');
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])('provide what a tail of %i still lacks', async (tail) => {
    const { read } = rotatedLog();
    const lines = all.split(/(?<=\n)/).filter((one) => one !== '');
    const want = tail === 0 ? '' : lines.slice(-tail).join('');
    expect(await read({ rotated: true, tailRecords: tail })).toBe(want);
  });

  it('are read as far as the limit allows', async () => {
    expect(await rotatedLog().read({ rotated: true, limitBytes: 5 })).toBe('a\nb\nc');
  });

  it('are not opened when they are older than `sinceMs`', async () => {
    const { files, read } = rotatedLog();
    const sinceMs = Date.parse('2025-01-01T00:00:00Z');
    files.modifiedMs.set(`${PATH}.20260102-000000`, sinceMs + 1);
    expect(await read({ rotated: true, sinceMs })).toBe('c\nd\ne\nf\n');
  });

  it('do not repeat output that is rotated while it is read', async () => {
    const { files, read } = rotatedLog();
    const list = files.rotated.bind(files);
    files.rotated = async (path) => {
      files.rename(PATH, `${PATH}.20260103-000000`);
      files.append(PATH, entry('g'));
      return list(path);
    };
    expect(await read({ rotated: true })).toBe(all);
  });

  it('may vanish before they are read', async () => {
    const { files, read } = rotatedLog();
    const list = files.rotated.bind(files);
    files.rotated = async (path) => {
      const found = await list(path);
      files.rename(`${PATH}.20260101-000000`, '/elsewhere');
      return found;
    };
    expect(await read({ rotated: true })).toBe('c\nd\ne\nf\n');
  });
});
