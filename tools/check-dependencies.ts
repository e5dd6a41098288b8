/**
 * Checks the list of third-party packages in each program's README: name, version, license and
 * bytes, taken from esbuild's report on the bundle of the last `npm run build`. A table that
 * differs is an error; `--write` updates the tables.
 */
import { existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Row {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly bytes: number;
  readonly where: string;
}

const BEGIN = '<!-- dependencies: node tools/check-dependencies.ts --write -->';
const END = '<!-- end of dependencies -->';
/** Tolerated relative difference of the total size. */
const MOST_DRIFT = 0.05;
const isWriting = process.argv.includes('--write');

function describe(dir: string, bytes: number, where: string): Row {
  const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Record<
    'name' | 'version' | 'license',
    string
  >;
  return { ...manifest, bytes, where };
}

/** Keyed by the packages' directories, because one package may be present in two versions. */
function bundled(app: string): readonly Row[] {
  const metafile = join(app, 'dist/metafile-esm.json');
  if (!existsSync(metafile)) throw new Error(`${metafile} is missing: run npm run build`);
  const { outputs } = JSON.parse(readFileSync(metafile, 'utf8')) as {
    outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
  };
  const sizes = new Map<string, number>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const [, dir] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
      if (dir === undefined || bytesInOutput === 0) continue;
      sizes.set(dir, (sizes.get(dir) ?? 0) + bytesInOutput);
    }
  }
  return [...sizes].map(([dir, bytes]) => describe(join(app, dir), bytes, 'in the bundle'));
}

/** The native add-on of the package `netlink`, in the files for each processor. */
function beside(app: string): readonly Row[] {
  const files = globSync(join(app, 'dist/prebuilds/*/*.node'));
  if (files.length === 0) return [];
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  return [describe(join('node_modules', 'netlink'), bytes, 'native parts on disk')];
}

function table(rows: readonly Row[]): string {
  const kib = (bytes: number): string => (bytes / 1024).toFixed(0);
  const sorted = rows.toSorted((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  const total = rows.reduce((sum, { bytes }) => sum + bytes, 0);
  const cells = [
    ['package', 'version', 'license', 'KiB', 'where'],
    ['---', '---', '---', '--:', '---'],
    ...sorted.map((row) => [row.name, row.version, row.license, kib(row.bytes), row.where]),
    ['all', '', '', kib(total), ''],
  ];
  return cells.map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/**
 * Splits a table into rows without sizes, and sizes. Sizes vary a little with names that esbuild
 * generates.
 */
function parts(text: string): Readonly<{ names: string; sizes: readonly number[] }> {
  const rows = text.split('\n').map((line) => line.split('|'));
  return {
    names: rows
      .map((cells) => cells.toSpliced(4, 1).join('|'))
      .toSorted()
      .join('\n'),
    sizes: rows.map((cells) => Number(cells[4])).filter((size) => !Number.isNaN(size)),
  };
}

function isSame(text: string, wanted: string): boolean {
  const [have, want] = [parts(text), parts(wanted)];
  const total = ({ sizes }: { readonly sizes: readonly number[] }): number => Math.max(...sizes);
  return have.names === want.names && Math.abs(total(have) / total(want) - 1) < MOST_DRIFT;
}

let bad = 0;
for (const app of ['apps/kubelet', 'apps/kube-proxy']) {
  const readme = join(dirname(import.meta.dirname), app, 'README.md');
  const text = readFileSync(readme, 'utf8');
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`${readme}: the markers of the table are missing`);
  const rows = [...bundled(app), ...beside(app)];
  const wanted = `${text.slice(0, start)}${BEGIN}\n<!-- prettier-ignore -->\n${table(rows)}\n\n${text.slice(end)}`;
  if (isWriting) writeFileSync(readme, wanted);
  else if (!isSame(text, wanted)) {
    bad += 1;
    console.error(`${app}/README.md: the list of dependencies differs from the bundle.`);
  }
  console.log(`${app}: ${rows.length} third-party packages`);
}
if (bad > 0) {
  console.error('Review the change, then run: node tools/check-dependencies.ts --write');
  process.exit(1);
}
