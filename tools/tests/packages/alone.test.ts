import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type NpmRegistry, startNpmRegistry } from '@nodeagent/testbed';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { commandsForTier } from '../../docs/commands.ts';
import { inOrder, stagePackage } from '../../release/stage.ts';
import { type Cost, renderSizes, sizeProblems, withSizes } from './sizes.ts';
import {
  examplesOf,
  guides,
  importing,
  installedBy,
  publishedPackages,
  ROOT,
  StrangersProject,
  warningsIn,
} from './strangers.ts';

/** Declarations that replace those of the project at the top of its node_modules. */
const OLD_TYPES = /^@types\/(?!node@2[2-9])/;

const packages = await publishedPackages();
/** The commands that install something, by page. */
const readmes = new Map(
  commandsForTier('packages').map(({ page, commands }) => [page, commands.map(({ text }) => text)]),
);
const costs: Cost[] = [];
let dir: string;
let registry: NpmRegistry;
let bareRssMib: number;

vi.setConfig({ maxConcurrency: 2 });

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodeagent-alone-'));
  registry = await startNpmRegistry(ROOT, dir);
  const staged = await Promise.all(
    packages.map(({ name, dir: from }) => stagePackage({ name, dir: from }, dir)),
  );
  const publisher = await StrangersProject.create(join(dir, 'publisher'), registry);
  for (const { dir: from } of inOrder(staged)) {
    await publisher.run('npm', ['publish', from, '--tag', 'latest', '--loglevel=error']);
  }
  bareRssMib = (await measured(publisher, "'node:fs'")).rssMib;
}, 300_000);

afterAll(async () => {
  await registry.stop();
  await rm(dir, { recursive: true, force: true });
});

describe.concurrent.each(packages)('$name, installed alone', (each) => {
  const named = installedBy(each);
  const examples = examplesOf(each.name, each.readme);
  const commands = readmes.get(`${each.dir}/README.md`) ?? [];
  const project = (manager: string): Promise<StrangersProject> =>
    StrangersProject.create(join(dir, manager, each.name.replace('/', '-')), registry);

  it('by npm: no warning, every entry loads, bundles and starts', async ({ expect }) => {
    const own = await project('npm');
    const startedMs = performance.now();
    expect(warningsIn(await own.npmInstall([each.name]))).toEqual([]);
    const installSeconds = (performance.now() - startedMs) / 1000;
    const { packages: added, bytes } = await own.installed();
    expect(added.filter((name) => OLD_TYPES.test(name))).toEqual([]);
    const { entries } = each;
    await own.write({ 'all.ts': importing(entries) });
    await own.run(process.execPath, ['--no-warnings', 'all.ts']);
    const { importMs, rssMib } = await measured(own, `'${each.name}'`);
    costs.push({
      ...{ name: each.name, packages: added.length, mib: bytes / 2 ** 20, installSeconds },
      ...{ importMs, rssMib: Math.max(0, rssMib - bareRssMib) },
    });
    await bundleAndStart(own, entries);
    for (const command of commands) expect(warningsIn(await own.type(command))).toEqual([]);
  });

  it('by pnpm: type-checks, and its README runs', async ({ expect }) => {
    const own = await project('pnpm');
    const said = await own.pnpmAdd([...named, '@types/node@22']);
    expect(warningsIn(said)).toEqual([]);
    await own.write({
      'all.ts': importing(each.entries),
      ...Object.fromEntries(examples.map(({ file, source }) => [file, source])),
    });
    expect(examples.length).toBeGreaterThan(0);
    await own.typeCheck(['all.ts', ...examples.map(({ file }) => file)]);
    await own.run(process.execPath, ['--no-warnings', 'all.ts']);
    for (const { file, needs } of examples) {
      if (needs === undefined) await own.run(process.execPath, ['--no-warnings', file]);
    }
  });
});

