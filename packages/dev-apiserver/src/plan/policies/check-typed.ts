import { ExpressionError } from '../../model/cel/expression.js';
import { type CelType, showType } from '../../model/cel/type.js';
import type { Scope } from '../cel/compiling.js';
import {
  type CheckedExpression,
  checkExpression,
  type ParseExpression,
  typeProblem,
} from '../cel/environment.js';

export interface Wanted {
  readonly scope: Scope;
  readonly parse: ParseExpression;
  /** Any type when absent. */
  readonly wanted?: CelType;
}

/**
 * Compiles an expression that must have a type.
 *
 * @returns the reason, when it cannot be compiled or has another type
 */
export function checkTyped(
  text: string,
  { scope, parse, wanted }: Wanted,
): CheckedExpression | string {
  try {
    const compiled = checkExpression(text, parse, scope);
    if (wanted === undefined || !typeProblem(compiled, wanted)) return compiled;
    return `must evaluate to ${showType(wanted)} but got ${showType(compiled.type)}`;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return `compilation failed: ${error.message}`;
  }
}
