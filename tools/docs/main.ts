/**
 * Builds the documentation site into docs/site and checks it: every public entry has a page, every
 * public symbol a comment, no warning, no dead link, nothing from other servers, no page over 500 kB.
 *
 *   npm run docs
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { ROOT } from '../test/process.ts';
import { listEntries } from './entries.ts';
import { type Page, problemsOfPages } from './pages.ts';
import { buildSite } from './site.ts';

const out = join(ROOT, 'docs/site');
const startedMs = performance.now();
const entries = await listEntries();
const warnings = await buildSite(entries, out);
const { pages, others } = await readSite();
const problems = problemsOfPages(pages, others);
for (const problem of problems) console.error(problem);

const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
const bytes = Math.max(...pages.map(({ html }) => Buffer.byteLength(html)));
console.log(
  `${entries.length} entries, ${pages.length} pages in docs/site, the largest ${(bytes / 1000).toFixed(0)} kB, ` +
    `${warnings} warnings, ${problems.length} problems, ${seconds} s`,
);
process.exitCode = warnings === 0 && problems.length === 0 && pages.length > entries.length ? 0 : 1;

async function readSite(): Promise<{ pages: readonly Page[]; others: readonly string[] }> {
  const found = await readdir(out, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(out, join(entry.parentPath, entry.name)));
  const isPage = (path: string): boolean => path.endsWith('.html');
  const pages = await Promise.all(
    paths
      .filter(isPage)
      .map(async (path) => ({ path, html: await readFile(join(out, path), 'utf8') })),
  );
  return { pages, others: paths.filter((path) => !isPage(path)) };
}
