import { cp, mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

import { TestbedError } from '../errors.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/**
 * Makes the folder that machines mount at /opt/nodeagent: the built programs as deploy/README.md
 * lays them out, and a Node.js beside them.
 *
 * @throws {TestbedError} `TESTBED_PROGRAM_MISSING` before the first build
 */
export async function makeAgentsFolder(dir: string): Promise<string> {
  await mkdir(join(dir, 'bin'), { recursive: true });
  const copy = (path: string): Promise<void> =>
    cp(join(ROOT, path), join(dir, path), {
      recursive: true,
      filter: (source) => !/\.map$|metafile-/.test(basename(source)),
    });
  try {
    await Promise.all(['dist/bin', 'apps/kubelet/dist', 'apps/kube-proxy/dist'].map(copy));
    await cp(process.execPath, join(dir, 'bin/node'));
    await cp(join(ROOT, 'deploy/systemd'), join(dir, 'systemd'), { recursive: true });
  } catch (cause) {
    const text = 'the built programs: run `npm run build` first';
    throw new TestbedError('TESTBED_PROGRAM_MISSING', text, { cause });
  }
  return dir;
}
