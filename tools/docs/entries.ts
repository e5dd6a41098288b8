import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../test/process.ts';
import { listProjects } from '../test/projects.ts';

/** One import name of a published package and the source file behind it. */
export interface Entry {
  /** As users write it: `@nodeagent/cri-client/logs`. */
  readonly importName: string;
  /** The package's npm name. */
  readonly packageName: string;
  /** The package's folder below the repository's root. */
  readonly dir: string;
  /** Below the repository's root. */
  readonly file: string;
}

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** The entries that a package's manifest declares; files such as `./package.json` are none. */
export function entriesOf({ name, exports }: Manifest, dir: string): readonly Entry[] {
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (typeof target === 'string') return [];
    const source = target['@nodeagent/source'];
    if (source === undefined) throw new Error(`${dir}/package.json: ${subpath} names no source`);
    const importName = join(name, subpath);
    return [{ importName, packageName: name, dir, file: join(dir, source) }];
  });
}

/** Every public entry of every published package, by package and then in the manifest's order. */
export async function listEntries(): Promise<readonly Entry[]> {
  const published = (await listProjects()).filter(
    ({ dir, published }) => published && dir.startsWith('packages/'),
  );
  const entries = await Promise.all(
    published.map(async ({ dir }) => {
      const text = await readFile(join(ROOT, dir, 'package.json'), 'utf8');
      return entriesOf(JSON.parse(text) as Manifest, dir);
    }),
  );
  return entries.flat();
}
