import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../test/process.ts';
import type { Project } from '../test/projects.ts';
import { type Manifest, withAbsoluteLinks, withVersion } from './plan.ts';

/** A package to publish: a folder with its licence, separate from the sources. */
export interface Staged {
  readonly manifest: Manifest;
  readonly dir: string;
}

/** Makes the folder `packages/NAME` below `dir`. */
export async function stagePackage(
  project: Pick<Project, 'name' | 'dir'>,
  dir: string,
  version: Readonly<{ from: string; to: string }>,
): Promise<Staged> {
  const to = join(dir, 'packages', project.name);
  const from = join(ROOT, project.dir);
  await mkdir(to, { recursive: true });
  const text = withVersion(
    await readFile(join(from, 'package.json'), 'utf8'),
    version.from,
    version.to,
  );
  const manifest = JSON.parse(text) as Manifest;
  const readme = await readFile(join(from, 'README.md'), 'utf8');
  await writeFile(join(to, 'package.json'), text);
  await writeFile(join(to, 'README.md'), withAbsoluteLinks(readme, manifest));
  await cp(join(ROOT, 'LICENSE'), join(to, 'LICENSE'));
  await cp(join(from, 'dist'), join(to, 'dist'), { recursive: true });
  return { manifest, dir: to };
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
