import { expect, it } from 'vitest';

import { entriesOf, listEntries } from '../../../docs/entries.ts';

it('an entry has the name that users import, and the source behind it', () => {
  const exports = {
    '.': { '@nodeagent/source': './src/index.ts', default: './dist/index.js' },
    './logs': { '@nodeagent/source': './src/logs.ts', default: './dist/logs.js' },
    './package.json': './package.json',
  };
  const entries = entriesOf({ name: '@nodeagent/x', exports }, 'packages/x');
  expect(entries.map(({ importName, file }) => `${importName} ${file}`)).toEqual([
    '@nodeagent/x packages/x/src/index.ts',
    '@nodeagent/x/logs packages/x/src/logs.ts',
  ]);
});

it('an entry without a source is refused', () => {
  const exports = { '.': { default: './dist/index.js' } };
  expect(() => entriesOf({ name: '@nodeagent/x', exports }, 'packages/x')).toThrow(
    'names no source',
  );
});

it('every package has at least its root entry', async () => {
  const names = (await listEntries()).map(({ importName }) => importName);
  expect(names).toContain('@nodeagent/cri-client/logs');
  expect(names).toContain('@nodeagent/ipvs');
});
