import { join } from 'node:path';

import { VolumeError } from '../model/errors.js';
import {
  DATA,
  type Payload,
  payloadPathProblem,
  topNames,
  withCleanPaths,
} from '../model/payload.js';
import type { PayloadOwner } from '../ports.js';
import type { FileCalls } from './file-calls.js';

/**
 * Writes files into a volume so that readers see either all old or all new ones: a new directory
 * `..<time>.<random>`, a link `..data` that a rename points at it, and a link `<name>` →
 * `..data/<name>` for each top-level name. Writes nothing if the files are unchanged.
 *
 * @see Kubernetes 1.36 pkg/volume/util/atomic_writer.go
 */
export async function writePayload(
  dir: string,
  payload: Payload,
  how: Readonly<{ owner: PayloadOwner; calls: FileCalls }>,
): Promise<void> {
  for (const path of payload.keys()) {
    const problem = payloadPathProblem(path);
    if (problem !== undefined) throw new VolumeError('VOLUME_SOURCE', problem);
  }
  await new PayloadWriter(dir, how).write(withCleanPaths(payload));
}

class PayloadWriter {
  readonly #dir: string;
  readonly #owner: PayloadOwner;
  readonly #calls: FileCalls;

  constructor(dir: string, { owner, calls }: Readonly<{ owner: PayloadOwner; calls: FileCalls }>) {
    this.#dir = dir;
    this.#owner = owner;
    this.#calls = calls;
  }

  async write(payload: Payload): Promise<void> {
    const dir = this.#dir;
    const current = await this.#currentDir();
    if (current === undefined || !(await this.#holdsExactly(join(dir, current), payload))) {
      const fresh = await this.#writeFresh(payload);
      await this.#pointAt(fresh);
      // Only after `..data` points to the new files; before, the links of new names would be
      // broken.
      if (current !== undefined) await this.#calls.remove(join(dir, current));
    }
    await this.#linkVisibleNames(payload);
  }

  async #currentDir(): Promise<string | undefined> {
    try {
      const target = await this.#calls.readlink(join(this.#dir, DATA));
      await this.#calls.stat(join(this.#dir, target));
      return target;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #holdsExactly(current: string, payload: Payload): Promise<boolean> {
    const entries = await this.#calls.entriesBelow(current);
    const files = entries.filter((entry) => entry.isFile());
    if (files.length !== payload.size) return false;
    for (const [path, { content, mode, uid }] of payload) {
      const file = join(current, path);
      const found = await this.#contentOf(file);
      if (found === undefined || !found.equals(content)) return false;
      const seen = await this.#calls.stat(file);
      if ((seen.mode & 0o7777) !== effectiveMode(mode, this.#owner)) return false;
      if (uid !== undefined && seen.uid !== uid) return false;
    }
    return true;
  }

  async #contentOf(file: string): Promise<Buffer | undefined> {
    try {
      return await this.#calls.readFile(file);
    } catch {
      return undefined; // an unreadable file is written again
    }
  }

  /** @returns the directory's name */
  async #writeFresh(payload: Payload): Promise<string> {
    const dir = this.#dir;
    const calls = this.#calls;
    const { gid } = this.#owner;
    const time = new Date().toISOString().slice(0, 19).replace(/[-T:]/g, '_');
    const fresh = await calls.mkdtemp(join(dir, `..${time}.`));
    try {
      await this.#fill(fresh, payload);
    } catch (error) {
      // Otherwise every attempt would take more space of a full disk.
      await calls.remove(fresh);
      throw error;
    }
    if (gid !== undefined) {
      await calls.chown(dir, 0, gid);
      // Keeps the other bits: memory file systems are sticky.
      await calls.chmod(dir, ((await calls.stat(dir)).mode & 0o7777) | 0o2550);
    }
    return fresh.slice(dir.length + 1);
  }

  async #fill(fresh: string, payload: Payload): Promise<void> {
    const calls = this.#calls;
    const { gid } = this.#owner;
    await this.#openToAll(fresh);
    const made = new Set([fresh]);
    for (const [path, { content, mode, uid }] of payload) {
      const file = join(fresh, path);
      for (const folder of foldersOf(fresh, path)) {
        if (made.has(folder)) continue;
        made.add(folder);
        await calls.mkdir(folder);
        await this.#openToAll(folder);
      }
      await calls.writeFile(file, content, mode);
      // Before the mode: changing the owner clears setuid and setgid.
      if (uid !== undefined || gid !== undefined) await calls.chown(file, uid ?? 0, gid ?? 0);
      await calls.chmod(file, effectiveMode(mode, this.#owner));
    }
  }

  /**
   * Makes the directory readable for everyone; files that are created in it belong to the pod's
   * group.
   */
  async #openToAll(folder: string): Promise<void> {
    const { gid } = this.#owner;
    if (gid !== undefined) await this.#calls.chown(folder, 0, gid);
    await this.#calls.chmod(folder, gid === undefined ? 0o755 : 0o2755);
  }

  async #pointAt(target: string): Promise<void> {
    const temporary = join(this.#dir, '..data_tmp');
    await this.#calls.remove(temporary);
    await this.#calls.symlink(target, temporary);
    await this.#calls.rename(temporary, join(this.#dir, DATA));
  }

  async #linkVisibleNames(payload: Payload): Promise<void> {
    const dir = this.#dir;
    const wanted = new Set(topNames(payload));
    for (const name of await this.#calls.names(dir)) {
      if (name.startsWith('..')) {
        if (name !== DATA) await this.#removeStale(name);
      } else if (!wanted.delete(name)) await this.#calls.unlink(join(dir, name));
    }
    for (const name of wanted) await this.#calls.symlink(join(DATA, name), join(dir, name));
  }

  /** Removes the directory of a writer that was killed before it finished. */
  async #removeStale(name: string): Promise<void> {
    if (name === (await this.#calls.readlink(join(this.#dir, DATA)))) return;
    await this.#calls.remove(join(this.#dir, name));
  }
}

/** The parent directories of a file, the outermost first. */
function foldersOf(root: string, path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => join(root, ...parts.slice(0, at + 1)));
}

/** A file that belongs to the pod's group is readable by the group. */
function effectiveMode(mode: number, { gid }: PayloadOwner): number {
  return gid === undefined ? mode : mode | 0o440;
}
