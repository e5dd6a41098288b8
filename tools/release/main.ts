/**
 * Releases all packages with one version.
 *
 *   npm run release -- minor        writes versions and CHANGELOG.md, for a commit to review
 *   npm run release -- --publish    publishes the built packages, with provenance where CI can sign
 *   npm run release -- --dry-run    does both with the next patch version, on a copy of the packages
 *                                   and a local registry; needs a build, changes nothing
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startNpmRegistry } from '@nodeagent/testbed';

import { ROOT, run } from '../test/process.ts';
import { listProjects } from '../test/projects.ts';
import {
  type Manifest,
  nextVersion,
  publishArguments,
  releasedChangelog,
  tarballProblems,
  versionProblems,
  withVersion,
} from './plan.ts';
import { inOrder, stagePackage } from './stage.ts';

type Env = Readonly<Record<string, string>>;

const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');

const { values, positionals } = parseArgs({
  options: { 'dry-run': { type: 'boolean' }, publish: { type: 'boolean' } },
  allowPositionals: true,
});
const projects = await listProjects();
const published = projects.filter((project) => project.published);
const manifests = await Promise.all(published.map(({ dir }) => manifestOf(dir)));
refuse(versionProblems(manifests));
const current = manifests[0]?.version ?? '';
if (values['dry-run'] === true) await rehearse(nextVersion(current, positionals[0] ?? 'patch'));
else if (values.publish === true) await inFolder((dir) => publish(dir, current, {}));
else if (positionals[0] !== undefined) await write(nextVersion(current, positionals[0]));
else refuse(['name a version: npm run release -- minor']);

/** Writes versions and changelog to the work tree. */
async function write(version: string): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  const changelog = releasedChangelog(await read('CHANGELOG.md'), version, day);
  const paths = [...projects.map(({ dir }) => `${dir}/package.json`)];
  for (const path of paths) {
    await writeFile(join(ROOT, path), withVersion(await read(path), current, version));
  }
  await writeFile(join(ROOT, 'CHANGELOG.md'), changelog);
  await must(['npm', 'install', '--package-lock-only', '--ignore-scripts'], ROOT, {});
  console.log(`version ${version} is written: review, commit, tag v${version}, and let CI publish`);
}

async function rehearse(version: string): Promise<void> {
  const changelog = await read('CHANGELOG.md');
  const day = new Date().toISOString().slice(0, 10);
  if (!/^Nothing yet\.$/m.test(changelog)) releasedChangelog(changelog, version, day);
  await inFolder(async (dir) => {
    const registry = await startNpmRegistry(ROOT, dir);
    try {
      await publish(dir, version, registry.npmEnv);
      for (const { name } of manifests) {
        const shown = await must(
          ['npm', 'view', `${name}@${version}`, 'license'],
          dir,
          registry.npmEnv,
        );
        if (!shown.includes('Apache-2.0')) refuse([`${name}@${version} is not at the registry`]);
      }
    } finally {
      await registry.stop();
    }
  });
  console.log(`${manifests.length} packages of version ${version} went to a local registry`);
}

/** Sorts dependencies before the packages that need them. */
async function publish(dir: string, version: string, env: Env): Promise<void> {
  const staged = await Promise.all(
    published.map((project) => stagePackage(project, dir, { from: current, to: version })),
  );
  for (const { manifest, dir: from } of staged) {
    const [packed] = JSON.parse(
      await must(['npm', 'pack', '--dry-run', '--json', '--loglevel=error'], from, env),
    ) as [{ files: readonly { path: string }[] }];
    refuse(
      tarballProblems(
        manifest,
        packed.files.map(({ path }) => path),
      ),
    );
  }
  // A rehearsal has no signature: its registry does not support signatures.
  const signed = Object.keys(env).length === 0 ? process.env : {};
  const commands = inOrder(staged).map((each) => ({
    ...each,
    args: publishArguments(each.manifest, signed),
  }));
  for (const { args, dir: from, manifest } of commands) {
    await must(['npm', ...args, '--loglevel=error'], from, env);
    console.log(`published ${manifest.name}@${version}`);
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

async function must(argv: readonly string[], cwd: string, env: Env): Promise<string> {
  const { exitCode, output } = await run(argv, { cwd, env });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} in ${cwd} failed:\n${output}`);
  return output;
}

async function manifestOf(dir: string): Promise<Manifest> {
  return JSON.parse(await read(`${dir}/package.json`)) as Manifest;
}

function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  for (const problem of problems) console.error(problem);
  process.exit(1);
}
