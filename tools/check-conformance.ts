/**
 * Checks that every test named in docs/conformance.md exists.
 *
 *   node tools/check-conformance.ts
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { holdsTitle, namedTests } from './docs/conformance-page.ts';
import { ROOT } from './test/process.ts';

/** Tables of cases and shared suites are in separate files. */
const IMPORT = /from '(\.{1,2}\/[^']+)\.(?:js|ts)'/g;

const named = namedTests(await readFile(join(ROOT, 'docs/conformance.md'), 'utf8'));
const problems: string[] = [];
for (const { line, file, titles } of named) {
  const sources = await sourcesOf(file);
  if (sources === undefined) problems.push(`docs/conformance.md:${line}: there is no ${file}`);
  else {
    for (const title of titles.filter((one) => !holdsTitle(sources, one))) {
      problems.push(`docs/conformance.md:${line}: ${file} has no test “${title}”`);
    }
  }
}
for (const problem of problems) console.error(problem);
console.log(`${named.length} tests named, ${problems.length} problems`);
process.exitCode = problems.length === 0 && named.length > 0 ? 0 : 1;

/**
 * Returns the text of the file and of its relative imports, two levels deep; undefined when the
 * file does not exist.
 */
async function sourcesOf(file: string): Promise<string | undefined> {
  const text = await textOf(file);
  if (text === undefined) return undefined;
  const texts = [text];
  const seen = new Set([file]);
  let next = importsOf(file, text);
  for (let step = 0; step < 2; step += 1) {
    const found: string[] = [];
    for (const path of next.filter((one) => !seen.has(one))) {
      seen.add(path);
      const more = (await textOf(path)) ?? '';
      texts.push(more);
      found.push(...importsOf(path, more));
    }
    next = found;
  }
  return texts.join('\n');
}

function importsOf(file: string, text: string): readonly string[] {
  return [...text.matchAll(IMPORT)]
    .map(([, path = '']) => `${join(dirname(file), path)}.ts`)
    .filter((path) => path.includes('/tests/'));
}

async function textOf(file: string): Promise<string | undefined> {
  return readFile(join(ROOT, file), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}
