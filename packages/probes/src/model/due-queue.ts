/** An item that waits in at most one queue; only the queue writes these fields. */
export interface Due {
  dueMs: number;
  /** Position in the heap; -1 while not queued. */
  slot: number;
}

/** A binary heap by due time whose items can be moved and removed: O(log n) each. */
export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): T | undefined {
    return this.#heap[0];
  }

  /** Queues the item, or moves it if it is already queued. */
  put(item: T, dueMs: number): void {
    item.dueMs = dueMs;
    if (item.slot < 0) {
      item.slot = this.#heap.length;
      this.#heap.push(item);
    }
    this.#rise(item);
    this.#sink(item);
  }

  /** Removes the item; has no effect when it is not queued. */
  remove(item: T): void {
    if (item.slot < 0) return;
    const last = this.#heap.pop() as T;
    if (last !== item) {
      this.#place(last, item.slot);
      this.#rise(last);
      this.#sink(last);
    }
    item.slot = -1;
  }

  #rise(item: T): void {
    while (item.slot > 0) {
      const parent = this.#heap[(item.slot - 1) >> 1] as T;
      if (parent.dueMs <= item.dueMs) return;
      const { slot } = parent;
      this.#place(parent, item.slot);
      this.#place(item, slot);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.#heap[2 * item.slot + 1];
      const right = this.#heap[2 * item.slot + 2];
      const least =
        right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (least === undefined || least.dueMs >= item.dueMs) return;
      const { slot } = least;
      this.#place(least, item.slot);
      this.#place(item, slot);
    }
  }

  #place(item: T, slot: number): void {
    this.#heap[slot] = item;
    item.slot = slot;
  }
}
