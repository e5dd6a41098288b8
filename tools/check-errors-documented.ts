/**
 * Checks that every error code of every published package has a section `## CODE` in
 * docs/errors.md, and that every section describes an existing code.
 *
 *   node tools/check-errors-documented.ts
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from './test/process.ts';
import { listProjects } from './test/projects.ts';

/** Finds unions of string literals named `…ErrorCode`. */
const UNION = /export type \w+ErrorCode =\s*((?:\|?\s*'[A-Z_]+'\s*)+);/g;

const inCode = new Set<string>();
for (const { dir, published } of await listProjects()) {
  if (!published) continue;
  for (const file of await sources(join(ROOT, dir, 'src'))) {
    const text = await readFile(file, 'utf8');
    for (const [, union = ''] of text.matchAll(UNION)) {
      for (const [, code = ''] of union.matchAll(/'([A-Z_]+)'/g)) inCode.add(code);
    }
  }
}
const page = await readFile(join(ROOT, 'docs/errors.md'), 'utf8');
const inDocs = new Set(
  [...page.matchAll(/^#+ `?([A-Z][A-Z_]+)`?$/gm)].map(([, code = '']) => code),
);

const problems = [
  ...[...inCode]
    .filter((code) => !inDocs.has(code))
    .map((code) => `${code} has no section in docs/errors.md`),
  ...[...inDocs]
    .filter((code) => !inCode.has(code))
    .map((code) => `docs/errors.md describes ${code}, which does not exist`),
];
for (const problem of problems) console.error(problem);
console.log(`${inCode.size} error codes, ${problems.length} problems`);
process.exitCode = problems.length === 0 && inCode.size > 0 ? 0 : 1;

async function sources(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}
