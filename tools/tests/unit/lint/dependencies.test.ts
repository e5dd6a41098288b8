import { describe, expect, it } from 'vitest';

import { dependencyProblems, packagesOf } from '../../../lint/dependencies.ts';

describe(packagesOf, () => {
  it('names packages of every form of import, without Node.js and own files', () => {
    const text = `
      import { a } from 'plain/sub.js';
      import type { B } from '@scope/typed';
      export { c } from 'shown';
      const later = import('@scope/later/sub');
      type D = import('named').D;
      import 'node:fs'; import fs from 'fs'; import './own.js';`;
    expect(packagesOf(text)).toEqual(['plain', '@scope/typed', 'shown', '@scope/later', 'named']);
  });
});

describe(dependencyProblems, () => {
  const check = (
    manifest: Readonly<Record<string, Readonly<Record<string, string>>>>,
    source: readonly string[],
    others: readonly string[] = [],
  ) =>
    dependencyProblems(
      { name: 'p', ...manifest },
      { source: new Set(source), others: new Set(others) },
      new Set(['vitest']),
      [{ in: 'p', name: 'native', why: 'a test' }],
    );

  describe('a package that is carried in dist/bundled', () => {
    const imports = { '#x': './dist/bundled/x.js' };

    it('is a devDependency', () => {
      expect(check({ imports, devDependencies: { x: '1' } }, ['x'])).toEqual([]);
    });

    it.each([
      ['a dependency too', { imports, dependencies: { x: '1' } }, 'move it to devDependencies'],
      ['named nowhere', { imports }, 'add it to dependencies'],
    ])('is not %s', (_, manifest, problem) => {
      expect(check(manifest, ['x'])).toEqual([expect.stringContaining(problem)]);
    });
  });

  it.each([
    ['an import without a dependency', {}, ['x'], [], 'add it to dependencies'],
    [
      'source that needs a devDependency',
      { devDependencies: { x: '1' } },
      ['x'],
      [],
      'add it to dependencies',
    ],
    [
      'a dependency without an import',
      { dependencies: { x: '1' } },
      [],
      [],
      'remove it from dependencies',
    ],
    [
      'a dependency of tests alone',
      { dependencies: { x: '1' } },
      [],
      ['x'],
      'move it to devDependencies',
    ],
    ['a test without its dependency', {}, [], ['x'], 'add it to devDependencies'],
    [
      'a devDependency without an import',
      { devDependencies: { x: '1' } },
      [],
      [],
      'remove it from devDependencies',
    ],
    [
      'a package in both lists',
      { dependencies: { x: '1' }, devDependencies: { x: '1' } },
      ['x'],
      [],
      'remove it from devDependencies',
    ],
  ] as const)('refuses %s', (_, manifest, source, others, text) => {
    expect(check(manifest, source, others)).toEqual([expect.stringContaining(text)]);
  });

  it('allows what is imported, declarations of it, shared tools and excused packages', () => {
    const manifest = {
      dependencies: { x: '1', native: '1' },
      optionalDependencies: { '@s/y': '1' },
      devDependencies: { '@types/s__y': '1', z: '1' },
    };
    expect(check(manifest, ['x', '@s/y', 'p'], ['vitest', 'x', 'z'])).toEqual([]);
  });
});
