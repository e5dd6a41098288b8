import { type CelValue, CostError, EvaluationError } from '../../model/cel/value.js';
import type { Compiled } from '../cel/compiling.js';
import type { Budget, Frame } from '../cel/frame.js';

/** Steps for one expression. @see Kubernetes 1.36 apiserver pkg/apis/cel/config.go, PerCallLimit */
const EXPRESSION_BUDGET = 1_000_000;

/** Thrown when all expressions together have used up their steps. */
export class OutOfBudget extends Error {
  override readonly name = 'OutOfBudget';

  constructor() {
    super(
      'validation failed due to running out of cost budget, no further validation rules will be run',
    );
  }
}

export type Outcome = Readonly<{ value: CelValue }> | Readonly<{ failure: string }>;

/** Evaluates expressions that share a budget. */
export class Meter {
  #left: number;
  readonly budget: Budget = { left: 0 };

  /** @param steps for all expressions together */
  constructor(steps: number) {
    this.#left = steps;
  }

  /** @throws {OutOfBudget} */
  run(text: string, { run }: Compiled, frame: Frame): Outcome {
    const given = Math.min(EXPRESSION_BUDGET, this.#left);
    this.budget.left = given;
    try {
      return { value: run(frame) };
    } catch (error) {
      if (!(error instanceof EvaluationError || error instanceof CostError)) throw error;
      if (error instanceof CostError && given < EXPRESSION_BUDGET) throw new OutOfBudget();
      return { failure: `expression '${text}' resulted in error: ${error.message}` };
    } finally {
      this.#left -= given - Math.max(this.budget.left, 0);
    }
  }
}
