import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { describe, expect, it } from 'vitest';

const SOURCE = join(import.meta.dirname, '../../src');

/** Imports and exports of values; those of types alone, and `import()`, load nothing at once. */
const IMPORT = /^(?:import|export) (?!type )[^;]*?from '(\.[^']+)';/gms;

/** The files that a file loads with itself. */
function loadedWith(entry: string): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const [statement, path = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      const names = /\{([^}]*)\}/s.exec(statement)?.[1] ?? 'all';
      const isOfTypes = names.split(',').every((name) => /^\s*(type .*)?$/s.test(name));
      if (!isOfTypes) visit(join(dirname(file), path.replace(/\.js$/, '.ts')));
    }
  };
  visit(join(SOURCE, entry));
  return new Set([...found].map((file) => relative(SOURCE, file)));
}

describe('a server', () => {
  it.each(['index.ts', 'test-cluster.ts', 'bin/dev-apiserver.ts'])(
    'of %s loads no compiler of expressions with itself',
    (entry) => {
      const loaded = [...loadedWith(entry)];
      expect(loaded).toContain('run/expressions.ts');
      expect(loaded.filter((file) => /cel\/|-cel\.ts|cel-tools\.ts/.test(file))).toEqual([]);
    },
  );

  it('has one compiler', () => {
    const loaded = loadedWith('adapters/cel-tools.ts');
    expect(loaded).toContain('plan/cel/compile.ts');
  });
});
