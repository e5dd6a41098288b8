import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { runCommand } from './command.ts';
import { TestbedError } from './errors.ts';

export interface Kubectl {
  readonly path: string;
  /** `1.36.4`. */
  readonly version: string;
}

const CACHE_DIR = resolve(import.meta.dirname, '../../.cache/kubectl');

/**
 * The kubectl of this machine's own release and the newest that its package mirror has, unpacked
 * into a cache rather than installed. Oldest first, one per version; with no mirror, what is
 * installed.
 *
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING` when there is none at all
 */
export async function findKubectls(): Promise<readonly Kubectl[]> {
  const paths = await Promise.all([
    downloadOnce('release', downloadOfRelease),
    downloadOnce('newest', downloadNewest),
    runCommand(['sh', '-c', 'command -v kubectl || true']).then((path) => path.trim()),
  ]);
  const found = new Map<string, Kubectl>();
  for (const path of paths.filter((path) => path !== '' && path !== undefined) as string[]) {
    const version = await versionOf(path);
    if (version !== undefined && !found.has(version)) found.set(version, { path, version });
  }
  if (found.size === 0) {
    const text = 'no kubectl is installed, and none could be downloaded from the package mirror';
    throw new TestbedError('TESTBED_PROGRAM_MISSING', text);
  }
  const compare = new Intl.Collator('en', { numeric: true }).compare;
  return [...found.values()].sort((a, b) => compare(a.version, b.version));
}

/** Every kubectl since 1.0 has this flag; the short and the JSON form differ over time. */
async function versionOf(path: string): Promise<string | undefined> {
  const output = await runCommand([path, 'version', '--client']).catch(() => undefined);
  return output === undefined ? undefined : /v(\d+\.\d+\.\d+)/.exec(output)?.[1];
}

/** @returns where kubectl is, or `undefined` when this source has none */
async function downloadOnce(
  name: string,
  download: (dir: string) => Promise<void>,
): Promise<string | undefined> {
  const target = join(CACHE_DIR, name);
  const program = join(target, 'usr/bin/kubectl');
  if (existsSync(program)) return program;
  await mkdir(CACHE_DIR, { recursive: true });
  const dir = await mkdtemp(join(CACHE_DIR, 'download-'));
  try {
    await download(dir);
    for (const file of await readdir(dir)) {
      if (file.endsWith('.deb')) await runCommand(['dpkg', '-x', join(dir, file), dir]);
    }
    if (!existsSync(join(dir, 'usr/bin/kubectl'))) return undefined;
    await rename(dir, target).catch((error: unknown) => {
      if (!existsSync(program)) throw error; // another process was quicker
    });
    return program;
  } catch (error) {
    if (error instanceof TestbedError) return undefined; // no apt, no network, no such package
    throw error;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function downloadOfRelease(dir: string): Promise<void> {
  await aptDownload(dir, 'kubernetes-client', []);
}

/** Debian's unstable suite, through package lists of our own: the machine's stay as they are. */
async function downloadNewest(dir: string): Promise<void> {
  const targets = ['apt-get', 'indextargets', '--format', '$(ORIGIN) $(COMPONENT) $(REPO_URI)'];
  const lines = (await runCommand([...targets, 'Created-By: Packages'])).split('\n');
  const mirror = lines.map((line) => /^Debian main (\S+)$/.exec(line)?.[1]).find(Boolean);
  if (mirror === undefined) {
    throw new TestbedError('TESTBED_PROGRAM_MISSING', 'this machine has no Debian mirror');
  }
  const lists = join(dir, 'lists');
  const cache = join(dir, 'cache');
  const sources = join(dir, 'sources.list');
  for (const folder of [lists, cache]) await mkdir(join(folder, 'partial'), { recursive: true });
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  await writeFile(sources, `deb [signed-by=${keyring}] ${mirror} sid main\n`);
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': lists,
    'Dir::State::Status': '/dev/null', // what is installed must not outrank what is offered
    'Dir::Cache': cache,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await runCommand(['apt-get', '-q', ...options, 'update'], { timeoutMs: 180_000 });
  await aptDownload(dir, 'kubectl', options);
  await rm(lists, { recursive: true });
  await rm(cache, { recursive: true });
}

async function aptDownload(
  dir: string,
  packageName: string,
  options: readonly string[],
): Promise<void> {
  const argv = ['apt-get', '-q', ...options, 'download', packageName];
  await runCommand(argv, { cwd: dir, timeoutMs: 180_000 });
}
