import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

import { VolumeError } from '../model/errors.js';
import { type Payload, payloadPathProblem } from '../model/payload.js';
import type { PayloadOwner } from '../ports.js';

/** The link that all visible names go through; renaming over it changes them all at once. */
const DATA = '..data';

/**
 * Puts files into a volume so that readers see either all old or all new ones: a new directory
 * `..<time>.<random>`, `..data` pointed at it by a rename, and a link `<name>` → `..data/<name>` for
 * each name at the top. Writes nothing when the files are the same already.
 *
 * @see Kubernetes 1.36 pkg/volume/util/atomic_writer.go
 */
export async function writePayload(
  dir: string,
  payload: Payload,
  owner: PayloadOwner,
): Promise<void> {
  for (const path of payload.keys()) {
    const problem = payloadPathProblem(path);
    if (problem !== undefined) throw new VolumeError('VOLUME_SOURCE', problem);
  }
  const current = await currentDir(dir);
  if (current === undefined || !(await holdsExactly(join(dir, current), payload, owner))) {
    const fresh = await writeFresh(dir, payload, owner);
    await pointAt(dir, fresh);
    // Only after `..data` leads to the new files: links of new names would lead nowhere.
    if (current !== undefined) await rm(join(dir, current), { recursive: true, force: true });
  }
  await linkVisibleNames(dir, payload);
}

async function currentDir(dir: string): Promise<string | undefined> {
  try {
    const target = await readlink(join(dir, DATA));
    await stat(join(dir, target));
    return target;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function holdsExactly(dir: string, payload: Payload, owner: PayloadOwner): Promise<boolean> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  if (files.length !== payload.size) return false;
  for (const [path, { content, mode, uid }] of payload) {
    const file = join(dir, path);
    const found = await readFile(file).catch(() => undefined);
    if (found === undefined || !found.equals(content)) return false;
    const seen = await stat(file);
    if ((seen.mode & 0o7777) !== effectiveMode(mode, owner)) return false;
    if (uid !== undefined && seen.uid !== uid) return false;
  }
  return true;
}

async function writeFresh(dir: string, payload: Payload, owner: PayloadOwner): Promise<string> {
  const time = new Date().toISOString().slice(0, 19).replace(/[-T:]/g, '_');
  const fresh = await mkdtemp(join(dir, `..${time}.`));
  try {
    await fill(fresh, payload, owner);
  } catch (error) {
    // On a full disk every try would take more of it.
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
  if (owner.gid !== undefined) {
    await chown(dir, 0, owner.gid);
    // With what else it has: memory file systems are sticky.
    await chmod(dir, ((await stat(dir)).mode & 0o7777) | 0o2550);
  }
  return fresh.slice(dir.length + 1);
}

async function fill(fresh: string, payload: Payload, owner: PayloadOwner): Promise<void> {
  await openTo(owner, fresh);
  const made = new Set([fresh]);
  for (const [path, { content, mode, uid }] of payload) {
    const file = join(fresh, path);
    for (const folder of foldersOf(fresh, path)) {
      if (made.has(folder)) continue;
      made.add(folder);
      await mkdir(folder);
      await openTo(owner, folder);
    }
    await writeFile(file, content, { mode });
    // Before the mode: a change of owner takes setuid and setgid away.
    if (uid !== undefined || owner.gid !== undefined) await chown(file, uid ?? 0, owner.gid ?? 0);
    await chmod(file, effectiveMode(mode, owner));
  }
}

/** The folders on the way to a file, the outermost first. */
function foldersOf(root: string, path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => join(root, ...parts.slice(0, at + 1)));
}

/** Everybody may look into it; files that are made there belong to the pod's group. */
async function openTo({ gid }: PayloadOwner, folder: string): Promise<void> {
  if (gid !== undefined) await chown(folder, 0, gid);
  await chmod(folder, gid === undefined ? 0o755 : 0o2755);
}

/** A file that belongs to the pod's group is readable by the group. */
function effectiveMode(mode: number, { gid }: PayloadOwner): number {
  return gid === undefined ? mode : mode | 0o440;
}

async function pointAt(dir: string, target: string): Promise<void> {
  const temporary = join(dir, '..data_tmp');
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, join(dir, DATA));
}

async function linkVisibleNames(dir: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((path) => path.split('/')[0] ?? path));
  for (const name of await readdir(dir)) {
    if (name.startsWith('..')) {
      if (name !== DATA) await removeStale(dir, name);
    } else if (!wanted.delete(name)) await unlink(join(dir, name));
  }
  for (const name of wanted) await symlink(join(DATA, name), join(dir, name));
}

/** What a writer left that was killed halfway. */
async function removeStale(dir: string, name: string): Promise<void> {
  if (name === (await readlink(join(dir, DATA)))) return;
  await rm(join(dir, name), { recursive: true, force: true });
}
