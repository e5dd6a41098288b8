import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { type Application, Converter, MinimalSourceFile, normalizePath } from 'typedoc';

import { ROOT } from '../test/process.ts';
import type { Entry } from './entries.ts';

/** Puts each package's README above the list of what its root entry exports. */
export function addReadmes(app: Application, entries: readonly Entry[]): void {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const { importName, packageName, dir } of entries) {
      if (importName !== packageName) continue;
      const module = project.children?.find(({ name }) => name === importName);
      if (module === undefined) throw new Error(`${importName} has no page`);
      const path = join(ROOT, dir, 'README.md');
      const text = withoutTitle(readFileSync(path, 'utf8'));
      const file = new MinimalSourceFile(text, normalizePath(path));
      module.readme = app.converter.parseRawComment(file, project.files).content;
      project.files.registerReflectionPath(normalizePath(path), module);
    }
  });
}

/** The page has its own heading: the import name. */
function withoutTitle(text: string): string {
  return text.replace(/^# .*\n+/, '');
}
