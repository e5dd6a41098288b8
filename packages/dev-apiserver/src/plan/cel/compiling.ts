import type { CallExpression, Expression } from '../../model/cel/expression.js';
import type { CelType } from '../../model/cel/type.js';
import type { CelValue } from '../../model/cel/value.js';
import type { Frame } from './frame.js';
import type { Overload } from './signature.js';
import type { Unifier } from './unify.js';

/** A checked expression: its type, and how it is evaluated. */
export interface Compiled {
  readonly type: CelType;
  readonly run: (frame: Frame) => CelValue;
}

/** Facts about the parts of an expression that has been checked. */
export interface CheckNotes {
  /** Undefined for parts that are no values, like the name of a loop's variable. */
  readonly typeOf: (expression: Expression) => CelType | undefined;
  /** The overloads that a call may turn out to be. */
  readonly overloadsOf: (call: CallExpression) => readonly Overload[];
}

/** The names that an expression may use, and their types. */
export type Scope = ReadonlyMap<string, CelType>;

/** The part of the compiler that macros use. */
export interface Compiling {
  readonly unifier: Unifier;
  /** @throws {ExpressionError} */
  compile(expression: Expression, scope: Scope): Compiled;
  /** Compiles what must have this type. @throws {ExpressionError} */
  expect(expression: Expression, scope: Scope, type: CelType): Compiled;
}

/** A call whose arguments are not evaluated first. */
export type Macro = (compiler: Compiling, call: CallExpression, scope: Scope) => Compiled;
