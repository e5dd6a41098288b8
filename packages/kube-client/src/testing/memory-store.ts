import { Wake } from '@nodeagent/base';

import { withoutNulls } from '../codec/decode-json.js';
import { KubeError } from '../model/errors.js';
import type { WatchEvent } from '../ports.js';
import { isObject, type Json } from './patch.js';

/** One write with the previous object, so that a selector can see an object enter and leave. */
export interface Change {
  readonly version: number;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

type Delivery =
  | Readonly<{ kind: 'change'; change: Change }>
  | Readonly<{ kind: 'bookmark'; version: number }>
  | Readonly<{ kind: 'end'; error: KubeError | undefined }>;

interface Watcher {
  readonly collection: string;
  readonly waiting: Delivery[];
  readonly wake: Wake;
}

export interface WatchRequest {
  readonly collection: string;
  readonly sinceVersion: number;
  readonly matches: (object: Json) => boolean;
}

/**
 * Objects with one ascending version for all of them, and the history that watches replay. It keeps
 * every change until {@link MemoryStore.compact}.
 */
export class MemoryStore {
  #version = 1;
  #compactedThrough = 0;
  readonly #collections = new Map<string, Map<string, Json>>();
  readonly #history: { readonly collection: string; readonly change: Change }[] = [];
  readonly #watchers = new Set<Watcher>();

  get version(): number {
    return this.#version;
  }

  /** In order of creation. */
  all(collection: string): readonly Json[] {
    return [...(this.#collections.get(collection)?.values() ?? [])];
  }

  get(collection: string, key: string): Json | undefined {
    return this.#collections.get(collection)?.get(key);
  }

  collections(): readonly string[] {
    return [...this.#collections.keys()];
  }

  /** Stores the object under a new version, or removes it; returns the last stored object. */
  commit(collection: string, key: string, object: Json | undefined): Json {
    const objects = this.#collections.get(collection) ?? new Map<string, Json>();
    this.#collections.set(collection, objects);
    const before = objects.get(key);
    const version = (this.#version += 1);
    const source = object ?? before ?? {};
    const metadata = { ...asMetadata(source), resourceVersion: String(version) };
    // as clients of a real server see it
    const stamped = deepFreeze(withoutNulls(structuredClone({ ...source, metadata })) as Json);
    const change: Change = { version, before, after: object === undefined ? undefined : stamped };
    if (object === undefined) objects.delete(key);
    else objects.set(key, stamped);
    this.#history.push({
      collection,
      change: object === undefined ? { ...change, before: stamped } : change,
    });
    const last = this.#history.at(-1);
    if (last !== undefined) this.#deliver(collection, { kind: 'change', change: last.change });
    return stamped;
  }

  /** Drops the history: watches from earlier versions are answered with "gone". */
  compact(): void {
    this.#compactedThrough = this.#version;
    this.#history.length = 0;
  }

  /** Sends the newest version to every watch. */
  bookmark(): void {
    for (const { collection } of [...this.#watchers]) {
      this.#deliver(collection, { kind: 'bookmark', version: this.#version });
    }
  }

  /** Ends every open watch, with an error or, as a server does after a watch's timeout, without. */
  endWatches(error: KubeError | undefined): void {
    for (const { collection } of [...this.#watchers]) {
      this.#deliver(collection, { kind: 'end', error });
    }
  }

  get watches(): number {
    return this.#watchers.size;
  }

  async *watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchEvent<Json>> {
    const { collection, sinceVersion, matches } = request;
    if (sinceVersion < this.#compactedThrough) {
      throw new KubeError('KUBE_GONE', `watch ${collection}: too old resource version`, {
        httpStatus: 410,
      });
    }
    const waiting = this.#history
      .filter((entry) => entry.collection === collection && entry.change.version > sinceVersion)
      .map((entry): Delivery => ({ kind: 'change', change: entry.change }));
    const watcher: Watcher = { collection, waiting, wake: new Wake() };
    this.#watchers.add(watcher);
    try {
      for (;;) {
        signal.throwIfAborted();
        const next = waiting.shift();
        if (next === undefined) {
          await watcher.wake.wait(signal);
          continue;
        }
        if (next.kind === 'end') {
          if (next.error !== undefined) throw next.error;
          return;
        }
        const event = toEvent(next, matches);
        if (event !== undefined) yield event;
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  #deliver(collection: string, delivery: Delivery): void {
    for (const watcher of this.#watchers) {
      if (watcher.collection !== collection) continue;
      watcher.waiting.push(delivery);
      watcher.wake.wake();
    }
  }
}

function toEvent(
  delivery: Exclude<Delivery, { kind: 'end' }>,
  matches: (object: Json) => boolean,
): WatchEvent<Json> | undefined {
  if (delivery.kind === 'bookmark') {
    return { type: 'bookmark', resourceVersion: String(delivery.version) };
  }
  const { version, before, after } = delivery.change;
  const was = before !== undefined && matches(before);
  const is = after !== undefined && matches(after);
  if (after !== undefined && is) return { type: was ? 'modified' : 'added', object: after };
  if (!was) return undefined;
  const metadata = { ...asMetadata(before), resourceVersion: String(version) };
  return { type: 'deleted', object: { ...before, metadata } };
}

function asMetadata(object: Json): Json {
  const metadata = object['metadata'];
  return isObject(metadata) ? metadata : {};
}

/**
 * Freezes stored objects: readers share them, so an accidental change must fail where it is made.
 */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
