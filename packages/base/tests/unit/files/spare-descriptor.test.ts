import { EventEmitter } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import {
  hasFreeDescriptor,
  isWithoutDescriptor,
  SpareDescriptor,
} from '../../../src/adapters/files/spare-descriptor.js';

const failure = (code: string): Error => Object.assign(new Error(code), { code });
/** One more than before, while the listing is open. */
const open = (): number => readdirSync('/proc/self/fd').length;

describe(SpareDescriptor, () => {
  it('lends its descriptor to a call that finds none, and takes one back', () => {
    const spare = new SpareDescriptor();
    const before = open();
    const seen: number[] = [];
    const got = spare.use(() => {
      seen.push(open());
      if (seen.length === 1) throw failure('EMFILE');
      return 'read';
    });
    expect(got).toBe('read');
    expect(seen).toEqual([before, before - 1]);
    expect(open()).toBe(before);
  });

  it('takes one back after a call that fails even so', () => {
    const spare = new SpareDescriptor();
    const before = open();
    const act = (): void => {
      throw failure('ENFILE');
    };
    expect(() => spare.use(act)).toThrow('ENFILE');
    expect(open()).toBe(before);
  });

  it('keeps its descriptor from calls that fail for another reason', () => {
    const spare = new SpareDescriptor();
    let calls = 0;
    const act = (): void => {
      calls += 1;
      throw failure('ENOENT');
    };
    expect(() => spare.use(act)).toThrow('ENOENT');
    expect(calls).toBe(1);
  });

  it('lends again what it has taken back', () => {
    const spare = new SpareDescriptor();
    for (let round = 0; round < 3; round += 1) {
      let fd: number | undefined;
      const file = spare.use(() => {
        if (fd === undefined) {
          fd = -1;
          throw failure('EMFILE');
        }
        fd = openSync('/proc/loadavg', 'r');
        closeSync(fd);
        return fd;
      });
      expect(file).toBeGreaterThan(0);
    }
  });
});

describe('a connection for which there is no descriptor', () => {
  /** Fails first with the errors; `seen` has how many descriptors were open at each attempt. */
  const opening = (...errors: readonly Error[]) => {
    const opened = new EventEmitter();
    const seen: number[] = [];
    const act = async (): Promise<EventEmitter> => {
      seen.push(open());
      const error = errors[seen.length - 1];
      if (error !== undefined) throw error;
      return opened;
    };
    return { opened, seen, act };
  };

  it.each([
    ['EMFILE', failure('EMFILE')],
    ['ENFILE below another error', new Error('the proxy', { cause: failure('ENFILE') })],
  ])('is lent one, until it is closed: %s', async (_, error) => {
    const spare = new SpareDescriptor();
    const before = open();
    const { act, seen, opened } = opening(error);
    expect(await spare.lend(act)).toBe(opened);
    expect(seen).toEqual([before, before - 1]);
    expect(open()).toBe(before - 1);
    opened.emit('close');
    expect(open()).toBe(before);
    spare.release();
    expect(open()).toBe(before - 1);
  });

  it('gives it back when it fails even so', async () => {
    const spare = new SpareDescriptor();
    const before = open();
    const { act } = opening(failure('EMFILE'), failure('ECONNREFUSED'));
    await expect(spare.lend(act)).rejects.toThrow('ECONNREFUSED');
    expect(open()).toBe(before);
  });

  it.each([
    ['another failure', failure('ECONNREFUSED')],
    [
      'a look-up that fails while others work',
      Object.assign(failure('EAI_AGAIN'), { syscall: 'getaddrinfo' }),
    ],
  ])('gets none for %s', async (_, error) => {
    const { act, seen } = opening(error);
    await expect(new SpareDescriptor().lend(act)).rejects.toBe(error);
    expect(seen).toHaveLength(1);
  });

  it('is not held back any more once it was released', async () => {
    const spare = new SpareDescriptor();
    const { act, opened } = opening(failure('EMFILE'));
    await spare.lend(act);
    const lent = open();
    spare.release();
    opened.emit('close');
    expect(open()).toBe(lent);
  });
});

describe(isWithoutDescriptor, () => {
  it.each([
    ['EMFILE', true],
    ['ENFILE', true],
    ['ENOENT', false],
  ])('%s: %s', (code, is) => expect(isWithoutDescriptor(failure(code))).toBe(is));
});

it('a process has a free descriptor as a rule', () => expect(hasFreeDescriptor()).toBe(true));
