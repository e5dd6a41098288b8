import type { Kind } from '../model/kind.js';
import { KINDS } from '../model/kind-table.js';
import { apiVersionOf, findKind } from '../model/kinds.js';

/** The kinds of one server: those of the table, and those of its CustomResourceDefinitions. */
export class Catalog {
  readonly #byDefinition = new Map<string, readonly Kind[]>();
  #byPath = new Map<string, Kind>();
  #all: readonly Kind[] = KINDS;
  readonly #listeners = new Set<() => void>();

  get kinds(): readonly Kind[] {
    return this.#all;
  }

  readonly find = (group: string, version: string, plural: string): Kind | undefined =>
    findKind(group, version, plural) ?? this.#byPath.get(`${group}/${version}/${plural}`);

  /** Serves these kinds for a definition, instead of those it had before. */
  serve(definition: string, kinds: readonly Kind[]): void {
    if (kinds.length === 0) this.#byDefinition.delete(definition);
    else this.#byDefinition.set(definition, kinds);
    const custom = [...this.#byDefinition.values()].flat();
    this.#all = [...KINDS, ...custom];
    this.#byPath = new Map(custom.map((kind) => [`${apiVersionOf(kind)}/${kind.plural}`, kind]));
    for (const listener of this.#listeners) listener();
  }

  /** Calls back once the kind is no longer served, until the returned function is called. */
  whenGone({ group, version, plural }: Kind, callback: () => void): () => void {
    const listener = (): void => {
      if (this.find(group, version, plural) === undefined) callback();
    };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
