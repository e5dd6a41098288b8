/** A question was not asked: enough others are under way. */
export class TooManyQuestions extends Error {
  override readonly name = 'TooManyQuestions';
}

export interface QuestionLimits {
  /** Under way at a time, of all. */
  readonly most: number;
  /** Of these, kept for questions on behalf of those who are known. */
  readonly reserved: number;
  /** Under way at a time, on behalf of one who is not known. */
  readonly mostEach: number;
}

export interface Question<T> {
  /** Whoever asks the same while it is being asked waits for the same answer. */
  readonly key: string;
  /** Whoever it is for was answered well before. */
  readonly isKnown: boolean;
  /** Where it comes from. */
  readonly from: string;
  readonly ask: () => Promise<T>;
}

/**
 * Questions under way. Strangers decide how often one is asked on their behalf: they get a share,
 * each of them a small one, and what is left is for those who are known.
 */
export class Questions<T> {
  readonly #limits: QuestionLimits;
  readonly #asking = new Map<string, Promise<T>>();
  /** Of strangers. */
  readonly #byOrigin = new Map<string, number>();

  constructor(limits: QuestionLimits) {
    this.#limits = limits;
  }

  /** @throws {TooManyQuestions} at once */
  async ask({ key, isKnown, from, ask }: Question<T>): Promise<T> {
    const found = this.#asking.get(key);
    if (found !== undefined) return found;
    const { most, reserved, mostEach } = this.#limits;
    if (this.#asking.size >= (isKnown ? most : most - reserved)) {
      throw new TooManyQuestions(`${this.#asking.size} questions are under way already`);
    }
    const ofOrigin = this.#byOrigin.get(from) ?? 0;
    if (!isKnown && ofOrigin >= mostEach) {
      throw new TooManyQuestions(`${ofOrigin} questions from ${from} are under way already`);
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
