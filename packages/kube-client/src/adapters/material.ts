import { readFile, stat } from 'node:fs/promises';

import { createSystemClock } from '@nodeagent/base/system';

import type { Material, MaterialFile } from '../model/connection.js';
import { KubeError } from '../model/errors.js';

const clock = createSystemClock();

/** A file is assumed to be unchanged for this long. */
const RECHECK_MS = 1_000;

export interface MaterialReader {
  /**
   * Returns the content; that of a file is at most a second old. A file that can no longer be read
   * keeps its last content, because it may be in the middle of a replacement.
   *
   * @returns empty text while an optional file is missing
   * @throws {KubeError} `KUBE_CONFIG` when the file could never be read
   */
  read(): Promise<string>;
  /** Makes the next read check the file. */
  distrust(): void;
}

/** @param what the material's name in messages: `client-key of kubeconfig /etc/a.conf` */
export function createMaterialReader(material: Material, what: string): MaterialReader {
  if (material.kind === 'inline') {
    return { read: () => Promise.resolve(material.text), distrust: () => undefined };
  }
  return new FileReader(material, what);
}

class FileReader implements MaterialReader {
  readonly #path: string;
  readonly #mayBeMissing: boolean;
  readonly #what: string;
  #known: { readonly text: string; readonly stamp: string } | undefined;
  #checkedMs = Number.NEGATIVE_INFINITY;

  constructor({ path, mayBeMissing = false }: MaterialFile, what: string) {
    this.#path = path;
    this.#mayBeMissing = mayBeMissing;
    this.#what = what;
  }

  async read(): Promise<string> {
    const known = this.#known;
    if (known !== undefined && clock.monotonicMs() - this.#checkedMs < RECHECK_MS)
      return known.text;
    try {
      const { mtimeNs, ino, size } = await stat(this.#path, { bigint: true });
      const stamp = `${mtimeNs}/${ino}/${size}`;
      if (known?.stamp !== stamp) {
        this.#known = { text: await readFile(this.#path, 'utf8'), stamp };
      }
    } catch (cause) {
      if (known === undefined) {
        if (this.#mayBeMissing && (cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new KubeError('KUBE_CONFIG', `${this.#what}: ${why}`, { cause });
      }
    }
    this.#checkedMs = clock.monotonicMs();
    return this.#known?.text ?? '';
  }

  distrust(): void {
    this.#checkedMs = Number.NEGATIVE_INFINITY;
  }
}
