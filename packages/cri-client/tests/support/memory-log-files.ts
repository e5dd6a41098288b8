import type { LogFile, LogFiles, LogWatch, RotatedLog } from '../../src/ports.js';

interface File {
  readonly id: string;
  bytes: Buffer;
}

/** Log files that change only when the test changes them; the test then wakes the reader. */
export class MemoryLogFiles implements LogFiles {
  readonly #files = new Map<string, File>();
  #made = 0;
  #wake: ((how: 'changed' | 'quiet') => void) | undefined;
  /** Times of rotated files; 0 where absent. */
  readonly modifiedMs = new Map<string, number>();
  openFiles = 0;
  bytesRead = 0;

  append(path: string, text: string): void {
    const file = this.#files.get(path) ?? { id: `f${(this.#made += 1)}`, bytes: Buffer.alloc(0) };
    file.bytes = Buffer.concat([file.bytes, Buffer.from(text)]);
    this.#files.set(path, file);
  }

  truncate(path: string): void {
    const file = this.#files.get(path);
    if (file !== undefined) file.bytes = Buffer.alloc(0);
  }

  rename(from: string, to: string): void {
    const file = this.#files.get(from);
    if (file !== undefined) this.#files.set(to, file);
    this.#files.delete(from);
  }

  /** Resolves when the reader waits for a change; the next call to `touch` wakes it. */
  async idle(): Promise<void> {
    while (this.#wake === undefined) await new Promise(setImmediate);
  }

  touch(how: 'changed' | 'quiet' = 'changed'): void {
    this.#wake?.(how);
    this.#wake = undefined;
  }

  async open(path: string): Promise<LogFile | undefined> {
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    this.openFiles += 1;
    return {
      id: file.id,
      sizeBytes: async () => file.bytes.length,
      read: async (position, target) => {
        const bytesRead = file.bytes.copy(target, 0, position);
        this.bytesRead += bytesRead;
        return bytesRead;
      },
      close: async () => void (this.openFiles -= 1),
    };
  }

  async idOf(path: string): Promise<string | undefined> {
    return this.#files.get(path)?.id;
  }

  /** Returns the files whose names have this prefix, in the order of the remaining text. */
  async rotated(path: string): Promise<readonly RotatedLog[]> {
    const found = [...this.#files].filter(([name]) => name.startsWith(`${path}.`)).sort();
    return found.map(([name, { id }]) => ({
      path: name,
      id,
      modifiedMs: this.modifiedMs.get(name) ?? 0,
    }));
  }

  async *blocks(path: string): AsyncGenerator<Uint8Array> {
    const bytes = this.#files.get(path)?.bytes;
    if (bytes === undefined) return;
    for (let at = 0; at < bytes.length; at += 7) yield Buffer.from(bytes.subarray(at, at + 7));
  }

  watch(): LogWatch {
    return {
      changed: (signal) =>
        new Promise((resolve) => {
          this.#wake = resolve;
          signal.addEventListener('abort', () => resolve('quiet'), { once: true });
        }),
      close: () => undefined,
    };
  }
}
