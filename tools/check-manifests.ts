/**
 * Checks that each package.json names exactly the packages that its package imports:
 * `dependencies` those of the source, `devDependencies` those of tests and configuration. A
 * published package also says where it comes from.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { dependencyProblems, type Manifest, packagesOf } from './lint/dependencies.ts';
import { type Manifest as Published, manifestProblems } from './release/plan.ts';
import { ROOT } from './test/process.ts';

// generated code is not there in a fresh clone
const SKIPPED = /(^|\/)(node_modules|dist|reports|fixtures|generated)\//;

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const manifestOf = (path: string): Manifest => JSON.parse(read(path)) as Manifest;

const manifests = globSync('{packages/*,apps/*,testbed,e2e,tools}/package.json', { cwd: ROOT });
const shared = new Set(Object.keys(manifestOf('package.json').devDependencies ?? {}));
const problems = manifests.sort().flatMap((path) => {
  const dir = dirname(path);
  const files = globSync(`${dir}/**/*.{ts,js,mjs}`, { cwd: ROOT }).filter(
    (file) => !SKIPPED.test(file),
  );
  // tools and e2e are programs as a whole
  const isSource = (file: string): boolean =>
    dir === 'tools' || dir === 'e2e' || file.startsWith(`${dir}/src/`);
  const importsOf = (chosen: readonly string[]): ReadonlySet<string> =>
    new Set(chosen.flatMap((file) => packagesOf(read(file))));
  const imports = {
    source: importsOf(files.filter(isSource)),
    others: importsOf(files.filter((file) => !isSource(file))),
  };
  const given =
    dir === 'tools' || dir === 'e2e'
      ? { ...imports, source: withoutShared(imports.source) }
      : imports;
  return [...dependencyProblems(manifestOf(path), given, shared), ...unpublished(path, dir)];
});

function unpublished(path: string, dir: string): readonly string[] {
  const manifest = JSON.parse(read(path)) as Record<string, unknown> & Published;
  const { repository } = JSON.parse(read('package.json')) as Published;
  if (manifest.private === true) return [];
  return manifestProblems(manifest, { dir, repositoryUrl: repository?.url ?? '' });
}

/** The root's packages serve all that is not published. */
function withoutShared(names: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...names].filter((name) => !shared.has(name)));
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${manifests.length} packages depend on exactly what they import`);
