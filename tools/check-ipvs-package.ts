/**
 * Prints the unpacked size of @nodeagent/ipvs and every package that its installation adds. Fails
 * when one of them belongs to Kubernetes, because the package must be usable by any tool.
 *
 *   node tools/check-ipvs-package.ts
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT, run } from './test/process.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const PACKAGE = '@nodeagent/ipvs';
const MAY_USE = ['@nodeagent/base', '@nodeagent/netlink-codec', 'netlink'];

const { exitCode, output } = await run(
  ['npm', 'pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'],
  { cwd: join(ROOT, 'packages/ipvs') },
);
if (exitCode !== 0) throw new Error(output);
const packed = JSON.parse(output) as readonly { unpackedSize: number; entryCount: number }[];
const { unpackedSize = 0, entryCount = 0 } = packed[0] ?? {};
console.log(`${PACKAGE}: ${(unpackedSize / 1024).toFixed(0)} KiB unpacked, ${entryCount} files`);

const below = new Map<string, Manifest>();
await collect(PACKAGE);
below.delete(PACKAGE);
for (const { name, version } of below.values()) console.log(`  ${name} ${version}`);
const strangers = [...below.keys()].filter((name) => !isExpected(name));
for (const name of strangers) console.error(`${PACKAGE} must not depend on ${name}`);
process.exitCode = strangers.length === 0 && unpackedSize > 0 ? 0 : 1;

async function collect(name: string): Promise<void> {
  if (below.has(name)) return;
  const path = join(ROOT, 'node_modules', name, 'package.json');
  const manifest = JSON.parse(await readFile(path, 'utf8')) as Manifest;
  below.set(name, manifest);
  for (const each of Object.keys(manifest.dependencies ?? {})) await collect(each);
}

/** Our packages by name; of other packages, only the netlink add-on and its dependencies. */
function isExpected(name: string): boolean {
  return name.startsWith('@nodeagent/') || name.includes('kube') ? MAY_USE.includes(name) : true;
}
