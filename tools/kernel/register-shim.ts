import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { findProgram, SetupError } from '../setup/machine.ts';
import { ROOT, run } from '../test/process.ts';

const CACHE = join(ROOT, '.cache/kernel-shim');

/**
 * @returns the library to preload into the user-mode kernel on this processor (see
 *   whole-registers.c), built at the first call; undefined when the kernel works without it
 */
export async function registerShim(): Promise<string | undefined> {
  if (!needsRegisterShim(await readFile('/proc/cpuinfo', 'utf8'))) return undefined;
  const source = join(import.meta.dirname, 'whole-registers.c');
  const library = join(CACHE, 'whole-registers.so');
  const built = join(CACHE, 'whole-registers.c');
  const same = await Promise.all([source, built].map((path) => readFile(path, 'utf8'))).then(
    ([wanted, had]) => wanted === had,
    () => false,
  );
  if (same && (await findProgram(library)) !== undefined) return library;
  await mkdir(CACHE, { recursive: true });
  const scratch = await mkdtemp(join(CACHE, 'build-')); // two runners may build at once
  try {
    const output = join(scratch, 'whole-registers.so');
    const outcome = await run(['tcc', '-shared', '-nostdlib', '-o', output, source]);
    if (outcome.exitCode !== 0) {
      throw new SetupError(`tcc cannot build ${source}:\n${outcome.output}`);
    }
    await rename(output, library);
    await copyFile(source, join(scratch, 'source'));
    await rename(join(scratch, 'source'), built);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return library;
}

/** AMX is so far the only extension whose register state is larger than the kernel's buffer. */
export function needsRegisterShim(cpuinfo: string): boolean {
  return /^flags\s*:.*\bamx_tile\b/m.test(cpuinfo);
}
