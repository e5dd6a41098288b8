import type { ManifestFiles, ManifestListing } from '../pod/index.js';

/** A directory of manifests in memory, with notification of changes. */
export class MemoryManifestFiles implements ManifestFiles {
  /** By full path; reading fails with the value if it is an error. */
  readonly #files = new Map<string, string | Error>();
  /** Undefined: the path does not exist. */
  kind: 'directory' | 'file' | undefined = 'directory';
  #onChange: ((path: string) => void) | undefined;

  /** @param quiet does not notify the watch */
  write(path: string, content: string | object | Error, quiet = false): void {
    const isText = typeof content === 'string' || content instanceof Error;
    this.#files.set(path, isText ? content : JSON.stringify(content));
    if (!quiet) this.#onChange?.(path);
  }

  remove(path: string, quiet = false): void {
    this.#files.delete(path);
    if (!quiet) this.#onChange?.(path);
  }

  async list(): Promise<ManifestListing> {
    if (this.kind === undefined) return { kind: 'missing' };
    const paths = [...this.#files.keys()].sort();
    if (this.kind === 'directory') return { kind: 'directory', paths };
    const [path] = paths;
    return path === undefined ? { kind: 'missing' } : { kind: 'file', path };
  }

  async read(path: string): Promise<string | undefined> {
    const found = this.#files.get(path);
    if (found instanceof Error) throw found;
    return found;
  }

  async watch(onChange: (path: string) => void, signal: AbortSignal): Promise<void> {
    this.#onChange = onChange;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    this.#onChange = undefined;
  }
}
