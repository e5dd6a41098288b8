import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { NpmRegistry } from '@nodeagent/testbed';

import { blocksOf } from '../../docs/blocks.ts';
import { commandsForTier } from '../../docs/commands.ts';

const execute = promisify(execFile);

const FOLDER = 'node_modules/';

export const ROOT = join(import.meta.dirname, '../../..');

export interface PublishedPackage {
  /** `@nodeagent/ipvs`. */
  readonly name: string;
  readonly version: string;
  /** Below the repository's root. */
  readonly dir: string;
  /** The names to import, without the one of package.json. */
  readonly entries: readonly string[];
  readonly readme: string;
}

/** Entries that have types only. */
const TYPES_ONLY: ReadonlySet<string> = new Set(['@nodeagent/kube-client/types']);

/** `ts` blocks of a page that need more than a machine with Node.js, by their number. */
const NEEDS_MORE: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  'docs/guides/program-nftables.md': { 0: 'a network namespace of its own' },
  'docs/guides/replace-ipvsadm.md': { 0: 'changes the tables of this kernel' },
  '@nodeagent/cri-client': { 1: 'a container runtime', 2: 'a container runtime' },
  '@nodeagent/ipvs': { 1: 'changes the tables of this kernel' },
};

export async function publishedPackages(): Promise<readonly PublishedPackage[]> {
  const names = await readdir(join(ROOT, 'packages'));
  const all = await Promise.all(
    names.sort().map(async (folder) => {
      const dir = `packages/${folder}`;
      const manifest = JSON.parse(await readFile(join(ROOT, dir, 'package.json'), 'utf8')) as {
        readonly name: string;
        readonly version: string;
        readonly private?: boolean;
        readonly exports: Readonly<Record<string, unknown>>;
      };
      const entries = Object.keys(manifest.exports)
        .filter((path) => !path.includes('*') && path !== './package.json')
        .map((path) => manifest.name + path.slice(1));
      const readme = await readFile(join(ROOT, dir, 'README.md'), 'utf8');
      return { ...manifest, dir, entries, readme };
    }),
  );
  return all.filter((each) => each.private !== true);
}

/** The packages of the README's first `npm install`: those that its examples use. */
export function installedBy({ name, readme }: PublishedPackage): readonly string[] {
  const [, names = ''] = /^npm install (?!-)(.*)$/m.exec(readme) ?? [];
  const found = names.split(' ').filter((each) => each !== '');
  if (!found.includes(name)) throw new Error(`${name}: its README does not say how to install it`);
  return found;
}

export interface Example {
  readonly file: string;
  readonly source: string;
  /** The reason why it is only compiled. */
  readonly needs: string | undefined;
}

/** @param name of the package, or the page's path */
export function examplesOf(name: string, page: string): readonly Example[] {
  return blocksOf(page)
    .filter(({ language }) => language === 'ts')
    .map(({ text }, i) => ({
      file: `example-${i + 1}.ts`,
      source: text,
      needs: NEEDS_MORE[name]?.[i],
    }));
}

/** A page with instructions to install something. */
export interface Instructions {
  readonly page: string;
  /** As the reader types them. */
  readonly commands: readonly string[];
  /** The packages that they install. */
  readonly names: readonly string[];
  readonly examples: readonly Example[];
}

/** The instructions of the guides; the READMEs' are in their packages' own tests. */
export async function guides(): Promise<readonly Instructions[]> {
  const pages = commandsForTier('packages').filter(({ page }) => page.startsWith('docs/guides/'));
  return Promise.all(
    pages.map(async ({ page, commands }) => ({
      page,
      commands: commands.map(({ text }) => text),
      names: commands.flatMap(({ text }) =>
        text
          .split(' ')
          .slice(2)
          .filter((word) => !/^-/.test(word)),
      ),
      examples: examplesOf(page, await readFile(join(ROOT, page), 'utf8')),
    })),
  );
}

/** An empty project of someone who has never seen this repository. */
export class StrangersProject {
  readonly dir: string;
  readonly #registry: NpmRegistry;

