import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { build } from 'esbuild';
import { expect } from 'vitest';

import { blocksOf } from '../../docs/blocks.ts';
import { ROOT, run } from '../../test/process.ts';

export interface BundledProgram {
  /** The beginning of the command line that runs Node.js. */
  readonly node: readonly string[];
  /** The folder of the bundle and of the add-on's `prebuilds`. */
  readonly dir: string;
  readonly name: string;
}

/** Runs a program in a network namespace of its own, and returns what it printed. */
export async function runBundled(
  { node, dir, name }: BundledProgram,
  source: string,
): Promise<string> {
  await writeFile(join(dir, `${name}.ts`), source);
  await build({
    ...{ entryPoints: [join(dir, `${name}.ts`)], outfile: join(dir, `${name}.mjs`) },
    ...{ bundle: true, format: 'esm', platform: 'node', logLevel: 'silent' },
    conditions: ['@nodeagent/source', 'module'],
    nodePaths: [join(ROOT, 'node_modules')],
  });
  const inNamespace = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
  const { exitCode, output } = await run([...inNamespace, ...node, join(dir, `${name}.mjs`)], {
    env: { NODE_OPTIONS: '' },
  });
  expect(exitCode, output).toBe(0);
  return output;
}

/** Returns the first TypeScript block of a page. */
export async function firstProgram(page: string): Promise<string> {
  const blocks = blocksOf(await readFile(page, 'utf8'));
  return blocks.find(({ language }) => language === 'ts')?.text ?? '';
}
