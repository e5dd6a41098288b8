import { describe, expect, it } from 'vitest';

import {
  cutAt,
  type Glob,
  globMatches,
  parseGlob,
  trimEndOf,
  trimStartOf,
} from '../../src/index.js';

const matches = (pattern: string, text: string): boolean | 'malformed' => {
  const glob = parseGlob(pattern);
  return glob === undefined ? 'malformed' : globMatches(glob, text);
};

/** Number of pattern parts that were looked at. */
function stepsOf(pattern: string, text: string): number {
  let steps = 0;
  const counted = new Proxy(parseGlob(pattern) ?? [], {
    get: (parts, key, receiver): unknown => {
      steps += 1;
      return Reflect.get(parts, key, receiver) as unknown;
    },
  });
  globMatches(counted satisfies Glob, text);
  return steps;
}

describe(globMatches, () => {
  // Go 1.26 src/path/filepath/match.go documents the grammar; the expected answers follow its rules
  it.each([
    ['abc', 'abc', true],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'abc', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['*ab', 'aab', true],
    ['*a*b', 'ab', true],
    ['**b', 'aab', true],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^b-d]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['[d-b]', 'c', false],
    ['[^/]', '/', false],
    ['[^a]', '/', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['\\a', 'a', true],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['a?b', 'a😀b', true],
    ['[a-ζ]*', 'α', true],
    ['*[a-ζ]', 'A', false],
    ['a?b', 'a/b', false],
    ['a*b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', 'x', true],
    ['[x\\-]', 'z', false],
    ['[\\-x]', 'a', false],
    ['[[*]', '*', true],
    ['[[*]', 'a', false],
    ['*x', 'xxx', true],
    ['a]', 'a]', true],
    ['-', '-', true],
    ['.+(a|b)$', '.+(a|b)$', true],
  ] as const)('%j takes %j: %s', (pattern, text, answer) =>
    expect(matches(pattern, text)).toBe(answer),
  );

  it.each([
    '[]a]',
    '[-]',
    '[x-]',
    '[-x]',
    '[a-b-d]',
    '[a-b-x]',
    '[',
    '[^',
    '[^bc',
    '[]',
    '[^]',
    'a[',
    'a\\',
    '[\\',
    '[a-',
    '*[',
    'z[a',
  ])('the malformed pattern %j matches nothing', (pattern) =>
    expect(parseGlob(pattern)).toBeUndefined(),
  );

  it('a failing match takes at most as many steps as the text is long times the pattern', () => {
    for (const unit of ['*a', '*?', '*[ab]', 'a*', '*']) {
      for (const length of [50, 100, 200]) {
        const pattern = `${unit.repeat(length)}b`;
        const text = `${'a'.repeat(length * 2)}c`;
        expect(stepsOf(pattern, text)).toBeLessThanOrEqual(pattern.length * text.length);
      }
    }
  });

  it('a pattern of a mebibyte gets an answer', () => {
    const mebibyte = 2 ** 20;
    expect(matches('*'.repeat(mebibyte), 'registry')).toBe(true);
    expect(matches('*a'.repeat(mebibyte / 2), 'a'.repeat(63))).toBe(false);
    expect(matches('['.repeat(mebibyte), 'a')).toBe('malformed');
    expect(matches(`[${'a'.repeat(mebibyte)}]`, 'b')).toBe(false);
  });
});

describe('trimming', () => {
  it.each([
    ['secret\0\0', '\0', 'secret'],
    ['a-.-', '-.', 'a'],
    ['---', '-', ''],
    ['', '-', ''],
    ['-a', '-', '-a'],
  ])('trimEndOf(%j, %j)', (text, characters, want) =>
    expect(trimEndOf(text, characters)).toBe(want),
  );

  it.each([
    [' \ta ', ' \t', 'a '],
    ['  ', ' ', ''],
    ['', ' ', ''],
  ])('trimStartOf(%j, %j)', (text, characters, want) =>
    expect(trimStartOf(text, characters)).toBe(want),
  );

  it.each([
    ['a=b=c', '=', ['a', 'b=c']],
    ['a', '=', ['a', undefined]],
    ['=', '=', ['', '']],
    ['a::b', '::', ['a', 'b']],
  ])('cutAt(%j, %j)', (text, separator, want) => expect(cutAt(text, separator)).toEqual(want));
});
