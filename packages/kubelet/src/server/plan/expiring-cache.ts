interface Kept<T> {
  readonly value: T;
  readonly untilMs: number;
}

/**
 * Caches answers for a limited time. A full cache evicts the least recently used entry. Times are
 * monotonic milliseconds.
 */
export class ExpiringCache<T> {
  readonly #kept = new Map<string, Kept<T>>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(key: string, nowMs: number): T | undefined {
    const found = this.#kept.get(key);
    if (found === undefined || found.untilMs <= nowMs) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, found);
    return found.value;
  }

  /** True also for an expired answer. */
  has(key: string): boolean {
    return this.#kept.has(key);
  }

  delete(key: string): void {
    this.#kept.delete(key);
  }

  put(key: string, value: T, untilMs: number): void {
    this.#kept.delete(key);
    this.#kept.set(key, { value, untilMs });
    if (this.#kept.size <= this.#limit) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }
}
