import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from './process.ts';

export interface Project {
  /** The npm name. */
  readonly name: string;
  /** The folder below the repository's root: `packages/base`. */
  readonly dir: string;
  /** Published to npm. */
  readonly published: boolean;
}

/** Returns every workspace package, in the order of the folders. */
export async function listProjects(): Promise<readonly Project[]> {
  const groups = await Promise.all(
    ['packages', 'apps'].map(async (group) =>
      (await readdir(join(ROOT, group))).sort().map((name) => join(group, name)),
    ),
  );
  const dirs = [...groups.flat(), 'testbed', 'tools', 'e2e'];
  return Promise.all(
    dirs.map(async (dir) => {
      const text = await readFile(join(ROOT, dir, 'package.json'), 'utf8');
      const { name, private: hidden } = JSON.parse(text) as { name: string; private?: boolean };
      return { name, dir, published: hidden !== true };
    }),
  );
}

/** Returns the test files that a project has for a tier, as paths within the project. */
export async function listTestFiles({ dir }: Project, tier: string): Promise<readonly string[]> {
  const folder = join('tests', tier);
  const names = await readdir(join(ROOT, dir, folder), { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join(folder, name));
}
