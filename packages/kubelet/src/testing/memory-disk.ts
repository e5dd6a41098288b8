/** The entry at a path of a {@link MemoryDisk}. */
type Entry =
  | Readonly<{ kind: 'directory' }>
  | Readonly<{ kind: 'link'; target: string }>
  | Readonly<{ kind: 'file'; text: string }>;

/** Entries by path, as {@link MemoryDisk.take} returns them. */
export type MemoryTree = readonly (readonly [path: string, entry: Entry])[];

/** A file system in memory. Paths are absolute; only {@link MemoryDisk.resolve} follows symbolic links. */
export class MemoryDisk {
  readonly #entries = new Map<string, Entry>([['/', { kind: 'directory' }]]);

  kindOf(path: string): Entry['kind'] | undefined {
    return this.#entries.get(path)?.kind;
  }

  /** Creates missing parents too. @returns true if this call created the directory */
  makeDirectory(path: string): boolean {
    if (this.kindOf(path) === 'directory') return false;
    if (path !== '/') this.makeDirectory(parentOf(path));
    this.#put(path, { kind: 'directory' });
    return true;
  }

  /** Creates missing parents, and replaces an existing file or link. */
  write(path: string, text: string): void {
    this.makeDirectory(parentOf(path));
    this.#put(path, { kind: 'file', text });
  }

  append(path: string, text: string): void {
    this.write(path, (this.read(path) ?? '') + text);
  }

  link(path: string, target: string): void {
    this.makeDirectory(parentOf(path));
    this.#put(path, { kind: 'link', target });
  }

  /** Undefined if there is no file. */
  read(path: string): string | undefined {
    const entry = this.#entries.get(path);
    return entry?.kind === 'file' ? entry.text : undefined;
  }

  linkTarget(path: string): string | undefined {
    const entry = this.#entries.get(path);
    return entry?.kind === 'link' ? entry.target : undefined;
  }

  /** Replaces symbolic links in a path; components that do not exist stay unchanged. */
  resolve(path: string): string {
    let resolved = '';
    for (const part of path.split('/').filter((one) => one !== '' && one !== '.')) {
      if (part === '..') {
        resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf('/')));
        continue;
      }
      const next = `${resolved}/${part}`;
      const target = this.linkTarget(next);
      if (target === undefined) resolved = next;
      else resolved = this.resolve(target.startsWith('/') ? target : `${resolved}/${target}`);
    }
    return resolved === '' ? '/' : resolved;
  }

  /** Removes everything below a directory. @returns the entries, for `put` */
  take(path: string): MemoryTree {
    const below = [...this.#entries].filter(([one]) => one.startsWith(`${path}/`));
    for (const [one] of below) this.#entries.delete(one);
    return below;
  }

  put(tree: MemoryTree): void {
    for (const [path, entry] of tree) this.#entries.set(path, entry);
  }

  /** Sorted names of a directory's direct entries; empty if there is no directory. */
  names(path: string): readonly string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    const inside = [...this.#entries.keys()].filter((one) => one !== '/' && one.startsWith(prefix));
    return [...new Set(inside.map((one) => one.slice(prefix.length).split('/')[0] ?? ''))].sort();
  }

  /** Removes the whole tree; does nothing if the path is already gone. */
  remove(path: string): void {
    for (const one of [...this.#entries.keys()]) {
      if (one === path || one.startsWith(`${path}/`)) this.#entries.delete(one);
    }
  }

  /** Paths of all entries below a directory. */
  below(path: string): readonly string[] {
    return [...this.#entries.keys()].filter((one) => one.startsWith(`${path}/`));
  }

  /** All files by path. */
  files(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#entries].flatMap(([path, entry]) =>
        entry.kind === 'file' ? [[path, entry.text] as const] : [],
      ),
    );
  }

  #put(path: string, entry: Entry): void {
    if (this.kindOf(path) === 'directory' && entry.kind !== 'directory') {
      throw Object.assign(new Error(`EISDIR: ${path} is a directory`), { code: 'EISDIR' });
    }
    if (this.kindOf(parentOf(path)) !== 'directory') {
      throw Object.assign(new Error(`ENOTDIR: ${parentOf(path)}`), { code: 'ENOTDIR' });
    }
    this.#entries.set(path, entry);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
