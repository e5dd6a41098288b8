import { type CelValue, CostError } from '../../model/cel/value.js';

/** Limits one evaluation. */
export interface Budget {
  /** Steps that it may still take: one for each node, more for long texts and lists. */
  left: number;
}

/** The variables that an expression sees, innermost first. */
export class Frame {
  readonly #parent: Frame | undefined;
  readonly #name: string;
  readonly #budget: Budget;
  value: CelValue;

  constructor(budget: Budget, name: string, value: CelValue, parent?: Frame) {
    this.#budget = budget;
    this.#name = name;
    this.value = value;
    this.#parent = parent;
  }

  /** A frame in which one more name has a value. */
  with(name: string, value: CelValue): Frame {
    return new Frame(this.#budget, name, value, this);
  }

  get(name: string): CelValue | undefined {
    return this.#name === name ? this.value : this.#parent?.get(name);
  }

  /** @throws {CostError} when the budget is used up */
  spend(steps: number): void {
    this.#budget.left -= steps;
    if (this.#budget.left < 0) {
      throw new CostError('operation cancelled: actual cost limit exceeded');
    }
  }
}
