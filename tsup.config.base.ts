import { builtinModules as builtins } from 'node:module';

import { defineConfig, type Options } from 'tsup';

import { bundledName, bundleThirdParty } from './tools/bundle-third-party.ts';

interface LibraryOptions extends Options {
  /**
   * Packages that are CommonJS modules and load Node's own modules, which fails in an ES module made
   * by esbuild. The field `imports` of package.json says who takes the copy in `dist/bundled`: bundlers,
   * while Node.js takes the installed package, or both, if the package is carried.
   */
  readonly thirdParty?: readonly string[];
}

/**
 * One JavaScript file per public entry, shared code in chunks beside them; the declaration files
 * come from `tsc`, which is faster and keeps one file per source file.
 *
 * @param entry output name without extension → source file, e.g. `{ index: 'src/index.ts' }`
 */
export function library(
  entry: Record<string, string>,
  { thirdParty = [], onSuccess, plugins = [], external = [], ...more }: LibraryOptions = {},
): Options {
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
    external: [...external, ...thirdParty], // those that are carried are no dependencies
    plugins: [...plugins, withoutBareChunks, byImportsField(thirdParty)],
    onSuccess: async () => {
      if (typeof onSuccess === 'function') await onSuccess();
      const unneeded = [unusedParts, builtinModules];
      for (const name of thirdParty) await bundleThirdParty(name, 'dist/bundled', unneeded);
    },
  }) as Options;
}

/** Turns `from 'yaml'` into `from '#yaml'`. */
function byImportsField(thirdParty: readonly string[]): NonNullable<Options['plugins']>[number] {
  return {
    name: 'by-imports-field',
    renderChunk: (code, { map }) => ({
      code: code.replace(
        /^(import .* from |\} from )(['"])([^'"]+)(?=['"];$)/gm,
        (all, head: string, quote: string, name: string) =>
          thirdParty.includes(name) ? `${head}${quote}#${bundledName(name)}` : all,
      ),
      map: map ?? null,
    }),
  };
}

/** Our modules have no effects when loaded; bundlers warn of an import that asks for them. */
const withoutBareChunks: NonNullable<Options['plugins']>[number] = {
  name: 'without-bare-chunks',
  renderChunk: (code, { map }) => ({
    // the line stays, for the source map
    code: code.replace(/^import ['"]\.{1,2}\/(\.\.\/)*chunk-\w+\.js['"];$/gm, ''),
    map: map ?? null,
  }),
};

/**
 * A program in one file: every dependency inside, started faster and leaner than a tree of modules.
 *
 * Node's own modules are taken by `process.getBuiltinModule`. An `import` of one reads all of its
 * exports, and some are getters that load whole subsystems: `node:http` alone brings in the fetch and
 * WebSocket client, 8 MiB that no agent uses.
 */
export function program(entry: string, { esbuildPlugins = [], ...more }: Options = {}): Options {
  return library(
    { main: entry },
    {
      ...more,
      // without the condition `module`: each third-party package once, as it is installed
      esbuildOptions: (options) => {
        options.conditions = [];
      },
      noExternal: [/.*/],
      splitting: false,
      metafile: true, // tools/check-dependencies.ts reads what is inside
      removeNodeProtocol: false,
      minifyWhitespace: true,
      minifySyntax: true,
      esbuildPlugins: [...esbuildPlugins, carriedPackages, unusedParts, builtinModules],
    },
  );
}

/** Packages that several of ours carry are in a program once, as they are installed here. */
const carriedPackages: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'carried-packages',
  setup: (build) => {
    build.onResolve({ filter: /^#grpc-js$/ }, ({ kind, resolveDir }) =>
      build.resolve('@grpc/grpc-js', { kind, resolveDir }),
    );
  },
};

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
    build.onLoad({ filter: /.*/, namespace: 'slight' }, ({ path }) => ({
      contents: slight[path] ?? '',
    }));
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
