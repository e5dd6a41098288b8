/** Ports that were left out, with the tool's message about each. */
export type Refused = ReadonlyMap<string, string>;

export interface RestoreAroundOptions {
  /** Writes everything except these ports. */
  readonly restore: (skip: ReadonlySet<string>) => Promise<void>;
  /** Returns the port that a failure is about, if the failure names it. */
  readonly blame: (error: Error, skip: ReadonlySet<string>) => string | undefined;
  /**
   * True when leaving ports out can help. It cannot when the tables are locked, or the program is
   * gone.
   */
  readonly isRefusal: (error: Error) => boolean;
  /** Ports to search when the failure does not name one. */
  readonly suspects: readonly string[];
}

/** Maximum number of failed restores before giving up: each one is a process. */
const MOST_FAILURES = 64;

/**
 * A single rule that the kernel refuses makes a whole restore fail. Finds the ports of such rules,
 * by the line that failed or else by bisection, and writes all others.
 *
 * @returns the ports left out; usually none, after a single restore
 * @throws the first failure, when it has another reason or too many ports fail
 */
export async function restoreAround(options: RestoreAroundOptions): Promise<Refused> {
  const search = new Search(options);
  await search.run();
  return search.refused;
}

class Search {
  readonly refused = new Map<string, string>();
  readonly #options: RestoreAroundOptions;
  #failures = 0;

  constructor(options: RestoreAroundOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    for (;;) {
      const failure = await this.#try([]);
      if (failure === undefined) return;
      if (!this.#options.isRefusal(failure)) throw failure;
      const key = this.#options.blame(failure, new Set(this.refused.keys()));
      if (key === undefined || this.refused.has(key)) {
        await this.#halve(failure);
        return;
      }
      this.refused.set(key, failure.message);
    }
  }

  /** The restore must succeed without all suspects; otherwise none of them is the cause. */
  async #halve(first: Error): Promise<void> {
    const suspects = this.#options.suspects.filter((key) => !this.refused.has(key));
    const failure = suspects.length === 0 ? first : await this.#try(suspects);
    if (failure !== undefined) throw first;
    await this.#search(suspects, []);
    if ((await this.#try([])) !== undefined) throw first;
  }

  /**
   * The restore succeeds when `part` and `others` are left out; finds the ports of `part` that must
   * stay out.
   */
  async #search(part: readonly string[], others: readonly string[]): Promise<void> {
    const failure = await this.#try(others);
    if (failure === undefined) return;
    const [only, second] = part;
    if (only !== undefined && second === undefined) {
      this.refused.set(only, failure.message);
      return;
    }
    const half = Math.ceil(part.length / 2);
    const right = part.slice(half);
    await this.#search(part.slice(0, half), [...others, ...right]);
    await this.#search(right, others);
  }

  async #try(left: readonly string[]): Promise<Error | undefined> {
    try {
      await this.#options.restore(new Set([...this.refused.keys(), ...left]));
      return undefined;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures > MOST_FAILURES) throw error;
      return error as Error;
    }
  }
}
