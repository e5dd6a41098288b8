import {
  type CallExpression,
  type Expression,
  ExpressionError,
} from '../../model/cel/expression.js';
import { BOOL, type CelType, DYN, INT, showType, TYPE } from '../../model/cel/type.js';
import {
  CelList,
  CelMap,
  CelTypeName,
  type CelValue,
  CostError,
  EvaluationError,
} from '../../model/cel/value.js';
import { fieldType, keyOf, readField, readIndex } from './access.js';
import { bool } from './arguments.js';
import { chooseOverload } from './choose-overload.js';
import type { CheckNotes, Compiled, Compiling, Scope } from './compiling.js';
import { CHECK_COST } from './cost/call-costs.js';
import type { Frame } from './frame.js';
import { MACROS } from './macros.js';
import { typeOfLiteral } from './runtime-type.js';
import type { Overload } from './signature.js';
import { Unifier } from './unify.js';

/** Names of types, which are values too: `type(x) == string`. */
const TYPE_NAMES = new Set([
  ...['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'type', 'null_type'],
  ...['optional_type', 'google.protobuf.Timestamp', 'google.protobuf.Duration'],
  ...['net.IP', 'net.CIDR', 'kubernetes.URL', 'kubernetes.Quantity', 'kubernetes.Semver'],
]);

/** Checks an expression and makes a function of it. @see github.com/google/cel-go checker/checker.go */
export class Compiler implements Compiling {
  readonly unifier = new Unifier();
  readonly #functions: ReadonlyMap<string, readonly Overload[]>;
  readonly #used = new Set<string>();
  readonly #types = new Map<Expression, CelType>();
  readonly #overloads = new Map<Expression, readonly Overload[]>();
  /** Literals whose items, keys or values must have one type. */
  readonly #alike: (readonly (readonly [at: number, type: CelType])[])[] = [];
  /** Above 0 inside of calls that take items of several types. */
  #mixing = 0;

  constructor(functions: ReadonlyMap<string, readonly Overload[]>) {
    this.#functions = functions;
  }

  /** Names of variables that were met. */
  get used(): ReadonlySet<string> {
    return this.#used;
  }

  /** The types and overloads that were found. */
  get notes(): CheckNotes {
    return {
      typeOf: (expression) => {
        const found = this.#types.get(expression);
        return found === undefined ? undefined : this.unifier.resolve(found);
      },
      overloadsOf: (call) => this.#overloads.get(call) ?? [],
    };
  }

  /** @throws {ExpressionError} */
  compile(expression: Expression, scope: Scope): Compiled {
    const compiled = this.#compile(expression, scope);
    this.#types.set(expression, compiled.type);
    return compiled;
  }

  #compile(expression: Expression, scope: Scope): Compiled {
    switch (expression.kind) {
      case 'literal': {
        const { value } = expression;
        return { type: typeOfLiteral(value), run: () => value };
      }
      case 'name':
        return this.#name(expression, scope);
      case 'field':
        return this.#field(expression, scope);
      case 'index':
        return this.#index(expression, scope);
      case 'list':
        return this.#list(expression, scope);
      case 'map':
        return this.#map(expression, scope);
      case 'choice':
        return this.#choice(expression, scope);
      case 'and':
      case 'or':
        return this.#logical(expression, scope);
      case 'call':
        return this.#call(expression, scope);
    }
  }

  /** Compiles what must have this type. @throws {ExpressionError} */
  expect(expression: Expression, scope: Scope, type: CelType): Compiled {
    const compiled = this.compile(expression, scope);
    if (!this.unifier.unify(type, compiled.type)) {
      const found = showType(this.unifier.resolve(compiled.type));
      throw new ExpressionError(
        expression.at,
        `expected type '${showType(this.unifier.resolve(type))}' but found '${found}'`,
      );
    }
    return compiled;
  }

  #name({ at, name }: Extract<Expression, { kind: 'name' }>, scope: Scope): Compiled {
    const type = scope.get(name);
    if (type === undefined) {
      const constant = this.#typeName(name);
      if (constant !== undefined) return constant;
      throw undeclared(at, name);
    }
    this.#used.add(name);
    return { type, run: (frame) => readVariable(frame, name) };
  }

  #typeName(name: string): Compiled | undefined {
    if (!TYPE_NAMES.has(name)) return undefined;
    const value = new CelTypeName(name);
    return { type: TYPE, run: () => value };
  }

  #field(expression: Extract<Expression, { kind: 'field' }>, scope: Scope): Compiled {
    const { at, of, name, optional } = expression;
    const constant = this.#typeName(qualifiedName(expression, scope));
    if (constant !== undefined) return constant;
    // a variable may have a name of two parts, like `authorizer.requestResource`
    const full = of.kind === 'name' ? `${of.name}.${name}` : '';
    if (scope.has(full)) return this.#name({ kind: 'name', at, name: full }, scope);
    const target = this.compile(of, scope);
    const found = this.unifier.resolve(target.type);
    const isOptional = optional || found.kind === 'optional';
    const inner = found.kind === 'optional' ? this.unifier.resolve(found.of) : found;
    const type = fieldType(at, inner, name);
    const run = (frame: Frame): CelValue => {
      frame.spend(1);
      return readField(target.run(frame), name, isOptional);
    };
    return { type: isOptional ? { kind: 'optional', of: type } : type, run };
  }

  #index(expression: Extract<Expression, { kind: 'index' }>, scope: Scope): Compiled {
    const target = this.compile(expression.of, scope);
    const key = this.compile(expression.key, scope);
    const found = this.unifier.resolve(target.type);
    const isOptional = expression.optional || found.kind === 'optional';
    const type = this.#itemType(
      expression,
      found.kind === 'optional' ? this.unifier.resolve(found.of) : found,
      key.type,
    );
    const run = (frame: Frame): CelValue => {
      frame.spend(1);
      return readIndex(target.run(frame), key.run(frame), isOptional);
    };
    return { type: isOptional ? { kind: 'optional', of: type } : type, run };
  }

  #itemType(
    { at, optional: isOptional }: Extract<Expression, { kind: 'index' }>,
    container: CelType,
    key: CelType,
  ): CelType {
    if (container === DYN) return isOptional ? this.unifier.fresh() : DYN;
    if (container.kind === 'list' && this.unifier.unify(INT, key)) return container.of;
    if (container.kind === 'map' && this.unifier.unify(container.key, key)) return container.of;
    const types = [container, key].map((type) => showType(this.unifier.resolve(type)));
    throw new ExpressionError(
      at,
      `found no matching overload for '_[_]' applied to '(${types.join(', ')})'`,
    );
  }

  /**
   * Checks that the items of each list, and the keys and values of each map, have the same type;
   * `dyn` is one of its own.
   *
   * @throws {ExpressionError}
   */
  checkAlike(): void {
    for (const [first, ...more] of this.#alike) {
      const wanted = first === undefined ? '' : showType(this.unifier.resolve(first[1]));
      for (const [at, type] of more) {
        const found = showType(this.unifier.resolve(type));
        if (found === wanted) continue;
        throw new ExpressionError(at, `expected type '${wanted}' but found '${found}'`);
      }
    }
  }

  /** Compiles parts of a literal, and finds the type of all of them. */
  #parts(
    parts: readonly Expression[],
    scope: Scope,
  ): Readonly<{ of: CelType; compiled: readonly Compiled[] }> {
    const of = this.unifier.fresh();
    if (this.#mixing > 0) {
      const mixed = parts.map((part) => this.compile(part, scope));
      return {
        of: mixed.every(({ type }) => this.unifier.unify(of, type)) ? of : DYN,
        compiled: mixed,
      };
    }
    const compiled = parts.map((part) => this.expect(part, scope, of));
    this.#alike.push(compiled.map(({ type }, index) => [parts[index]?.at ?? 0, type] as const));
    return { of, compiled };
  }

  #list({ items }: Extract<Expression, { kind: 'list' }>, scope: Scope): Compiled {
    const { of, compiled } = this.#parts(items, scope);
    return {
      type: { kind: 'list', of },
      run: (frame) => {
        frame.spend(1 + compiled.length);
        return new CelList(compiled.map(({ run }) => run(frame)));
      },
    };
  }

  #map({ entries }: Extract<Expression, { kind: 'map' }>, scope: Scope): Compiled {
    const names = this.#parts(
      entries.map(([name]) => name),
      scope,
    );
    const values = this.#parts(
      entries.map(([, value]) => value),
      scope,
    );
    const pairs = names.compiled.flatMap((name, index) => {
      const value = values.compiled[index];
      return value === undefined ? [] : [[name, value] as const];
    });
    return {
      type: { kind: 'map', key: names.of, of: values.of },
      run: (frame) => {
        frame.spend(1 + pairs.length);
        return new CelMap(
          new Map(pairs.map(([name, value]) => [keyOf(name.run(frame)), value.run(frame)])),
        );
      },
    };
  }

  #choice(expression: Extract<Expression, { kind: 'choice' }>, scope: Scope): Compiled {
    const when = this.expect(expression.when, scope, BOOL);
    const then = this.compile(expression.then, scope);
    const otherwise = this.compile(expression.otherwise, scope);
    if (!this.unifier.unify(then.type, otherwise.type)) {
      const types = [BOOL, then.type, otherwise.type];
      throw this.#noOverload(expression.at, '_?_:_', undefined, types);
    }
    const isDyn = [then, otherwise].some(({ type }) => this.unifier.resolve(type) === DYN);
    return {
      type: isDyn ? DYN : then.type,
      run: (frame) => (bool(when.run(frame)) ? then.run(frame) : otherwise.run(frame)),
    };
  }

  /** One side that decides the result hides an error of the other one. */
  #logical(expression: Extract<Expression, { kind: 'and' | 'or' }>, scope: Scope): Compiled {
    const left = this.expect(expression.left, scope, BOOL);
    const right = this.expect(expression.right, scope, BOOL);
    const decides = expression.kind === 'or';
    const run = (frame: Frame): CelValue => {
      frame.spend(1);
      try {
        if (bool(left.run(frame)) === decides) return decides;
      } catch (error) {
        if (error instanceof CostError || bool(right.run(frame)) !== decides) throw error;
        return decides;
      }
      return bool(right.run(frame));
    };
    return { type: BOOL, run };
  }

  #call(expression: CallExpression, scope: Scope): Compiled {
    const macro = MACROS.get(macroKey(expression));
    const qualified = this.#qualified(expression, scope);
    if (macro !== undefined && qualified === undefined) return macro(this, expression, scope);
    const name = qualified ?? expression.name;
    const overloads = this.#functions.get(name);
    const target = qualified === undefined ? expression.target : undefined;
    const given = target === undefined ? expression.args : [target, ...expression.args];
    // only what a text is filled in with may have several types
    if (name === 'format') this.#mixing += 1;
    const args = given.map((arg) => this.#argument(name, arg, scope));
    if (name === 'format') this.#mixing -= 1;
    if (overloads === undefined) throw undeclared(expression.at, name);
    const chosen = chooseOverload(this.unifier, overloads, {
      isMethod: target !== undefined,
      types: args.map(({ type }) => type),
    });
    if (chosen === undefined) {
      const types = args.map(({ type }) => type);
      throw this.#noOverload(expression.at, name, target, types);
    }
    this.#overloads.set(expression, chosen.overloads);
    return {
      type: chosen.type,
      run: (frame) => {
        if (name === 'check') frame.spend(CHECK_COST);
        return chosen.call(
          frame,
          args.map(({ run }) => run(frame)),
        );
      },
    };
  }

  /** Only the list of values for a text to fill in may have items of several types. */
  #argument(name: string, arg: Expression, scope: Scope): Compiled {
    if (name !== 'format' || arg.kind !== 'list') return this.compile(arg, scope);
    const items = arg.items.map((item) => this.compile(item, scope));
    const run = (frame: Frame): CelValue => new CelList(items.map((item) => item.run(frame)));
    const type: CelType = { kind: 'list', of: DYN };
    this.#types.set(arg, type);
    return { type, run };
  }

  /** `sets.contains` for a call whose target is no value but a part of the function's name. */
  #qualified({ name, target }: CallExpression, scope: Scope): string | undefined {
    if (target?.kind !== 'name' || scope.has(target.name)) return undefined;
    const full = `${target.name}.${name}`;
    return this.#functions.has(full) ? full : undefined;
  }

  #noOverload(
    at: number,
    name: string,
    target: Expression | undefined,
    types: readonly CelType[],
  ): ExpressionError {
    const shown = types.map((type) => showType(this.unifier.resolve(type)));
    const [first = ''] = shown;
    const applied =
      target === undefined ? `(${shown.join(', ')})` : `${first}.(${shown.slice(1).join(', ')})`;
    return new ExpressionError(
      at,
      `found no matching overload for '${name}' applied to '${applied}'`,
    );
  }
}

/** Macros are known by name, kind and number of arguments. */
function macroKey({ name, target, args }: CallExpression): string {
  return `${target === undefined ? '' : '.'}${name}/${args.length}`;
}

function undeclared(at: number, name: string): ExpressionError {
  return new ExpressionError(at, `undeclared reference to '${name}' (in container '')`);
}

function readVariable(frame: Frame, name: string): CelValue {
  const value = frame.get(name);
  if (value === undefined) throw new EvaluationError(`no such attribute(s): ${name}`);
  return value;
}

/** `google.protobuf.Timestamp` of an expression that only selects fields of an unknown name. */
function qualifiedName(expression: Expression, scope: Scope): string {
  if (expression.kind === 'name') return scope.has(expression.name) ? '' : expression.name;
  if (expression.kind !== 'field' || expression.optional) return '';
  const head = qualifiedName(expression.of, scope);
  return head === '' ? '' : `${head}.${expression.name}`;
}
