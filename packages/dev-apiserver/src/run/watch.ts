import { fromStored } from '../codec/stored-form.js';
import { statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import type { ApiObject } from '../model/object.js';
import type { ListQuery } from '../model/request.js';
import { selects } from '../plan/selects.js';
import type { Registry } from './registry.js';
import type { Change, Collection } from './store.js';

export interface WatchOptions {
  readonly query: ListQuery;
  readonly bookmarks: boolean;
  /** Sends the initial state as events, followed by an annotated bookmark. */
  readonly sendInitialEvents: boolean;
}

/**
 * The form in which a watch shows objects; `name` distinguishes the forms in the cache of texts.
 */
export interface Presentation {
  readonly name: string;
  present(object: ApiObject, first: boolean): string;
}

export type WriteLine = (line: string) => void;

/** Text per change and presentation: each change is rendered once for all watchers. */
const texts = new WeakMap<Change, Map<string, string>>();

/** One client's view of the changes of one kind. */
export class Watch {
  readonly #kind: Kind;
  readonly #options: WatchOptions;
  readonly #presentation: Presentation;
  readonly #write: WriteLine;
  readonly #registry: Registry;
  #stop: () => void = () => undefined;
  #first = true;

  constructor(
    registry: Registry,
    kind: Kind,
    options: WatchOptions,
    shape: Readonly<{ presentation: Presentation; write: WriteLine }>,
  ) {
    this.#registry = registry;
    this.#kind = kind;
    this.#options = options;
    this.#presentation = shape.presentation;
    this.#write = shape.write;
  }

  /** Sends the initial events, and from then on every change. @throws {StatusError} 410 */
  start(): void {
    const { store } = this.#registry;
    const collection = store.collection(this.#kind.storage);
    const { query, sendInitialEvents } = this.#options;
    const asked = Number(query.resourceVersion === '' ? 0 : query.resourceVersion);
    if (asked === 0 || sendInitialEvents) this.#sendAll(collection);
    else this.#replay(collection, asked);
    if (sendInitialEvents) this.bookmark({ 'k8s.io/initial-events-end': 'true' });
    this.#stop = collection.listen((change) => this.#deliver(change));
  }

  stop(): void {
    this.#stop();
  }

  /** Reports the watch's present version, only to clients that asked for bookmarks. */
  bookmark(annotations?: Readonly<Record<string, string>>): void {
    if (!this.#options.bookmarks) return;
    const { version } = this.#registry.store;
    const metadata = {
      resourceVersion: String(version),
      ...(annotations === undefined ? {} : { annotations }),
    };
    const { kind, group, version: api } = this.#kind;
    const apiVersion = group === '' ? api : `${group}/${api}`;
    const object = { kind, apiVersion, metadata };
    const shown = this.#presentation.present(object, this.#first);
    this.#write(`{"type":"BOOKMARK","object":${shown}}\n`);
  }

  #sendAll(collection: Collection): void {
    for (const key of collection.keys()) {
      const stored = collection.get(key);
      if (stored === undefined) continue;
      const object = fromStored(this.#kind, stored);
      if (selects(this.#options.query, object)) this.#send('ADDED', object, undefined);
    }
  }

  #replay(collection: Collection, asked: number): void {
    const changes = collection.changesSince(asked);
    if (changes === undefined) {
      throw statusError.expired(`too old resource version: ${asked} (${collection.oldestVersion})`);
    }
    for (const change of changes) this.#deliver(change);
  }

  /**
   * A change that moves an object into or out of the selection becomes its creation or deletion.
   */
  #deliver(change: Change): void {
    const { query } = this.#options;
    const object = fromStored(this.#kind, change.object);
    const before = change.previous !== undefined && this.#selected(change.previous);
    const after = change.type !== 'deleted' && selects(query, object);
    if (change.type === 'deleted' ? before : before || after) {
      if (after) this.#send(before ? 'MODIFIED' : 'ADDED', object, change);
      else if (change.type === 'deleted') this.#send('DELETED', object, change);
      else this.#send('DELETED', lastSeen(this.#kind, change), undefined);
    }
  }

  #selected(stored: ApiObject): boolean {
    return selects(this.#options.query, fromStored(this.#kind, stored));
  }

  #send(type: string, object: ApiObject, change: Change | undefined): void {
    this.#write(`{"type":"${type}","object":${this.#textOf(object, change)}}\n`);
    this.#first = false;
  }

  #textOf(object: ApiObject, change: Change | undefined): string {
    const { name } = this.#presentation;
    if (change === undefined || this.#first) return this.#presentation.present(object, this.#first);
    let known = texts.get(change);
    if (known === undefined) texts.set(change, (known = new Map<string, string>()));
    const { group, version } = this.#kind;
    const cacheKey = `${group}/${version} ${name}`;
    let text = known.get(cacheKey);
    if (text === undefined) known.set(cacheKey, (text = this.#presentation.present(object, false)));
    return text;
  }
}

/** Returns the last matching state, with the version of the change that ended the match. */
function lastSeen(kind: Kind, change: Change): ApiObject {
  const object = fromStored(kind, change.previous ?? change.object);
  const metadata = { ...object.metadata, resourceVersion: String(change.version) };
  return { ...object, metadata };
}