  private constructor(dir: string, registry: NpmRegistry) {
    this.dir = dir;
    this.#registry = registry;
  }

  static async create(dir: string, registry: NpmRegistry): Promise<StrangersProject> {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'package.json'), '{"private":true,"type":"module"}');
    return new StrangersProject(dir, registry);
  }

  /** @returns everything that npm said, warnings included */
  async npmInstall(names: readonly string[]): Promise<string> {
    return this.run('npm', ['install', ...names]);
  }

  /** Installs with a strict `node_modules`: only what is named can be imported. */
  async pnpmAdd(names: readonly string[]): Promise<string> {
    const pnpm = join(ROOT, 'node_modules/pnpm/bin/pnpm.cjs');
    const store = join(this.dir, '../pnpm-store');
    const options = ['--ignore-workspace', '--reporter=append-only', `--store-dir=${store}`];
    return this.run(process.execPath, [pnpm, 'add', ...options, ...names]);
  }

  /** Types a command of a page. @returns everything that it said, warnings included */
  async type(command: string): Promise<string> {
    return this.run('sh', ['-c', command]);
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.dir, name), text);
  }

  /** @throws {Error} with the output, when the program fails */
  async run(program: string, args: readonly string[]): Promise<string> {
    const env = { ...process.env, ...this.#registry.npmEnv, FORCE_COLOR: '0', NODE_OPTIONS: '' };
    try {
      const { stdout, stderr } = await execute(program, args, { cwd: this.dir, env });
      return stdout + stderr;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const command = [program, ...args].join(' ');
      throw new Error(`${command} in ${this.dir} failed:\n${stdout}${stderr}`, { cause: error });
    }
  }

  /** Compiles files with the strictest options; the declarations of packages too. */
  async typeCheck(files: readonly string[]): Promise<void> {
    const config = { compilerOptions: STRICT, files };
    await this.write({ 'tsconfig.json': JSON.stringify(config) });
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc6');
    await this.run(process.execPath, [tsc, '-p', '.']);
  }

  /** The installed packages as `name@version`, and their size. */
  async installed(): Promise<Readonly<{ packages: readonly string[]; bytes: number }>> {
    const lock = JSON.parse(await readFile(join(this.dir, 'package-lock.json'), 'utf8')) as {
      readonly packages: Readonly<Record<string, Readonly<{ version?: string }>>>;
    };
    const files = await readdir(join(this.dir, 'node_modules'), {
      recursive: true,
      withFileTypes: true,
    });
    const sizes = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map(async (file) => (await stat(join(file.parentPath, file.name))).size),
    );
    return {
      packages: Object.entries(lock.packages)
        .filter(([path]) => path !== '')
        .map(
          ([path, { version }]) =>
            `${path.slice(path.lastIndexOf(FOLDER) + FOLDER.length)}@${version}`,
        ),
      bytes: sizes.reduce((sum, size) => sum + size, 0),
    };
  }
}

/** Lists the warnings of an installation, and notices of packages that want to run a script. */
export function warningsIn(said: string): readonly string[] {
  return said
    .split('\n')
    .filter((line) => /warn|install-scripts|ignored build scripts/i.test(line));
}

/** A module that imports each entry and fails when one exports nothing. */
export function importing(entries: readonly string[]): string {
  const withValues = entries.filter((entry) => !TYPES_ONLY.has(entry));
  return `${entries.map((entry, i) => `import * as m${i} from '${entry}';`).join('\n')}
const sizes = { ${entries.map((entry, i) => `'${entry}': Object.keys(m${i}).length`).join(', ')} };
for (const name of ${JSON.stringify(withValues)} as const) {
  if (sizes[name] === 0) throw new Error(\`\${name} exports nothing\`);
}
`;
}

/** As strict as a careful user's configuration; checks our declaration files too. */
const STRICT = {
  target: 'ES2024',
  lib: ['ES2024', 'ESNext.Disposable'],
  module: 'NodeNext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  types: ['node'],
};
