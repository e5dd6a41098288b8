import type { Clock } from '../ports.js';

/** Given as the reason, so that no error with a stack is made for each wait. */
const ENDED = 'the wait is over';

/** A flag that sleepers can wait for: many wakes before anyone looks count as one. */
export class Wake {
  #set = false;
  #resolve: (() => void) | undefined;

  wake(): void {
    this.#set = true;
    this.#resolve?.();
  }

  /** Resolves at once when woken since the last wait, and clears the flag; early on abort. */
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

  /** The same, but for at most `ms`; whether woken or not, the flag is then cleared. */
  async waitAtMost(
    ms: number,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<'woken' | 'elapsed' | 'aborted'> {
    const over = new AbortController();
    const stop = (): void => over.abort(ENDED);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    let elapsed = false;
    const alarm = clock.sleep(ms, over.signal).then((how) => {
      if (how === 'elapsed') {
        elapsed = !this.#set;
        this.wake();
      }
    });
    const outcome = await this.wait(signal);
    over.abort(ENDED);
    signal.removeEventListener('abort', stop);
    await alarm;
    return outcome === 'woken' && elapsed ? 'elapsed' : outcome;
  }
}
