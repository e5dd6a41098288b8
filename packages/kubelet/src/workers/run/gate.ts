/** Admits at most `width` tasks at a time; the others wait in line. */
export class Gate {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  /** @throws the signal's reason if it fires before the task begins */
  async through<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener('abort', quit);
        resolve();
      };
      const quit = (): void => {
        this.#line.splice(this.#line.indexOf(turn), 1);
        reject(signal.reason as Error);
      };
      this.#line.push(turn);
      signal.addEventListener('abort', quit, { once: true });
    });
  }

  #leave(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
