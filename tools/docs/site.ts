import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Application, type TypeDocOptions } from 'typedoc';
import ts from 'typescript';

import { ROOT } from '../test/process.ts';
import { drawDiagrams } from './diagrams.ts';
import type { Entry } from './entries.ts';
import { addReadmes } from './readmes.ts';
import { nameDocuments, nameParameters, openNavigation, SiteRouter, SiteTheme } from './theme.ts';
import { undocumented } from './undocumented.ts';

const OPTIONS: TypeDocOptions = {
  name: 'nodeagent',
  readme: 'docs/README.md',
  projectDocuments: ['docs/guides/*.md', 'docs/[a-z]*.md', 'docs/decisions/*.md'],
  basePath: ROOT,
  router: 'site',
  theme: 'site',
  customCss: 'tools/docs/site.css',
  lightHighlightTheme: 'github-light-high-contrast',
  darkHighlightTheme: 'github-dark-high-contrast',
  highlightLanguages: ['bash', 'console', 'js', 'json', 'nginx', 'sh', 'ts', 'typescript', 'yaml'],
  ignoredHighlightLanguages: ['mermaid', 'text'],
  disableGit: true,
  gitRevision: 'main',
  hideGenerator: true,
  includeHierarchySummary: false,
  headings: { readme: false, document: false }, // the text has its own
  excludePrivate: true,
  excludeExternals: true,
  searchInDocuments: true,
  sortEntryPoints: false,
  skipErrorChecking: true, // the typecheck is a target of its own
  logLevel: 'Warn',
  validation: { notExported: true, invalidLink: true, notDocumented: false, invalidPath: true },
};

/**
 * Writes the site. It reads the public entries in one TypeScript program, so a type links to its page
 * whatever package it comes from.
 *
 * @returns how many warnings it printed
 */
export async function buildSite(entries: readonly Entry[], out: string): Promise<number> {
  const template = await sourceLinkTemplate();
  const app = await Application.bootstrap({
    ...OPTIONS,
    ...(template === undefined ? {} : { sourceLinkTemplate: template }),
    packagesRequiringDocumentation: [...new Set(entries.map(({ packageName }) => packageName))],
    markdownItLoader: drawDiagrams,
  });
  app.renderer.defineRouter('site', SiteRouter);
  app.renderer.defineTheme('site', SiteTheme);
  openNavigation(app);
  nameDocuments(app);
  nameParameters(app);
  addReadmes(app, entries);
  const program = ts.createProgram(
    entries.map(({ file }) => join(ROOT, file)),
    compilerOptions(),
  );
  const project = app.converter.convert(
    entries.map(({ importName, file }) => {
      const sourceFile = program.getSourceFile(join(ROOT, file));
      if (sourceFile === undefined) throw new Error(`${importName}: ${file} does not exist`);
      return { displayName: importName, program, sourceFile };
    }),
  );
  app.validate(project);
  for (const symbol of undocumented(project)) app.logger.warn(`${symbol} has no comment`);
  await app.generateDocs(project, out);
  return app.logger.warningCount + app.logger.errorCount;
}

/**
 * Links to lines of the sources, if the packages' manifests name a repository. Otherwise pages give the
 * path in the repository without a link.
 */
async function sourceLinkTemplate(): Promise<string | undefined> {
  const text = await readFile(join(ROOT, 'packages/base/package.json'), 'utf8');
  const { repository } = JSON.parse(text) as { repository?: string | { url: string } };
  const url = typeof repository === 'string' ? repository : repository?.url;
  if (url === undefined) return undefined;
  return `${url.replace(/^git\+/, '').replace(/\.git$/, '')}/blob/{gitRevision}/{path}#L{line}`;
}

function compilerOptions(): ts.CompilerOptions {
  const dir = join(ROOT, 'tools');
  const read = (name: string): string | undefined => ts.sys.readFile(name);
  const { config } = ts.readConfigFile(join(dir, 'tsconfig.json'), read) as { config: unknown };
  return ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, dir).options;
}
