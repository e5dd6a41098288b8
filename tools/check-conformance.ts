/**
 * Checks that every test named in docs/conformance.md and docs/settings.md exists.
 *
 *   node tools/check-conformance.ts
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { holdsTitle, namedTests } from './docs/conformance-page.ts';
import { ROOT } from './test/process.ts';

/** Tables of cases and shared suites are in separate files. */
const IMPORT = /from '(\.{1,2}\/[^']+)\.(?:js|ts)'/g;

const problems: string[] = [];
let count = 0;
for (const page of ['docs/conformance.md', 'docs/settings.md']) {
  const named = namedTests(await readFile(join(ROOT, page), 'utf8'));
  if (named.length === 0) problems.push(`${page} names no test`);
  count += named.length;
  for (const { line, file, titles } of named) {
    const sources = await sourcesOf(file);
    if (sources === undefined) problems.push(`${page}:${line}: there is no ${file}`);
    else {
      for (const title of titles.filter((one) => !holdsTitle(sources, one))) {
        problems.push(`${page}:${line}: ${file} has no test “${title}”`);
      }
    }
  }
}
for (const problem of problems) console.error(problem);
console.log(`${count} tests named, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;

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
