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
export function program(entry: string, { esbuildPlugins = [], ...more }: Options = {}): Options {
  return library({ main: entry }, {
    ...more,
    noExternal: [/.*/],
    splitting: false,
    metafile: true, // tools/check-dependencies.ts reads what is inside
    removeNodeProtocol: false,
    minifyWhitespace: true,
    minifySyntax: true,
    esbuildPlugins: [...esbuildPlugins, unusedParts, builtinModules],
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
    // what the logger wants of whole modules of Node's: is this the main thread, and one assertion
    const slight: Readonly<Record<string, string>> = {
      worker_threads: 'module.exports = { isMainThread: true };',
      assert: 'module.exports = (ok, message) => { if (!ok) throw new Error(message); };',
    };
    build.onResolve({ filter: /^(node:)?(worker_threads|assert)$/ }, ({ path, importer }) => {
      if (!/[/\\](pino|sonic-boom)[/\\]/.test(importer)) return undefined;
      return { path: path.replace(/^node:/, ''), namespace: 'slight' };
    });
    build.onLoad({ filter: /.*/, namespace: 'slight' }, ({ path }) => ({ contents: slight[path] }));
  },
};

/**
 * `node:fs/promises` with only the named functions, made of those with callbacks: the module itself
 * brings in file handles, line readers and worker threads, a mebibyte that a program which reads a few
 * small files has no use for. The build fails when another one is imported.
 */
export function fewFilePromises(
  names: readonly string[],
): NonNullable<Options['esbuildPlugins']>[number] {
  return {
    name: 'few-file-promises',
    setup: (build) => {
      build.onResolve({ filter: /^(node:)?fs\/promises$/ }, () => {
        return { path: 'fs/promises', namespace: 'few-file-promises' };
      });
      build.onLoad({ filter: /.*/, namespace: 'few-file-promises' }, () => {
        const each = names.map((name) => `export const ${name} = promisify(fs.${name});`);
        const head = `const fs = process.getBuiltinModule('node:fs');
          const { promisify } = process.getBuiltinModule('node:util');`;
        return { contents: [head, ...each].join('\n') };
      });
    },
  };
}

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
