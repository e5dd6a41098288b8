import { cp } from 'node:fs/promises';
import { builtinModules as builtins, createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { defineConfig, type Options } from 'tsup';

/**
 * One JavaScript file per public entry, shared code in chunks beside them; the declaration files
 * come from `tsc`, which is faster and keeps one file per source file.
 *
 * @param entry output name without extension → source file, e.g. `{ index: 'src/index.ts' }`
 */
export function library(entry: Record<string, string>, more: Options = {}): Options {
  return defineConfig({
    entry,
    format: ['esm'],
    target: 'node22',
    platform: 'node',
    clean: true,
    splitting: true,
    sourcemap: true,
    dts: false,
    // bare names of Node's modules are first looked for as packages, which costs memory and time
    removeNodeProtocol: false,
    ...more,
  }) as Options;
}

/**
 * A program in one file: every dependency inside, started faster and leaner than a tree of modules.
 *
 * Node's own modules are taken by `process.getBuiltinModule`. An `import` of one reads all of its
 * exports, and some are getters that load whole subsystems: `node:http` alone brings in the fetch and
 * WebSocket client, 8 MiB that no agent uses.
 */
export function program(entry: string, more: Options = {}): Options {
  return library({ main: entry }, {
    ...more,
    noExternal: [/.*/],
    splitting: false,
    removeNodeProtocol: false,
    minifyWhitespace: true,
    minifySyntax: true,
    esbuildPlugins: [builtinModules, unusedParts],
  } as Options);
}

const builtinModules: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'builtin-modules',
  setup: (build) => {
    const names = new Set(builtins);
    build.onResolve({ filter: /^[a-z0-9_/:]+$/ }, ({ path }) => {
      const name = path.replace(/^node:/, '');
      return names.has(name) ? { path: name, namespace: 'builtin' } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      return { contents: `module.exports = process.getBuiltinModule('node:${path}');` };
    });
  },
};

/**
 * Parts of libraries that no agent uses, but which are loaded with the rest and bring in Node's own
 * modules for clusters, workers and profiling: 8 MiB for nothing.
 */
const unusedParts: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'unused-parts',
  setup: (build) => {
    const unused =
      /(prom-client[/\\]lib[/\\](cluster|pushgateway|defaultMetrics)|pino[/\\]lib[/\\]transport)\.js$/;
    build.onLoad({ filter: unused }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * Puts the native netlink add-on where the program that lies in `dist` finds it by its package name:
 * for a program that is taken away without `node_modules`. Every architecture, 0.5 MB in all.
 */
export async function copyNetlinkAddon(): Promise<void> {
  // this file is bundled with the configuration that uses it: only the working directory is known
  const { resolve } = createRequire(join(process.cwd(), 'package.json'));
  const from = join(dirname(resolve('netlink/package.json')), 'prebuilds');
  await cp(from, 'dist/node_modules/netlink/prebuilds', { recursive: true });
}
