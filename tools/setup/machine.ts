import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** An error whose message is for the user; shown without a stack. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** Debian's program folders, including those that a user's PATH lacks. */
const ALSO_SEARCHED = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** @param name of a program, or the absolute path of any file */
export async function findProgram(name: string): Promise<string | undefined> {
  if (name.startsWith('/')) return (await isThere(name, constants.F_OK)) ? name : undefined;
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...ALSO_SEARCHED];
  for (const folder of folders) {
    const path = join(folder, name);
    if (await isThere(path, constants.X_OK)) return path;
  }
  return undefined;
}

async function isThere(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/** @returns why this machine or user cannot run containers; undefined when they can */
export function whyNoLinuxRoot(what: string): string | undefined {
  if (process.platform !== 'linux') return `${what} needs Linux; this is ${process.platform}.`;
  if (process.getuid?.() === 0) return undefined;
  return `${what} needs root (containers, network namespaces, iptables): run it with sudo.`;
}
