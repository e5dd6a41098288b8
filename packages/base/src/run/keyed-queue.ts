/** The work of a {@link KeyedQueue}, its errors, and how many keys it may handle at a time. */
export interface KeyedQueueOptions<K, V> {
  /** Handles the newest value of a key; never called twice at a time for one key. */
  readonly handle: (key: K, value: V, signal: AbortSignal) => Promise<void>;
  readonly onError: (key: K, error: unknown) => void;
  /** Maximum number of keys handled at the same time; unbounded when absent. */
  readonly concurrency?: number;
}

/**
 * Keeps the latest value per key and runs one task per key at a time. A value put while its key is
 * busy replaces an older waiting one and runs afterwards. At most one value waits per key.
 */
export class KeyedQueue<K, V> {
  readonly #options: KeyedQueueOptions<K, V>;
  readonly #signal: AbortSignal;
  readonly #waiting = new Map<K, V>();
  readonly #busy = new Map<K, Promise<void>>();

  constructor(options: KeyedQueueOptions<K, V>, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  put(key: K, value: V): void {
    if (this.#signal.aborted) return;
    this.#waiting.set(key, value);
    this.#startWaiting();
  }

  /** Number of keys waiting or being handled. */
  get size(): number {
    return new Set([...this.#waiting.keys(), ...this.#busy.keys()]).size;
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy.values());
  }

  #startWaiting(): void {
    const limit = this.#options.concurrency ?? Number.POSITIVE_INFINITY;
    for (const [key, value] of this.#waiting) {
      if (this.#busy.size >= limit) return;
      if (this.#busy.has(key)) continue;
      this.#waiting.delete(key);
      this.#busy.set(key, this.#handle(key, value));
    }
  }

  async #handle(key: K, value: V): Promise<void> {
    try {
      await this.#options.handle(key, value, this.#signal);
    } catch (error) {
      if (!this.#signal.aborted) this.#options.onError(key, error);
    } finally {
      this.#busy.delete(key);
      if (this.#signal.aborted) this.#waiting.clear();
      else this.#startWaiting();
    }
  }
}
