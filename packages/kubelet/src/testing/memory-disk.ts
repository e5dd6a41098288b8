/** What a path of a {@link MemoryDisk} leads to. */
type Entry =
  | Readonly<{ kind: 'directory' }>
  | Readonly<{ kind: 'link'; target: string }>
  | Readonly<{ kind: 'file'; text: string }>;

/** A file system in memory: absolute paths in slashes; links are kept, and not followed. */
export class MemoryDisk {
  readonly #entries = new Map<string, Entry>([['/', { kind: 'directory' }]]);

  kindOf(path: string): Entry['kind'] | undefined {
    return this.#entries.get(path)?.kind;
  }

  /** With its parents. @returns whether it was made now */
  makeDirectory(path: string): boolean {
    if (this.kindOf(path) === 'directory') return false;
    if (path !== '/') this.makeDirectory(parentOf(path));
    this.#put(path, { kind: 'directory' });
    return true;
  }

  /** Makes the parents too, and replaces a file or link that is there. */
  write(path: string, text: string): void {
    this.makeDirectory(parentOf(path));
    this.#put(path, { kind: 'file', text });
  }

  link(path: string, target: string): void {
    this.makeDirectory(parentOf(path));
    this.#put(path, { kind: 'link', target });
  }

  /** Undefined where there is no file. */
  read(path: string): string | undefined {
    const entry = this.#entries.get(path);
    return entry?.kind === 'file' ? entry.text : undefined;
  }

  linkTarget(path: string): string | undefined {
    const entry = this.#entries.get(path);
    return entry?.kind === 'link' ? entry.target : undefined;
  }

  /** What is directly in a directory, sorted; nothing where there is none. */
  names(path: string): readonly string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    const inside = [...this.#entries.keys()].filter((one) => one !== '/' && one.startsWith(prefix));
    return [...new Set(inside.map((one) => one.slice(prefix.length).split('/')[0] ?? ''))].sort();
  }

  /** With all that is below it; gone already is fine. */
  remove(path: string): void {
    for (const one of [...this.#entries.keys()]) {
      if (one === path || one.startsWith(`${path}/`)) this.#entries.delete(one);
    }
  }

  /** Every file by its path, for a look at the whole. */
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
