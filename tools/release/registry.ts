import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { run } from '../test/process.ts';
import type { Staged } from './stage.ts';
import type { Standing } from './versions.ts';

export type Env = Readonly<Record<string, string>>;

/** Runs a command. @throws {Error} with its output when it fails */
export async function must(argv: readonly string[], cwd: string, env: Env): Promise<string> {
  const { exitCode, output } = await run(argv, { cwd, env });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} in ${cwd} failed:\n${output}`);
  return output;
}

/** Compares packages with those that the registry has of their versions. */
export async function standingsOf(
  staged: readonly Staged[],
  scratch: string,
  env: Env,
): Promise<ReadonlyMap<string, Standing>> {
  const standings = new Map<string, Standing>();
  for (const each of staged)
    standings.set(each.manifest.name, await standingOf(each, scratch, env));
  return standings;
}

/** @throws {Error} when the registry gives no clear answer */
async function standingOf({ manifest, dir }: Staged, scratch: string, env: Env): Promise<Standing> {
  const { name, version } = manifest;
  const home = join(scratch, 'registry', name.replace('/', '-'));
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  const argv = ['npm', 'pack', `${name}@${version}`, '--silent', '--pack-destination', home];
  const { exitCode, output } = await run(argv, { cwd: scratch, env });
  if (exitCode !== 0) {
    const asked = ['npm', 'view', `${name}@${version}`, 'version', '--json'];
    const view = await run(asked, { cwd: scratch, env });
    if (/E404|^\s*$/.test(view.output)) return 'unpublished';
    throw new Error(`${argv.join(' ')} failed:\n${output}`);
  }
  const [tarball = ''] = await readdir(home);
  await must(['tar', '-xzf', tarball], home, env);
  return (await sameFiles(dir, join(home, 'package'))) ? 'same' : 'changed';
}

async function sameFiles(one: string, other: string): Promise<boolean> {
  const [names, others] = await Promise.all([filesIn(one), filesIn(other)]);
  if (names.join('\n') !== others.join('\n')) return false;
  const same = await Promise.all(
    names.map(async (name) => {
      const [a, b] = await Promise.all([readFile(join(one, name)), readFile(join(other, name))]);
      return a.equals(b);
    }),
  );
  return same.every(Boolean);
}

async function filesIn(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort();
}
