import { describe, expect, it } from 'vitest';

import type { PullRecordFiles } from '../../../src/images/ports.js';
import { rememberPullRecords } from '../../../src/images/run/remembered-pull-records.js';

describe(rememberPullRecords, () => {
  let reads: string[];
  let stored: Map<string, string>;
  let broken: Error | undefined;
  /** Runs while the next text is being read. */
  let meanwhile: (() => Promise<void>) | undefined;
  const create = (): PullRecordFiles => {
    reads = [];
    stored = new Map();
    broken = undefined;
    meanwhile = undefined;
    return rememberPullRecords({
      read: async (kind, name) => {
        reads.push(`${kind} ${name}`);
        if (broken !== undefined) throw broken;
        const text = stored.get(`${kind} ${name}`);
        const act = meanwhile;
        meanwhile = undefined;
        await act?.();
        return text;
      },
      write: async (kind, name, text) => {
        stored.set(`${kind} ${name}`, text);
        if (broken !== undefined) throw broken;
      },
      remove: async (kind, name) => void stored.delete(`${kind} ${name}`),
      texts: async () => [...stored.values()],
      count: async () => stored.size,
    });
  };

  it('reads each record once, even an absent one', async () => {
    const files = create();
    stored.set('pulled a', 'A');
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await files.read('pulled', 'a')).toBe('A');
      expect(await files.read('pulling', 'a')).toBeUndefined();
    }
    expect(reads).toEqual(['pulled a', 'pulling a']);
  });

  it('returns records after writes and removals', async () => {
    const files = create();
    expect(await files.read('pulled', 'a')).toBeUndefined();
    await files.write('pulled', 'a', 'A');
    expect(await files.read('pulled', 'a')).toBe('A');
    await files.remove('pulled', 'a');
    expect(await files.read('pulled', 'a')).toBeUndefined();
  });

  it('does not keep a text that changed during the read', async () => {
    const files = create();
    stored.set('pulled a', 'old');
    meanwhile = () => files.write('pulled', 'a', 'new');
    expect(await files.read('pulled', 'a')).toBe('old');
    expect(await files.read('pulled', 'a')).toBe('new');
  });

  it('reads again after a failed read or write', async () => {
    const files = create();
    expect(await files.read('pulled', 'a')).toBeUndefined();
    broken = new Error('EIO');
    await expect(files.write('pulled', 'a', 'half')).rejects.toThrow('EIO');
    await expect(files.read('pulled', 'a')).rejects.toThrow('EIO');
    broken = undefined;
    expect(await files.read('pulled', 'a')).toBe('half');
  });

  it('limits the number of texts it keeps', async () => {
    const files = create();
    for (let at = 0; at <= 500; at += 1) await files.read('pulled', String(at));
    await files.read('pulled', '500');
    expect(reads).toHaveLength(501);
    await files.read('pulled', '0');
    expect(reads).toHaveLength(502);
  });
});
