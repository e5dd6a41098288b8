import type { Clock } from '../ports.js';

/** One shared abort reason: without it, each wait would make an error with a stack. */
const ENDED = 'the wait is over';

/** A flag that sleepers can wait for. Several wakes before the next wait count as one. */
export class Wake {
  #set = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#set = true;
    this.#resolve?.();
  }

  /**
   * Resolves at once if woken since the last wait, and clears the flag; resolves early on abort.
   */
  async wait(signal: AbortSignal): Promise<'woken' | 'aborted'> {
    if (!this.#set && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          this.#resolve = undefined;
          resolve();
        };
        this.#resolve = done;
        signal.addEventListener('abort', done, { once: true });
      });
    }
    if (signal.aborted) return 'aborted';
    this.#set = false;
    return 'woken';
  }

  /** Waits in the same way, but for at most `ms`. The flag is cleared in either case. */
  async waitAtMost(
    ms: number,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<'woken' | 'elapsed' | 'aborted'> {
    const over = new AbortController();
    const stop = (): void => over.abort(ENDED);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    const alarm = clock.sleep(ms, over.signal).then((how) => {
      if (how === 'aborted') return false;
      const wasSet = this.#set;
      this.wake();
      return !wasSet;
    });
    const outcome = await this.wait(signal);
    over.abort(ENDED);
    signal.removeEventListener('abort', stop);
    const elapsed = await alarm;
    return outcome === 'woken' && elapsed ? 'elapsed' : outcome;
  }
}
