import {
  type CallExpression,
  type Expression,
  ExpressionError,
} from '../../model/cel/expression.js';
import { type CelType, showType } from '../../model/cel/type.js';
import { EvaluationError } from '../../model/cel/value.js';
import { Compiler } from './compile.js';
import type { Compiled, Scope } from './compiling.js';
import { estimateCost } from './cost/estimate.js';
import type { Sized } from './cost/size.js';
import { AUTHORIZATION } from './library/authorization.js';
import { CONVERSIONS } from './library/conversions.js';
import { formatProblem } from './library/format-text.js';
import { NAMED_FORMATS } from './library/formats.js';
import { LISTS } from './library/lists.js';
import { NETWORK } from './library/network.js';
import { OPERATORS } from './library/operators.js';
import { QUANTITIES } from './library/quantities.js';
import { compilePattern } from './library/regex.js';
import { TEXTS } from './library/texts.js';
import { parseCelDuration, parseCelTimestamp, TIMES } from './library/times.js';
import { overloadsOf } from './signature.js';

/** @see Kubernetes 1.36 apiserver pkg/cel/environment/base.go */
const FUNCTIONS = overloadsOf([
  ...[OPERATORS, CONVERSIONS, TEXTS, TIMES, LISTS, NETWORK, QUANTITIES, NAMED_FORMATS],
  ...[AUTHORIZATION],
]);

/** Reads the text of an expression. @throws {ExpressionError} */
export type ParseExpression = (text: string) => Expression;

/** A checked expression, and the names of the variables that it uses. */
export interface CheckedExpression extends Compiled {
  readonly uses: ReadonlySet<string>;
  /** Steps that it can take at most, when the sizes of what it sees are known; else 0. */
  readonly cost: number;
}

/**
 * Checks an expression with the functions that a Kubernetes API server has.
 *
 * @param sized the sizes of `self` and `oldSelf`
 * @throws {ExpressionError} with a message like the API server's, which shows the place
 */
export function checkExpression(
  text: string,
  parse: ParseExpression,
  scope: Scope,
  sized?: Sized,
): CheckedExpression {
  try {
    const expression = parse(text);
    checkLiterals(expression);
    const compiler = new Compiler(FUNCTIONS);
    const { type, run } = compiler.compile(expression, scope);
    compiler.checkAlike();
    const cost = sized === undefined ? 0 : estimateCost(expression, compiler.notes, sized);
    return { type: compiler.unifier.resolve(type), run, uses: compiler.used, cost };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new ExpressionError(error.at, withPlace(text, error));
  }
}

/** True for an expression of another type than wanted. */
export function typeProblem({ type }: Compiled, wanted: CelType): boolean {
  return showType(type) !== showType(wanted);
}

/** The message with its line, and a mark below the column. @see cel-go common/error.go */
function withPlace(text: string, { at, message }: ExpressionError): string {
  const before = text.slice(0, at).split('\n');
  const column = before.at(-1)?.length ?? 0;
  const line = text.split('\n')[before.length - 1] ?? '';
  const head = `ERROR: <input>:${before.length}:${column + 1}: ${message}`;
  return `${head}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

/** For each function, where its literal is among the arguments, and what it may be. */
const LITERALS: Readonly<
  Record<string, Readonly<{ at: number; check: (text: string) => boolean }>>
> = {
  matches: { at: -1, check: isPattern },
  find: { at: 0, check: isPattern },
  findAll: { at: 0, check: isPattern },
  duration: { at: 0, check: (text) => parseCelDuration(text) !== undefined },
  timestamp: { at: 0, check: (text) => parseCelTimestamp(text) !== undefined },
};

function isPattern(text: string): boolean {
  try {
    compilePattern(text);
    return true;
  } catch (error) {
    if (error instanceof EvaluationError) return false;
    throw error;
  }
}

/** A literal that a function would refuse each time is found before the first time. */
function checkLiterals(expression: Expression): void {
  if (expression.kind === 'call') {
    const { name, args } = expression;
    const found = LITERALS[name];
    const given = found === undefined ? undefined : args.at(found.at);
    if (given?.kind === 'literal' && typeof given.value === 'string') {
      if (found?.check(given.value) === false) {
        throw new ExpressionError(given.at, `invalid ${name} argument`);
      }
    }
    checkFormat(expression);
  }
  for (const part of partsOf(expression)) checkLiterals(part);
}

function checkFormat({ at, name, target, args: [values] }: CallExpression): void {
  if (name !== 'format' || target?.kind !== 'literal' || values?.kind !== 'list') return;
  if (typeof target.value !== 'string') return;
  const problem = formatProblem(target.value, values.items.length);
  if (problem === undefined) return;
  throw new ExpressionError(at, problem);
}

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'name':
      return [];
    case 'field':
      return [expression.of];
    case 'index':
      return [expression.of, expression.key];
    case 'list':
      return expression.items;
    case 'map':
      return expression.entries.flat();
    case 'choice':
      return [expression.when, expression.then, expression.otherwise];
    case 'and':
    case 'or':
      return [expression.left, expression.right];
    case 'call':
      return [...(expression.target === undefined ? [] : [expression.target]), ...expression.args];
  }
}
