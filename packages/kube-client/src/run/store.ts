import type { ReflectorSink } from '../ports.js';

/** Called after each change; `item` is undefined when the key no longer exists. */
export type StoreListener<P> = (key: string, item: P | undefined, before: P | undefined) => void;

/** A sink that is a map. */
export class Store<P> implements ReflectorSink<P> {
  #items = new Map<string, P>();
  readonly #listener: StoreListener<P> | undefined;

  constructor(listener?: StoreListener<P>) {
    this.#listener = listener;
  }

  /** The current state; read it again after each change. */
  get items(): ReadonlyMap<string, P> {
    return this.#items;
  }

  get(key: string): P | undefined {
    return this.#items.get(key);
  }

  /** Calls the listener for every key of the old and of the new state. */
  replace(items: ReadonlyMap<string, P>): void {
    const before = this.#items;
    this.#items = new Map(items);
    if (this.#listener === undefined) return;
    for (const [key, item] of before) {
      if (!items.has(key)) this.#listener(key, undefined, item);
    }
    for (const [key, item] of items) this.#listener(key, item, before.get(key));
  }

  upsert(key: string, item: P): void {
    const before = this.#items.get(key);
    this.#items.set(key, item);
    this.#listener?.(key, item, before);
  }

  remove(key: string): void {
    const before = this.#items.get(key);
    if (!this.#items.delete(key)) return;
    this.#listener?.(key, undefined, before);
  }
}
