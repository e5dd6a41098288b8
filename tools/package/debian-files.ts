import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { machinesMirror } from '@nodeagent/testbed';

import { perform } from './executable.ts';
import type { Architecture } from './programs.ts';

/** The release whose packages an image gets. */
const SUITE = 'bookworm';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Directories that only people read; licences stay. */
const NOT_NEEDED = ['usr/share/man', 'usr/share/locale', 'usr/share/lintian', 'usr/share/bug'];

/**
 * Unpacks Debian packages, and those that they depend on, into an empty directory. Nothing else of
 * Debian is there: no shell, no package manager. No script of a package runs.
 *
 * @param work a directory for downloads
 */
export async function unpackDebian(
  packages: readonly string[],
  {
    architecture,
    work,
    root,
  }: Readonly<Record<'work' | 'root', string> & { architecture: Architecture }>,
): Promise<void> {
  const [lists, cache, sources] = ['lists', 'cache', 'sources.list'].map((one) => join(work, one));
  const archives = join(cache ?? '', 'archives');
  await mkdir(join(lists ?? '', 'partial'), { recursive: true });
  await mkdir(join(archives, 'partial'), { recursive: true });
  const mirror = await machinesMirror();
  await writeFile(sources ?? '', `deb [signed-by=${KEYRING}] ${mirror} ${SUITE} main\n`);
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': lists,
    'Dir::State::Status': '/dev/null', // nothing is installed yet
    'Dir::Cache': cache,
    'Debug::NoLocking': '1', // it would be that of the machine's own packages
    'APT::Sandbox::User': 'root',
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Update::Error-Mode': 'any', // otherwise an unreachable mirror is only a warning
    'Acquire::Languages': 'none',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await perform(['apt-get', '-q', ...options, 'update']);
  const install = ['--no-install-recommends', '--download-only', '-y', 'install', ...packages];
  await perform(['apt-get', '-q', ...options, ...install]);
  await mkdir(root, { recursive: true });
  const files = (await readdir(archives)).filter((name) => name.endsWith('.deb')).sort();
  for (const file of files) await perform(['dpkg-deb', '-x', join(archives, file), root]);
  for (const path of NOT_NEEDED) await rm(join(root, path), { recursive: true, force: true });
}
