import { runCommand } from './command.ts';
import { type DebianPackage, unpackPackage } from './debian-package.ts';
import { TestbedError } from './errors.ts';

export interface Kubectl {
  readonly path: string;
  /** `1.36.4`. */
  readonly version: string;
}

const program = 'usr/bin/kubectl';
const PACKAGES: readonly DebianPackage[] = [
  { name: 'kubernetes-client', suite: 'release', program },
  { name: 'kubectl', suite: 'unstable', program },
];

/**
 * Finds the kubectl of this machine's own release and the newest one on its package mirror,
 * unpacked into a cache without installing it. Returns one per version, oldest first; without a
 * mirror, only installed ones.
 *
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING` when there is none at all
 */
export async function findKubectls(): Promise<readonly Kubectl[]> {
  const installed = runCommand(['sh', '-c', 'command -v kubectl || true']);
  const sources = [...PACKAGES.map((each) => unpackPackage(each)), installed];
  const found = new Map<string, Kubectl>();
  const problems: string[] = [];
  for (const source of await Promise.allSettled(sources)) {
    if (source.status === 'rejected') {
      if (!(source.reason instanceof TestbedError)) throw source.reason;
      problems.push(source.reason.message);
      continue;
    }
    const path = source.value.trim();
    const version = path === '' ? undefined : await versionOf(path);
    if (version !== undefined && !found.has(version)) found.set(version, { path, version });
  }
  if (found.size === 0) {
    const text = ['no kubectl is installed, and none could be downloaded', ...problems].join('; ');
    throw new TestbedError('TESTBED_PROGRAM_MISSING', text);
  }
  const compare = new Intl.Collator('en', { numeric: true }).compare;
  return [...found.values()].sort((a, b) => compare(a.version, b.version));
}

/** Every kubectl since 1.0 has this flag; the short and the JSON form differ between releases. */
async function versionOf(path: string): Promise<string | undefined> {
  const output = await runCommand([path, 'version', '--client']).catch(() => undefined);
  return output === undefined ? undefined : /v(\d+\.\d+\.\d+)/.exec(output)?.[1];
}
