import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startNpmRegistry } from '@nodeagent/testbed';

import { ROOT } from '../test/process.ts';
import { type Env, must, standingsOf } from './registry.ts';
import { type Staged, withNewVersions } from './stage.ts';
import { planMoves, readLevels } from './versions.ts';

type Publish = (packages: readonly Staged[], env: Env) => Promise<void>;

const BASE = '@nodeagent/base';

/**
 * Releases copies of all packages to a local registry, several times with different changes, and
 * looks at what the registry and a user's installation then have.
 *
 * @returns what was found, for the log
 * @throws {Error} when another package than expected moves
 */
export async function rehearse(
  all: readonly Staged[],
  dir: string,
  publish: Publish,
): Promise<readonly string[]> {
  const registry = await startNpmRegistry(ROOT, dir);
  const env = registry.npmEnv;
  let packages = all;

  /** One release: plan, write, publish. */
  const release = async (...levels: readonly string[]): Promise<readonly string[]> => {
    const manifests = packages.map(({ manifest }) => manifest);
    const names = manifests.map(({ name }) => name);
    const standings = await standingsOf(packages, dir, env);
    const moves = planMoves(manifests, standings, readLevels(levels, names));
    const versions = new Map(manifests.map(({ name, version }) => [name, version]));
    for (const { name, to } of moves) versions.set(name, to);
    const isOut = ({ manifest: { name } }: Staged): boolean =>
      standings.get(name) === 'unpublished' || moves.some((move) => move.name === name);
    packages = await Promise.all(
      packages.map((each) => withNewVersions(each, versions, isOut(each))),
    );
    await publish(packages.filter(isOut), env);
    return packages.filter(isOut).map(({ manifest: { name } }) => name);
  };
  const expect = (what: string, found: readonly string[], wanted: readonly string[]): string => {
    const [is, should] = [found, wanted].map((names) => names.toSorted().join(' '));
    if (is === should) return `${what}: ${found.length} of ${packages.length} packages`;
    throw new Error(`${what} released ${is}\ninstead of ${should}`);
  };
  const change = (name: string): Promise<void> => {
    const found = packages.find(({ manifest }) => manifest.name === name);
    return appendFile(join(found?.dir ?? '', 'dist/index.js'), '\n// changed\n');
  };
  const dependents = (name: string): readonly string[] =>
    packages.flatMap(({ manifest }) =>
      manifest.dependencies?.[name] === undefined ? [] : [manifest.name],
    );
  /** Installs a package as a user would now, and returns its version with that of base. */
  const installed = async (name: string): Promise<string> => {
    const project = join(dir, 'user');
    await mkdir(project, { recursive: true });
    await writeFile(join(project, 'package.json'), '{"private":true}');
    await must(['npm', 'install', name, '--loglevel=error'], project, env);
    const script = `for (const name of ['${name}', '${BASE}']) console.log(require(name + '/package.json').version)`;
    return (await must([process.execPath, '--eval', script], project, env))
      .trim()
      .split('\n')
      .join(' with ');
  };

  try {
    const names = packages.map(({ manifest }) => manifest.name);
    const findings = [expect('the first release', await release('patch'), names)];
    findings.push(expect('a release without a change', await release('patch'), []));
    await change(BASE);
    findings.push(expect(`a patch of ${BASE}`, await release('patch'), [BASE]));
    findings.push(`a user of ipvs then has ${await installed('@nodeagent/ipvs')} of base`);
    await change('@nodeagent/ipvs');
    findings.push(
      expect('a minor release of ipvs', await release('minor'), [
        '@nodeagent/ipvs',
        ...dependents('@nodeagent/ipvs'),
      ]),
    );
    await change(BASE);
    findings.push(
      expect(`a minor release of ${BASE}`, await release('minor'), [BASE, ...dependents(BASE)]),
    );
    findings.push(`a user of ipvs then has ${await installed('@nodeagent/ipvs')} of base`);
    return findings;
  } finally {
    await registry.stop();
  }
}
