/**
 * Checks that the table "Folder roles" of docs/architecture.md matches tools/lint/roles.ts, and
 * that every import of the packages follows roles.ts. Files, rooms and packages form no cycles and
 * keep the sizes of tools/lint/structure.ts. An unused exception is a problem too.
 *
 *   node tools/check-architecture.ts [--write]
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { format } from 'prettier';

import { allows, findCycle, judgeImport } from './lint/arrows.ts';
import { parseModule } from './lint/modules.ts';
import { CYCLES, EXCEPTIONS } from './lint/roles.ts';
import { renderRoles, withRoles } from './lint/roles-page.ts';
import { groupCycles, sizeProblems } from './lint/structure.ts';
import { openWorkspace } from './lint/workspace.ts';
import { ROOT } from './test/process.ts';

const problems: string[] = [];

const path = join(ROOT, 'docs/architecture.md');
const page = readFileSync(path, 'utf8');
const settings = { parser: 'markdown', printWidth: 100, proseWrap: 'preserve' } as const;
const wanted = withRoles(page, await format(renderRoles(), settings));
if (process.argv.includes('--write')) writeFileSync(path, wanted);
else if (wanted !== page) {
  problems.push(
    'docs/architecture.md, "Folder roles": run node tools/check-architecture.ts --write',
  );
}

const { modules, sources } = openWorkspace(ROOT);
const files = globSync('{packages,apps}/*/src/**/*.ts', { cwd: ROOT }).sort();
const arrows: [from: string, to: string][] = [];
for (const from of files) {
  for (const given of parseModule(sources.read(from) ?? '').imports) {
    const message = judgeImport(from, given, modules);
    if (message !== undefined) problems.push(`${from}: ${message}`);
    const to = modules.resolve(from, given.specifier);
    if (to === undefined || to === 'outside') continue;
    const origins = given.names.flatMap((name) => modules.originsOf(to, name));
    arrows.push(...[to, ...origins].map((each) => [from, each] as [string, string]));
    const cycle = given.specifier.startsWith('.') ? findCycle(from, to, modules) : undefined;
    if (cycle !== undefined) problems.push(`import cycle: ${cycle.join(' → ')}`);
  }
}
problems.push(...groupCycles(arrows));
const lines = files.map(
  (file) => [file, (sources.read(file) ?? '').split('\n').length - 1] as const,
);
problems.push(...sizeProblems(new Map(lines)));
for (const exception of [...EXCEPTIONS, ...CYCLES]) {
  if (arrows.some(([from, to]) => allows(exception, from, to))) continue;
  problems.push(`tools/lint/roles.ts: the exception ${exception.from} → ${exception.to} is unused`);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`${files.length} files follow the table of roles`);
