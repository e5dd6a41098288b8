import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type NpmRegistry, startNpmRegistry } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, unknown>>;
}

async function publishedPackages(): Promise<readonly { dir: string; manifest: Manifest }[]> {
  const names = await readdir(join(root, 'packages'));
  const all = await Promise.all(
    names.map(async (name) => {
      const dir = join(root, 'packages', name);
      const manifest = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8')) as Manifest;
      return { dir, manifest };
    }),
  );
  return all.filter(({ manifest }) => manifest.private !== true);
}

const packages = await publishedPackages();

/** A user's first steps with each package: install it into an empty project and import it. */
describe('published packages', () => {
  let dir: string;
  let registry: NpmRegistry;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nodeagent-publish-'));
    registry = await startNpmRegistry(root, dir);
    for (const { dir: from } of packages) await npm(['publish', '--tag', 'test'], from);
  }, 300_000);

  afterAll(async () => {
    await registry.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function npm(args: readonly string[], cwd: string): Promise<void> {
    await run('npm', [...args, '--loglevel=error'], cwd);
  }

  async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
    const env = { ...process.env, ...registry.npmEnv, FORCE_COLOR: '0', NODE_OPTIONS: '' };
    try {
      return (await execute(program, args, { cwd, env })).stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const command = [program, ...args].join(' ');
      throw new Error(`${command} in ${cwd} failed:\n${stdout}${stderr}`, { cause: error });
    }
  }

  it.each(packages)(
    '$manifest.name installs, imports and type-checks',
    async ({ dir: from, manifest }) => {
      const project = join(dir, manifest.name.replace('/', '-'));
      await mkdir(project);
      await writeFile(join(project, 'package.json'), '{"private":true,"type":"module"}');
      await npm(['install', `${manifest.name}@${manifest.version}`], project);

      const entries = Object.keys(manifest.exports)
        .filter((path) => path !== './package.json')
        .map((path) => manifest.name + path.slice(1));
      const imports = entries.map((entry, i) => `import * as m${i} from '${entry}';`).join('\n');
      const counts = `console.log([${entries.map((_, i) => `Object.keys(m${i}).length`).join(',')}].join());`;
      await writeFile(join(project, 'all.mjs'), `${imports}\n${counts}\n`);
      const exported = (await run(process.execPath, ['all.mjs'], project))
        .trim()
        .split(',')
        .map(Number);
      expect(exported).toHaveLength(entries.length);
      expect(exported.every((count) => count > 0)).toBe(true);

      const readme = await readFile(join(from, 'README.md'), 'utf8');
      const example = /^```ts\n(.*?)^```$/ms.exec(readme)?.[1];
      expect(example, 'README.md has a ts example').toBeDefined();
      await writeFile(join(project, 'all.ts'), `${imports}\n${counts}\n`);
      await writeFile(join(project, 'example.ts'), example ?? '');
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify(strictConfig));
      await run(
        process.execPath,
        [join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'],
        project,
      );
      await run(process.execPath, ['--no-warnings', 'example.ts'], project);
    },
  );
});

/** As strict as a careful user's configuration; checks our declaration files too. */
const strictConfig = {
  compilerOptions: {
    target: 'ES2024',
    lib: ['ES2024', 'ESNext.Disposable'],
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    typeRoots: [join(root, 'node_modules/@types')],
    types: ['node'],
  },
  files: ['all.ts', 'example.ts'],
};
