import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { runCommand } from './command.ts';
import { TestbedError } from './errors.ts';
import { identify } from './proc.ts';

export interface DebianPackage {
  readonly name: string;
  /** The release of this machine, or the newest one on its mirror. */
  readonly suite: 'release' | 'unstable';
  /** The file to find in the package: `usr/bin/kubectl`. */
  readonly program: string;
}

export interface DownloadOptions {
  /** The cache for packages between runs. */
  readonly cacheDir?: string;
  /** The mirror of the unstable suite: `http://…/debian/`; the machine's own when absent. */
  readonly mirror?: string;
}

const CACHE_DIR = resolve(import.meta.dirname, '../../.cache/packages');
const SLOW_MS = 180_000;

/**
 * Downloads a package through the machine's own apt and unpacks it into a cache without installing
 * it. This happens once, until the cache is emptied.
 *
 * @returns the path of the program
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING` with apt's message: no apt, no network, no
 *   such package
 */
export async function unpackPackage(
  wanted: DebianPackage,
  { cacheDir = CACHE_DIR, mirror }: DownloadOptions = {},
): Promise<string> {
  const { name, suite } = wanted;
  const target = join(cacheDir, `${suite}-${name}`);
  const program = join(target, wanted.program);
  if (existsSync(program)) return program;
  await mkdir(cacheDir, { recursive: true });
  await removeHalves(cacheDir);
  const dir = await mkdtemp(join(cacheDir, `download-${process.pid}-`));
  try {
    const options = suite === 'release' ? [] : await unstableOptions(dir, mirror);
    const argv = ['apt-get', '-q', ...options, 'download', name];
    await runCommand(argv, { cwd: dir, timeoutMs: SLOW_MS });
    const unpacked = join(dir, 'unpacked');
    for (const file of await readdir(dir)) {
      if (file.endsWith('.deb')) await runCommand(['dpkg', '-x', join(dir, file), unpacked]);
    }
    if (!existsSync(join(unpacked, wanted.program))) {
      throw new TestbedError('TESTBED_PROGRAM_MISSING', `it holds no ${wanted.program}`);
    }
    await rename(unpacked, target).catch((error: unknown) => {
      if (!existsSync(program)) throw error; // another process was quicker
    });
    return program;
  } catch (cause) {
    if (!(cause instanceof TestbedError)) throw cause;
    const text = `package ${name} of Debian's ${suite} suite: ${cause.message}`;
    throw new TestbedError('TESTBED_PROGRAM_MISSING', text, { cause });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Removes the files of killed processes. */
async function removeHalves(cacheDir: string): Promise<void> {
  for (const file of await readdir(cacheDir)) {
    const pid = /^download-(\d+)-/.exec(file)?.[1];
    if (pid === undefined || identify(Number(pid)) !== undefined) continue;
    await rm(join(cacheDir, file), { recursive: true, force: true });
  }
}

/**
 * Fetches package lists of our own and returns the options to use them; the machine's lists stay
 * unchanged.
 */
async function unstableOptions(dir: string, mirror?: string): Promise<readonly string[]> {
  const lists = join(dir, 'lists');
  const cache = join(dir, 'cache');
  const sources = join(dir, 'sources.list');
  for (const folder of [lists, cache]) await mkdir(join(folder, 'partial'), { recursive: true });
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const from = mirror ?? (await machinesMirror());
  await writeFile(sources, `deb [signed-by=${keyring}] ${from} sid main\n`);
  const settings = {
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': lists,
    'Dir::State::Status': '/dev/null', // offered versions take precedence
    'Dir::Cache': cache,
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
    'APT::Update::Error-Mode': 'any', // otherwise an unreachable mirror is only a warning
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await runCommand(['apt-get', '-q', ...options, 'update'], { timeoutMs: SLOW_MS });
  return options;
}

/** Returns the address of the machine's own Debian mirror: `http://…/debian/`. */
export async function machinesMirror(): Promise<string> {
  const targets = ['apt-get', 'indextargets', '--format', '$(ORIGIN) $(COMPONENT) $(REPO_URI)'];
  const lines = (await runCommand([...targets, 'Created-By: Packages'])).split('\n');
  const mirror = lines.map((line) => /^Debian main (\S+)$/.exec(line)?.[1]).find(Boolean);
  if (mirror !== undefined) return mirror;
  throw new TestbedError('TESTBED_PROGRAM_MISSING', 'this machine has no Debian mirror');
}
