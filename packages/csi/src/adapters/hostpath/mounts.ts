import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { type MountEntry, parseMounts } from '../../model/mount-entry.js';
import { runCommand } from './commands.js';

/** The topmost mount at this path. */
export async function mountAt(path: string): Promise<MountEntry | undefined> {
  return (await allMounts()).findLast((mount) => mount.path === path);
}

export async function allMounts(): Promise<readonly MountEntry[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** `mount --bind`, read-only if requested. */
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

/** Unmounts everything at the path, repeatedly if it was mounted several times. */
export async function unmountAll(path: string): Promise<void> {
  while ((await mountAt(path)) !== undefined) {
    await runCommand('umount', ['--no-canonicalize', path]);
  }
}

/** The file behind a loop device; undefined for other devices. */
export async function fileBehind(device: string): Promise<string | undefined> {
  const path = `/sys/block/${basename(device)}/loop/backing_file`;
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENXIO') return undefined;
    throw error;
  });
  return text?.replace(/\n$/, '');
}

/**
 * The loop device of this file, created if there is none.
 *
 * A device that was detached while another process held it open goes away with that process. It is
 * awaited, because it keeps the size that the file had; if its holder stays, it is used again.
 */
export async function attachLoop(file: string): Promise<string> {
  const device = await lastingLoop(file);
  if (device === undefined) {
    return (await runCommand('losetup', ['--find', '--show', file])).trim();
  }
  await runCommand('losetup', ['--set-capacity', device]);
  return device;
}

const HOLDER_CHECKS = 50;
const HOLDER_CHECK_MS = 100;

async function lastingLoop(file: string): Promise<string | undefined> {
  for (let checks = 1; ; checks++) {
    const loop = await findLoop(file);
    if (loop?.isGoing !== true || checks === HOLDER_CHECKS) return loop?.device;
    await setTimeout(HOLDER_CHECK_MS);
  }
}

/** The loop device of this file, if there is one. */
export async function loopOf(file: string): Promise<string | undefined> {
  return (await findLoop(file))?.device;
}

interface Loop {
  readonly device: string;
  /** It was detached and goes away when its last holder closes it. @see losetup(8), `--detach` */
  readonly isGoing: boolean;
}

async function findLoop(file: string): Promise<Loop | undefined> {
  const argv = ['--noheadings', '--output', 'NAME,AUTOCLEAR', '-j', file];
  const [line = ''] = (await runCommand('losetup', argv)).trim().split('\n');
  const [device = '', autoclear] = line.split(/\s+/);
  return device === '' ? undefined : { device, isGoing: autoclear === '1' };
}

export async function detachLoop(file: string): Promise<void> {
  const device = await loopOf(file);
  if (device === undefined) return;
  try {
    await runCommand('losetup', ['--detach', device]);
  } catch (error) {
    // another process may have detached it meanwhile
    if ((await loopOf(file)) !== undefined) throw error;
  }
}
