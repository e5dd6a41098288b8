import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { type Modules, openModules, type Sources } from './modules.ts';

/** Reads a checkout; each file once. */
export function openWorkspace(root: string): {
  readonly sources: Sources;
  readonly modules: Modules;
} {
  const texts = new Map<string, string | undefined>();
  const sources: Sources = {
    read: (path) => {
      if (!texts.has(path)) texts.set(path, readIfThere(join(root, path)));
      return texts.get(path);
    },
  };
  const manifests = globSync('{packages,apps}/*/package.json', { cwd: root });
  const packages = manifests.map((path) => {
    const { name } = JSON.parse(sources.read(path) ?? '') as { name: string };
    return [name, dirname(path)] as const;
  });
  return { sources, modules: openModules(sources, new Map(packages)) };
}

const readIfThere = (path: string): string | undefined =>
  path.endsWith('.ts') || path.endsWith('.json')
    ? existsSync(path)
      ? readFileSync(path, 'utf8')
      : undefined
    : undefined;
