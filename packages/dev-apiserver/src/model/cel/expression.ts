import type { CelValue } from './value.js';

/** A parsed expression. `at` is where an error in it is shown, as an offset into the text. */
export type Expression = Readonly<{ at: number }> &
  (
    | Readonly<{ kind: 'literal'; value: CelValue }>
    | Readonly<{ kind: 'name'; name: string }>
    /** `of.name`, or `of.?name`, which gives an optional. */
    | Readonly<{ kind: 'field'; of: Expression; name: string; optional: boolean }>
    /** `of[key]`, or `of[?key]`. */
    | Readonly<{ kind: 'index'; of: Expression; key: Expression; optional: boolean }>
    | Readonly<{ kind: 'list'; items: readonly Expression[] }>
    | Readonly<{ kind: 'map'; entries: readonly (readonly [Expression, Expression])[] }>
    /** A function, a method of `target`, or an operator, whose name is like `_+_`. */
    | CallExpression
    | Readonly<{ kind: 'choice'; when: Expression; then: Expression; otherwise: Expression }>
    | Readonly<{ kind: 'and' | 'or'; left: Expression; right: Expression }>
  );

export type CallExpression = Readonly<{
  at: number;
  kind: 'call';
  name: string;
  target: Expression | undefined;
  args: readonly Expression[];
}>;

/** An expression that cannot be compiled. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly at: number;

  /** @param at offset into the expression's text */
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}
