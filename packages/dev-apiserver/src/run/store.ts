import type { ApiObject } from '../model/object.js';

/** One change of one object, in the order of the store. */
export interface Change {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly key: string;
  readonly version: number;
  /** The state after the change; for `deleted` the last state with the deletion's version. */
  readonly object: ApiObject;
  readonly previous: ApiObject | undefined;
}

export type ChangeListener = (change: Change) => void;

/** Number of changes of one kind across which a watch can be resumed. */
const REMEMBERED_CHANGES = 16_384;

/**
 * Objects of every kind under one increasing version, with the recent changes, from which watches
 * resume. All listeners see a write before it returns. Objects passed in and out are shared:
 * callers must not change them.
 */
export class Store {
  #version: number;
  readonly #startVersion: number;
  readonly #collections = new Map<string, Collection>();
  readonly #remembered: number;

  /**
   * @param startVersion above every version that an earlier run of this server used, so that old
   * watches must list again
   */
  constructor(startVersion: number, rememberedChanges = REMEMBERED_CHANGES) {
    this.#version = startVersion;
    this.#startVersion = startVersion;
    this.#remembered = rememberedChanges;
  }

  get version(): number {
    return this.#version;
  }

  collection(name: string): Collection {
    let found = this.#collections.get(name);
    if (found === undefined) {
      found = new Collection(() => (this.#version += 1), this.#startVersion, this.#remembered);
      this.#collections.set(name, found);
    }
    return found;
  }
}

export class Collection {
  readonly #nextVersion: () => number;
  readonly #remembered: number;
  readonly #objects = new Map<string, ApiObject>();
  readonly #listeners = new Set<ChangeListener>();
  #changes: Change[] = [];
  /** Changes up to this version are forgotten. */
  #forgottenThrough: number;
  #sortedKeys: readonly string[] | undefined;

  constructor(nextVersion: () => number, startVersion: number, remembered: number) {
    this.#nextVersion = nextVersion;
    this.#forgottenThrough = startVersion - 1;
    this.#remembered = remembered;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** The oldest version that a watch can start from. */
  get oldestVersion(): number {
    return this.#forgottenThrough;
  }

  get(key: string): ApiObject | undefined {
    return this.#objects.get(key);
  }

  /** Returns all keys in byte order, the order of lists. */
  keys(): readonly string[] {
    this.#sortedKeys ??= [...this.#objects.keys()].sort();
    return this.#sortedKeys;
  }

  /** Stores the object under a new version, which it carries in its metadata. */
  put(key: string, object: ApiObject): ApiObject {
    const previous = this.#objects.get(key);
    const version = this.#nextVersion();
    const stored = withVersion(object, version);
    if (previous === undefined) this.#sortedKeys = undefined;
    this.#objects.set(key, stored);
    const type = previous === undefined ? 'added' : 'modified';
    this.#record({ type, key, version, object: stored, previous });
    return stored;
  }

  /** @returns the last state, with the version of the deletion; undefined when there is none */
  remove(key: string): ApiObject | undefined {
    const previous = this.#objects.get(key);
    if (previous === undefined) return undefined;
    const version = this.#nextVersion();
    const object = withVersion(previous, version);
    this.#objects.delete(key);
    this.#sortedKeys = undefined;
    this.#record({ type: 'deleted', key, version, object, previous });
    return object;
  }

  /** Changes after `version`, or undefined when some of them are forgotten. */
  changesSince(version: number): readonly Change[] | undefined {
    if (version < this.#forgottenThrough) return undefined;
    return this.#changes.slice(firstAfter(this.#changes, version));
  }

  /**
   * Returns the state of a list at an older version, by undoing the changes since.
   *
   * @returns undefined when some of the changes are forgotten
   */
  snapshotAt(version: number): ReadonlyMap<string, ApiObject> | undefined {
    const changes = this.changesSince(version);
    if (changes === undefined) return undefined;
    if (changes.length === 0) return this.#objects;
    const snapshot = new Map(this.#objects);
    for (const change of [...changes].reverse()) {
      if (change.previous === undefined) snapshot.delete(change.key);
      else snapshot.set(change.key, change.previous);
    }
    return snapshot;
  }

  /** Calls back on every later change until the returned function is called. */
  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #record(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length > this.#remembered * 1.25) {
      const cut = this.#changes.length - this.#remembered;
      this.#forgottenThrough = this.#changes[cut - 1]?.version ?? this.#forgottenThrough;
      this.#changes = this.#changes.slice(cut);
    }
    for (const listener of this.#listeners) listener(change);
  }
}

/** Returns the index of the first change above the version; the changes are in ascending order. */
function firstAfter(changes: readonly Change[], version: number): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((changes[middle]?.version ?? 0) <= version) low = middle + 1;
    else high = middle;
  }
  return low;
}

function withVersion(object: ApiObject, version: number): ApiObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
