import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../test/process.ts';
import type { Project } from '../test/projects.ts';
import { type Manifest, withAbsoluteLinks } from './plan.ts';
import { withVersions } from './versions.ts';

/** A package to publish: a folder with its licence, separate from the sources. */
export interface Staged {
  readonly manifest: Manifest;
  readonly dir: string;
}

/** For the workspace alone: they would make a package differ from the registry's without a reason. */
const OF_THE_WORKSPACE = ['devDependencies', 'nx'];

/** Makes the folder `packages/NAME` below `dir`. */
export async function stagePackage(
  project: Pick<Project, 'name' | 'dir'>,
  dir: string,
): Promise<Staged> {
  const to = join(dir, 'packages', project.name);
  const from = join(ROOT, project.dir);
  await mkdir(to, { recursive: true });
  const whole = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as Manifest;
  const fields = Object.entries(whole).filter(([key]) => !OF_THE_WORKSPACE.includes(key));
  const manifest = Object.fromEntries(fields) as unknown as Manifest;
  const readme = await readFile(join(from, 'README.md'), 'utf8');
  await writeFile(join(to, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
  await writeFile(join(to, 'README.md'), withAbsoluteLinks(readme, manifest));
  await cp(join(ROOT, 'LICENSE'), join(to, 'LICENSE'));
  await cp(join(from, 'dist'), join(to, 'dist'), { recursive: true });
  return { manifest, dir: to };
}

/** Gives a staged package its version and ranges after a release. */
export async function withNewVersions(
  { manifest, dir }: Staged,
  versions: ReadonlyMap<string, string>,
  isMoved: boolean,
): Promise<Staged> {
  const path = join(dir, 'package.json');
  const text = withVersions(await readFile(path, 'utf8'), versions, isMoved);
  await writeFile(path, text);
  return { manifest: { ...manifest, ...(JSON.parse(text) as Manifest) }, dir };
}

/** Sorts dependencies before the packages that need them. */
export function inOrder(staged: readonly Staged[]): readonly Staged[] {
  const done = new Set<Staged>();
  const visit = (one: Staged): void => {
    for (const name of Object.keys(one.manifest.dependencies ?? {})) {
      const other = staged.find(({ manifest }) => manifest.name === name);
      if (other !== undefined && !done.has(other)) visit(other);
    }
    done.add(one);
  };
  staged.forEach(visit);
  return [...done];
}
