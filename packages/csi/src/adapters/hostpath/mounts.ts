import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import { type MountEntry, parseMounts } from '../../model/mount-entry.js';
import { runCommand } from './commands.js';

/** The mount that shows at this path. */
export async function mountAt(path: string): Promise<MountEntry | undefined> {
  return (await allMounts()).findLast((mount) => mount.path === path);
}

export async function allMounts(): Promise<readonly MountEntry[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** `mount --bind`, and read-only where that is asked for. */
export async function bind(source: string, target: string, readonly: boolean): Promise<void> {
  await runCommand('mount', ['--no-canonicalize', '--bind', source, target]);
  if (!readonly) return;
  try {
    await runCommand('mount', ['--no-canonicalize', '-o', 'remount,bind,ro', target]);
  } catch (error) {
    await unmountAll(target); // never left writable
    throw error;
  }
}

/** Unmounts whatever is mounted at the path, several times where it was mounted several times. */
export async function unmountAll(path: string): Promise<void> {
  while ((await mountAt(path)) !== undefined) {
    await runCommand('umount', ['--no-canonicalize', path]);
  }
}

/** The file behind a loop device; undefined for other devices. */
export async function fileBehind(device: string): Promise<string | undefined> {
  const path = `/sys/block/${basename(device)}/loop/backing_file`;
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENXIO') return undefined;
    throw error;
  });
  return text?.replace(/\n$/, '');
}

/** The loop device of this file; made when there is none. */
export async function attachLoop(file: string): Promise<string> {
  return (await loopOf(file)) ?? (await runCommand('losetup', ['--find', '--show', file])).trim();
}

/** The loop device of this file, if there is one. */
export async function loopOf(file: string): Promise<string | undefined> {
  const printed = await runCommand('losetup', ['--noheadings', '--output', 'NAME', '-j', file]);
  const [device = ''] = printed.trim().split('\n');
  return device === '' ? undefined : device;
}

export async function detachLoop(file: string): Promise<void> {
  const device = await loopOf(file);
  if (device !== undefined) await runCommand('losetup', ['--detach', device]);
}
