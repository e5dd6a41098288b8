/**
 * Releases the packages that changed, each with a version of its own.
 *
 *   npm run release -- patch ipvs=minor   compares the built packages with the registry's, and writes the
 *                                         versions of those that move and CHANGELOG.md, for a commit to review
 *   npm run release -- --publish          publishes the built packages whose versions the registry lacks,
 *                                         with provenance where CI can sign
 *   npm run release -- --dry-run          rehearses releases with copies of the packages and a local
 *                                         registry; needs a build, changes nothing
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { ROOT } from '../test/process.ts';
import { listProjects } from '../test/projects.ts';
import {
  type Manifest,
  nextVersion,
  publishArguments,
  releasedChangelog,
  tarballProblems,
} from './plan.ts';
import { type Env, must, standingsOf } from './registry.ts';
import { rehearse } from './rehearsal.ts';
import { inOrder, type Staged, stagePackage } from './stage.ts';
import { planMoves, rangeProblems, readLevels, withVersions } from './versions.ts';

const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');

const { values, positionals } = parseArgs({
  options: { 'dry-run': { type: 'boolean' }, publish: { type: 'boolean' } },
  allowPositionals: true,
});
const projects = await listProjects();
const published = projects.filter((project) => project.published);
const manifests = await Promise.all(published.map(({ dir }) => manifestOf(dir)));
refuse(rangeProblems(manifests));
if (values['dry-run'] === true) {
  const changelog = await read('CHANGELOG.md');
  if (!/^Nothing yet\.$/m.test(changelog)) releasedChangelog(changelog, '2026-01-01', manifests);
  await inFolder(async (dir) => {
    for (const line of await rehearse(await staged(dir), dir, publish)) console.log(line);
  });
} else if (values.publish === true) {
  await inFolder(async (dir) => {
    const all = await staged(dir);
    const standings = await standingsOf(all, dir, {});
    await publish(
      all.filter(({ manifest }) => standings.get(manifest.name) === 'unpublished'),
      {},
    );
  });
} else if (positionals.length > 0) await inFolder(write);
else refuse(['name how far packages move: npm run release -- patch']);

/** Writes versions and changelog to the work tree. The programs move whenever a package does. */
async function write(dir: string): Promise<void> {
  const names = manifests.map(({ name }) => name);
  const levels = readLevels(positionals, names);
  const standings = await standingsOf(await staged(dir), dir, {});
  const moves = planMoves(manifests, standings, levels);
  for (const { name, from, to, why } of moves)
    console.log(`${name}: ${from} → ${to}, because ${why}`);
  const versions = new Map(manifests.map(({ name, version }) => [name, version]));
  for (const { name, to } of moves) versions.set(name, to);
  const programs =
    moves.length === 0 ? [] : projects.filter(({ dir: each }) => each.startsWith('apps/'));
  for (const { dir: home, name } of programs) {
    versions.set(name, nextVersion((await manifestOf(home)).version, levels.all));
  }
  const isOut = (name: string): boolean =>
    standings.get(name) === 'unpublished' || moves.some((move) => move.name === name);
  const released = names.filter(isOut).map((name) => ({ name, version: versions.get(name) ?? '' }));
  if (released.length === 0)
    refuse(['every package is as the registry has it: nothing to release']);
  const day = new Date().toISOString().slice(0, 10);
  const changelog = releasedChangelog(await read('CHANGELOG.md'), day, released);
  for (const { dir: home, name } of projects) {
    const path = `${home}/package.json`;
    await writeFile(join(ROOT, path), withVersions(await read(path), versions, isOut(name)));
  }
  await writeFile(join(ROOT, 'CHANGELOG.md'), changelog);
  await must(['npm', 'install', '--package-lock-only', '--ignore-scripts'], ROOT, {});
  console.log(
    `${released.length} packages to publish: review, commit, tag ${day}, and let CI publish`,
  );
}

async function staged(dir: string): Promise<readonly Staged[]> {
  return Promise.all(published.map((project) => stagePackage(project, dir)));
}

/** Publishes dependencies before the packages that need them, after looking at every tarball. */
async function publish(packages: readonly Staged[], env: Env): Promise<void> {
  for (const { manifest, dir: from } of packages) {
    const argv = ['npm', 'pack', '--dry-run', '--json', '--loglevel=error'];
    const [packed] = JSON.parse(await must(argv, from, env)) as [
      { files: readonly { path: string }[] },
    ];
    refuse(
      tarballProblems(
        manifest,
        packed.files.map(({ path }) => path),
      ),
    );
  }
  // A rehearsal has no signature: its registry does not support signatures.
  const signed = Object.keys(env).length === 0 ? process.env : {};
  const commands = inOrder(packages).map((each) => ({
    ...each,
    args: publishArguments(each.manifest, signed),
  }));
  for (const { args, dir: from, manifest } of commands) {
    await must(['npm', ...args, '--loglevel=error'], from, env);
    console.log(`published ${manifest.name}@${manifest.version}`);
  }
}

async function inFolder(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'nodeagent-release-'));
  try {
    await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function manifestOf(dir: string): Promise<Manifest> {
  return JSON.parse(await read(`${dir}/package.json`)) as Manifest;
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  for (const problem of problems) console.error(problem);
  process.exit(1);
}
