import type { EventEmitter } from 'node:events';

/** A file descriptor that is held back for a connection when no other is free. */
export interface DescriptorReserve {
  /**
   * Calls the function. When it fails with `EMFILE` or `ENFILE`, gives up the descriptor and calls it
   * again. Holds one back again after a failure, or once the result emits `close`.
   */
  lend<T extends Pick<EventEmitter, 'once'>>(open: () => Promise<T>): Promise<T>;
}