describe.concurrent.each(await guides())('$page', ({ page, commands, names, examples }) => {
  const project = (manager: string): Promise<StrangersProject> =>
    StrangersProject.create(join(dir, manager, page.replaceAll('/', '-')), registry);

  it('installs without a warning, as it says', async ({ expect }) => {
    const own = await project('npm');
    for (const command of commands) expect(warningsIn(await own.type(command))).toEqual([]);
  });

  it('names every package that its program needs', async ({ expect }) => {
    const own = await project('pnpm');
    await own.pnpmAdd([...names, '@types/node@22']);
    await own.write(Object.fromEntries(examples.map(({ file, source }) => [file, source])));
    expect(examples.length).toBeGreaterThan(0);
    await own.typeCheck(examples.map(({ file }) => file));
    for (const { file, needs } of examples) {
      if (needs === undefined) await own.run(process.execPath, ['--no-warnings', file]);
    }
  });
});

describe('a program in one file', () => {
  it('finds the netlink add-on beside itself, or says how to put it there', async () => {
    const name = '@nodeagent/netlink-codec';
    const own = await StrangersProject.create(join(dir, 'one-file'), registry);
    await own.npmInstall([name]);
    await own.write({
      'main.mjs': `import { openNetlinkSocket, PROTOCOL } from '${name}/socket';
openNetlinkSocket({ protocol: PROTOCOL.route }).close();
console.log('open');`,
    });
    const away = join(dir, 'taken-away');
    const outfile = join(away, 'main.mjs');
    await build({ ...BUNDLE, entryPoints: [join(own.dir, 'main.mjs')], outfile });
    const start = (): Promise<string> => own.run(process.execPath, [outfile]);
    await rm(join(own.dir, 'main.mjs'));
    await expect(start()).rejects.toThrow(/NETLINK_ADDON_MISSING|dist\/prebuilds beside/);
    await cp(join(own.dir, 'node_modules', name, 'dist/prebuilds'), join(away, 'prebuilds'), {
      recursive: true,
    });
    expect(await start()).toBe('open\n');
  });
});

describe('the table in README.md', () => {
  it('has the costs of every package', async () => {
    const sorted = costs.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(sorted).toHaveLength(packages.length);
    const table = renderSizes(sorted);
    console.log(table);
    const path = join(ROOT, 'README.md');
    const readme = await readFile(path, 'utf8');
    if (process.env['NODEAGENT_WRITE_SIZES'] === '1')
      await writeFile(path, withSizes(readme, table));
    else expect(sizeProblems(readme, sorted)).toEqual([]);
  });
});

const BUNDLE = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  outExtension: { '.js': '.mjs' },
  logLevel: 'silent',
} as const;

/** Bundles each entry for itself, without a warning, and loads the bundles without the project. */
async function bundleAndStart(
  project: StrangersProject,
  entries: readonly string[],
): Promise<void> {
  const outdir = `${project.dir}-bundled`;
  const names = entries.map((_, i) => `entry-${i}`);
  await project.write(
    Object.fromEntries(
      entries.map((entry, i) => [
        `entry-${i}.mjs`,
        `import * as all from '${entry}';\nif (all === undefined) throw new Error();`,
      ]),
    ),
  );
  const entryPoints = names.map((name) => join(project.dir, `${name}.mjs`));
  const { warnings } = await build({ ...BUNDLE, entryPoints, outdir });
  expect(warnings.map(({ text }) => text)).toEqual([]);
  const start = names.map((name) => `await import('${outdir}/${name}.mjs');`).join('');
  await project.run(process.execPath, ['--input-type=module', '--eval', start]);
}

/** The best of three, each in a new process. */
async function measured(
  project: StrangersProject,
  module: string,
): Promise<Readonly<{ importMs: number; rssMib: number }>> {
  const script = `const before = performance.now();
await import(${module});
const importMs = performance.now() - before;
console.log(JSON.stringify({ importMs, rssMib: process.memoryUsage.rss() / 2 ** 20 }));`;
  const runs: { importMs: number; rssMib: number }[] = [];
  for (let i = 0; i < 3; i += 1) {
    const said = await project.run(process.execPath, ['--input-type=module', '--eval', script]);
    runs.push(JSON.parse(said) as { importMs: number; rssMib: number });
  }
  return {
    importMs: Math.min(...runs.map(({ importMs }) => importMs)),
    rssMib: Math.min(...runs.map(({ rssMib }) => rssMib)),
  };
}
