import type { ContainerEvent } from '../model/event.js';

interface Subscriber {
  readonly queue: ContainerEvent[];
  wake: () => void;
}

/** Passes each event to all current readers; nothing is replayed. */
export class MemoryEvents {
  readonly #subscribers = new Set<Subscriber>();

  publish(event: ContainerEvent): void {
    for (const subscriber of this.#subscribers) {
      subscriber.queue.push(event);
      subscriber.wake();
    }
  }

  /** @param away ends the stream with its reason */
  async *read(away: AbortSignal, signal: AbortSignal): AsyncGenerator<ContainerEvent> {
    const subscriber: Subscriber = { queue: [], wake: () => undefined };
    const wake = (): void => subscriber.wake();
    this.#subscribers.add(subscriber);
    away.addEventListener('abort', wake);
    signal.addEventListener('abort', wake);
    try {
      for (;;) {
        signal.throwIfAborted();
        away.throwIfAborted();
        const event = subscriber.queue.shift();
        if (event !== undefined) yield event;
        else await new Promise<void>((resolve) => (subscriber.wake = resolve));
      }
    } finally {
      this.#subscribers.delete(subscriber);
      away.removeEventListener('abort', wake);
      signal.removeEventListener('abort', wake);
    }
  }
}
