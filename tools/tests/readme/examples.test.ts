import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { expect, it } from 'vitest';

import { runExamples } from '../../../vitest.readme.js';
import { type Example, examplesOf } from '../../docs/examples.ts';

const ROOT = join(import.meta.dirname, '../../..');

it('every example of a doc comment compiles, and prints what its comments say', async () => {
  const examples = await findExamples();
  const printed = await runExamples(examples, join(ROOT, 'tools'));
  const wanted = examples.map(({ place, prints, isRun }) => ({
    place,
    prints: isRun ? prints.join('\n') : undefined,
  }));
  const found = examples.map(({ place }, index) => ({ place, prints: printed[index]?.trimEnd() }));
  expect(found).toEqual(wanted);
  expect(examples.length).toBeGreaterThan(20);
}, 300_000);

it('an example that is run shows what it prints', async () => {
  const silent = (await findExamples()).filter(({ isRun, prints }) => isRun && prints.length === 0);
  expect(silent.map(({ place }) => place)).toEqual([]);
});

async function findExamples(): Promise<readonly Example[]> {
  const packages = join(ROOT, 'packages');
  const dirs = (await readdir(packages)).map((name) => join(packages, name, 'src'));
  const entries = await Promise.all(
    dirs.map((dir) => readdir(dir, { recursive: true, withFileTypes: true })),
  );
  const files = entries
    .flat()
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  const found = await Promise.all(
    files.map(async (file) => examplesOf(relative(ROOT, file), await readFile(file, 'utf8'))),
  );
  return found.flat();
}
