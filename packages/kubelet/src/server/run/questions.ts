/** Refuses a question because too many others are in progress. */
export class TooManyQuestions extends Error {
  override readonly name = 'TooManyQuestions';
}

export interface QuestionLimits {
  /** Maximum number of questions in progress. */
  readonly most: number;
  /** The part of `most` that is reserved for authenticated callers. */
  readonly reserved: number;
  /** Maximum number of questions in progress per unauthenticated origin. */
  readonly mostEach: number;
}

export interface Question<T> {
  /** Identical questions at the same time share one answer. */
  readonly key: string;
  /** The caller got a positive answer before. */
  readonly isKnown: boolean;
  /** The origin of the caller. */
  readonly from: string;
  readonly ask: () => Promise<T>;
}

/**
 * Limits the questions in progress. Unauthenticated clients can cause any number of them, so each
 * origin gets a small share, and a reserve is kept for known callers.
 */
export class Questions<T> {
  readonly #limits: QuestionLimits;
  readonly #asking = new Map<string, Promise<T>>();
  /** Number of questions in progress per unauthenticated origin. */
  readonly #byOrigin = new Map<string, number>();

  constructor(limits: QuestionLimits) {
    this.#limits = limits;
  }

  /** @throws {TooManyQuestions} immediately if the limit is reached */
  async ask({ key, isKnown, from, ask }: Question<T>): Promise<T> {
    const found = this.#asking.get(key);
    if (found !== undefined) return found;
    const { most, reserved, mostEach } = this.#limits;
    if (this.#asking.size >= (isKnown ? most : most - reserved)) {
      throw new TooManyQuestions(`${this.#asking.size} reviews are already in progress`);
    }
    const ofOrigin = this.#byOrigin.get(from) ?? 0;
    if (!isKnown && ofOrigin >= mostEach) {
      throw new TooManyQuestions(`${ofOrigin} reviews for ${from} are already in progress`);
    }
    if (!isKnown) this.#byOrigin.set(from, ofOrigin + 1);
    const answer = ask().finally(() => {
      this.#asking.delete(key);
      if (!isKnown) this.#leave(from);
    });
    this.#asking.set(key, answer);
    return answer;
  }

  #leave(from: string): void {
    const left = (this.#byOrigin.get(from) ?? 1) - 1;
    if (left === 0) this.#byOrigin.delete(from);
    else this.#byOrigin.set(from, left);
  }
}
