import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { MUSL_LOADER } from '../setup/packages.ts';
import { run } from '../test/process.ts';

/** The C++ runtime that Debian has for glibc only; musl's users have one of the same interface. */
const RUNTIME = /\/lib(?:stdc\+\+|gcc_s)\.so\.\d+$/;

/**
 * Prepares a folder with which this Node.js runs on musl's libc instead of glibc's: the C++ libraries
 * of this process, and the few names that musl lacks (`glibc-names.c`).
 *
 * @returns the beginning of a command line, to which a script or options of Node.js are added
 */
export async function nodeOnMusl(folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const source = join(import.meta.dirname, 'glibc-names.c');
  await compile([source], join(folder, 'ld-linux-x86-64.so.2'));
  const nothing = join(folder, 'nothing.c');
  await writeFile(nothing, 'int nothing;\n');
  await compile([nothing], join(folder, 'libatomic.so.1'));
  for (const path of runtimeLibraries()) await symlink(path, join(folder, basename(path)));
  return [MUSL_LOADER, '--library-path', folder, process.execPath];
}

/** Lists the names that an ELF file wants and no library of musl or of the folder has. */
export async function unresolvedOnMusl(file: string, folder: string): Promise<readonly string[]> {
  const { output } = await run([MUSL_LOADER, '--library-path', folder, '--list', file]);
  return output.split('\n').flatMap((line) => {
    if (/^Error loading shared library/.test(line)) return [line];
    const [, name] = /^Error relocating .*: (\S+): symbol not found$/.exec(line) ?? [];
    return name === undefined ? [] : [name];
  });
}

function runtimeLibraries(): readonly string[] {
  const { sharedObjects } = process.report.getReport() as { readonly sharedObjects: string[] };
  return sharedObjects.filter((path) => RUNTIME.test(path));
}

async function compile(sources: readonly string[], output: string): Promise<void> {
  const outcome = await run(['tcc', '-w', '-shared', '-nostdlib', '-o', output, ...sources]);
  if (outcome.exitCode !== 0) throw new Error(`tcc ${sources.join(' ')}: ${outcome.output}`);
}
