import type { CallExpression, Expression } from '../../../model/cel/expression.js';
import { type CelType, DYN } from '../../../model/cel/type.js';
import type { CelValue } from '../../../model/cel/value.js';
import type { CheckNotes } from '../compiling.js';
import { callCost, type CallSite, LIST_COST, sorting } from './call-costs.js';
import { either, exactly, product, type Size, sizeAt, type Sized, sum, UNKNOWN } from './size.js';

const MAP_COST = 30;

/**
 * Estimates how many steps an expression takes at most.
 *
 * @param root the sizes of the variables
 * @returns at most 2⁶⁴
 * @see github.com/google/cel-go checker/cost.go, parser/macro.go; Kubernetes 1.36 apiserver
 *   pkg/cel/environment/base.go
 */
export function estimateCost(expression: Expression, notes: CheckNotes, root: Sized): number {
  return new Estimator(notes, root).cost(expression);
}

/** The sizes of the keys and values of a list or a map. */
interface Entry {
  readonly kind: 'list' | 'map';
  readonly key: Size;
  readonly value: Size;
}

/** A variable of a loop. */
interface Local {
  readonly path: readonly string[];
  readonly size: Size | undefined;
  readonly entry?: Entry | undefined;
}

const NOTHING: Size = exactly(0);
const ONE: Size = exactly(1);

class Estimator {
  readonly #notes: CheckNotes;
  readonly #root: Sized;
  /** The origins of the values of expressions, as for {@link sizeAt}. */
  readonly #paths = new Map<Expression, readonly string[]>();
  readonly #sizes = new Map<Expression, Size>();
  readonly #entries = new Map<Expression, Entry>();
  readonly #locals = new Map<string, Local>();

  constructor(notes: CheckNotes, root: Sized) {
    this.#notes = notes;
    this.#root = root;
  }

  cost(expression: Expression): number {
    switch (expression.kind) {
      case 'literal':
        return 0;
      case 'name':
        this.#paths.set(expression, this.#pathOf(expression));
        return 1;
      case 'field':
        return this.#field(expression);
      case 'index':
        return this.#index(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression);
      case 'choice':
        return this.#choice(expression);
      case 'and':
      case 'or':
        return sum(this.cost(expression.left), this.cost(expression.right));
      case 'call':
        return this.#call(expression);
    }
  }

  #typeOf(expression: Expression): CelType {
    return this.#notes.typeOf(expression) ?? DYN;
  }

  #pathOf(expression: Expression): readonly string[] {
    if (expression.kind !== 'name') return this.#paths.get(expression) ?? [];
    return this.#locals.get(expression.name)?.path ?? [expression.name];
  }

  #field(expression: Extract<Expression, { kind: 'field' }>): number {
    const { of, name, optional } = expression;
    // the name of a type, like `google.protobuf.Timestamp`
    if (this.#notes.typeOf(of) === undefined) return 1;
    const inner = this.cost(of);
    const { kind } = this.#typeOf(of);
    if (optional) return sum(inner, 1);
    this.#paths.set(expression, [...this.#pathOf(of), name]);
    return kind === 'map' || kind === 'object' || kind === 'variable' ? sum(inner, 1) : inner;
  }

  #index(expression: Extract<Expression, { kind: 'index' }>): number {
    const { of, key, optional } = expression;
    const cost = sum(this.cost(of), this.cost(key), 1);
    const { kind } = this.#typeOf(of);
    if (optional || kind === 'optional') return cost;
    this.#paths.set(expression, [...this.#pathOf(of), kind === 'list' ? '@items' : '@values']);
    const size = this.#entryOf(of)?.value ?? this.#sizeOf(expression);
    if (size !== undefined) this.#sizes.set(expression, size);
    return cost;
  }

  #list(expression: Extract<Expression, { kind: 'list' }>): number {
    const costs = expression.items.map((item) => this.cost(item));
    const value = this.#common(expression.items);
    this.#entries.set(expression, { kind: 'list', key: ONE, value });
    return sum(LIST_COST, ...costs);
  }

  #map(expression: Extract<Expression, { kind: 'map' }>): number {
    const costs = expression.entries.flat().map((part) => this.cost(part));
    const key = this.#common(expression.entries.map(([name]) => name));
    const value = this.#common(expression.entries.map(([, item]) => item));
    this.#entries.set(expression, { kind: 'map', key, value });
    return sum(MAP_COST, ...costs);
  }

  #common(items: readonly Expression[]): Size {
    const [first, ...rest] = items.map((item) => this.#sizeOrUnknown(item));
    return first === undefined ? NOTHING : rest.reduce(either, first);
  }

  #choice(expression: Extract<Expression, { kind: 'choice' }>): number {
    const { when, then, otherwise } = expression;
    const cost = sum(this.cost(when), Math.max(this.cost(then), this.cost(otherwise)));
    const size = either(this.#sizeOrUnknown(then), this.#sizeOrUnknown(otherwise));
    this.#sizes.set(expression, size);
    this.#setEntry(expression, commonEntry(this.#entryOf(then), this.#entryOf(otherwise)));
    return cost;
  }

  #call(expression: CallExpression): number {
    const { name, target, args } = expression;
    const overloads = this.#notes.overloadsOf(expression);
    if (overloads.length === 0) return this.#macro(expression);
    const inner = args.map((arg) => this.cost(arg));
    const isValue = target !== undefined && this.#notes.typeOf(target) !== undefined;
    if (isValue) inner.push(this.cost(target));
    const [first, second] = args;
    if (name === 'dyn' && first !== undefined) {
      this.#copySizes(expression, first);
      return sum(1, ...inner);
    }
    const site: Omit<CallSite, 'overload'> = {
      name: isValue || target?.kind !== 'name' ? name : `${target.name}.${name}`,
      target: isValue ? target : undefined,
      args,
      sizeOf: (one) => this.#sizeOrUnknown(one),
      itemOf: (list) => this.#itemOf(list),
      typeOf: (one) => this.#typeOf(one),
    };
    const found = overloads.map((overload) => callCost({ ...site, overload }));
    const sizes = found.flatMap(({ size }) => size ?? []);
    const [size, ...rest] = sizes;
    const known = size === undefined ? this.#sizeOf(expression) : rest.reduce(either, size);
    if (known !== undefined) this.#sizes.set(expression, known);
    if (name === '_+_' && first !== undefined && second !== undefined) {
      this.#setEntry(expression, commonEntry(this.#entryOf(first), this.#entryOf(second)));
    }
    return sum(Math.max(...found.map(({ cost }) => cost)), ...inner);
  }

  #macro(expression: CallExpression): number {
    const { name, target, args } = expression;
    const [first] = args;
    if (name === 'has' && first?.kind === 'field') return this.cost(first.of);
    if (target === undefined) return 0;
    switch (name) {
      case 'all':
      case 'exists': {
        // the result so far is looked at twice for each item, and negated for `exists`
        const each = name === 'all' ? 3 : 4;
        this.#sizes.set(expression, ONE);
        return this.#loop(expression, { start: 0, end: 1 }, ([test = 0]) => sum(each, test));
      }
      case 'exists_one':
      case 'existsOne':
        this.#sizes.set(expression, ONE);
        return this.#loop(expression, { start: 0, end: 2 }, ([test = 0]) => sum(test, 2));
      case 'map':
      case 'transformList':
        return this.#listLoop(expression, args.at(-1));
      case 'filter':
        return this.#listLoop(expression, args[0]);
      case 'transformMap':
      case 'transformMapEntry': {
        const each = name === 'transformMap' ? 3 : 2;
        const cost = this.#loop(expression, { start: MAP_COST, end: 1 }, (bodies) =>
          sum(each, ...bodies),
        );
        this.#sizes.set(expression, this.#sizeOrUnknown(target));
        return cost;
      }
      case 'sortBy':
        return this.#sortBy(expression, target);
      default:
        return this.#optionalMap(expression, target);
    }
  }

  /**
   * The cost of a loop.
   *
   * @param each the cost for an item, of those of the expressions in the loop
   */
  #loop(
    { name, target, args }: CallExpression,
    { start, end }: Readonly<{ start: number; end: number }>,
    each: (bodies: readonly number[]) => number,
  ): number {
    if (target === undefined) return 0;
    const range = this.cost(target);
    const names = variablesOf(name, args);
    const bodies = args.slice(names.length);
    const restore = this.#pushLoop(names, target);
    const costs = bodies.map((body) => this.cost(body));
    const step = each(costs);
    // sizes that depend on the variables are asked for while they are known
    for (const body of bodies) this.#remember(body);
    restore();
    return sum(range, start, end, product(this.#sizeOrUnknown(target).max, step));
  }

  #remember(body: Expression): void {
    const size = this.#sizeOf(body);
    if (size !== undefined) this.#sizes.set(body, size);
  }

  /** A list is made of `item`s. */
  #listLoop(expression: CallExpression, item: Expression | undefined): number {
    const { target } = expression;
    const isFilter = expression.name === 'filter';
    let value = UNKNOWN;
    const cost = this.#loop(expression, { start: LIST_COST, end: 1 }, (bodies) => {
      if (item !== undefined) value = this.#sizeOrUnknown(item);
      return sum(LIST_COST + 2, ...(isFilter ? [1] : []), ...bodies);
    });
    if (target !== undefined) this.#sizes.set(expression, this.#sizeOrUnknown(target));
    this.#entries.set(expression, { kind: 'list', key: ONE, value: either(NOTHING, value) });
    return cost;
  }

  /** The keys are made by a loop, and then sorted. */
  #sortBy(expression: CallExpression, target: Expression): number {
    const keys = this.#loop(expression, { start: LIST_COST, end: 1 }, (bodies) =>
      sum(LIST_COST + 2, ...bodies),
    );
    const key = expression.args.at(-1);
    const items = this.#sizeOrUnknown(target);
    const { cost, size } = sorting(items, key === undefined ? undefined : this.#typeOf(key));
    if (size !== undefined) this.#sizes.set(expression, size);
    // the list is bound to a name, which is read twice
    return sum(LIST_COST, 2, keys, cost);
  }

  /** `optional.optMap(x, f)` asks for the optional twice. */
  #optionalMap(expression: CallExpression, target: Expression): number {
    const [variable, body] = expression.args;
    if (variable?.kind !== 'name' || body === undefined) return 0;
    const asked = sum(this.cost(target), 1);
    const type = this.#typeOf(target);
    const inner = type.kind === 'optional' ? type.of : DYN;
    const local = { path: [], size: isScalar(inner) ? ONE : undefined };
    const restore = this.#push([[variable.name, local]]);
    const made = this.cost(body);
    restore();
    const wraps = expression.name === 'optMap' ? 1 : 0;
    return sum(asked, asked, LIST_COST, made, wraps);
  }

  #pushLoop(names: readonly string[], range: Expression): () => void {
    const entry = this.#entryOf(range);
    const path = this.#pathOf(range);
    const isList = (entry?.kind ?? this.#typeOf(range).kind) === 'list';
    const keys: Local = { path: [...path, isList ? '@indices' : '@keys'], size: entry?.key };
    const values: Local = { path: [...path, isList ? '@items' : '@values'], size: entry?.value };
    const [first = '', second] = names;
    if (second !== undefined) {
      return this.#push([
        [first, keys],
        [second, values],
      ]);
    }
    return this.#push([[first, isList ? values : keys]]);
  }

  /** @returns a function that brings back what the names were before */
  #push(locals: readonly (readonly [string, Local])[]): () => void {
    const before = locals.map(([name]) => [name, this.#locals.get(name)] as const);
    for (const [name, local] of locals) this.#locals.set(name, local);
    return () => {
      for (const [name, local] of before) {
        if (local === undefined) this.#locals.delete(name);
        else this.#locals.set(name, local);
      }
    };
  }

  #itemOf(list: Expression): Readonly<{ type: CelType; size: Size }> | undefined {
    const type = this.#typeOf(list);
    if (type.kind !== 'list') return undefined;
    const path = this.#pathOf(list);
    const size = path.length === 0 ? undefined : sizeAt(this.#root, [...path, '@items']);
    return { type: type.of, size: size ?? UNKNOWN };
  }

  #sizeOrUnknown(expression: Expression): Size {
    return this.#sizeOf(expression) ?? UNKNOWN;
  }

  #sizeOf(expression: Expression): Size | undefined {
    const known = this.#sizes.get(expression) ?? writtenSize(expression);
    if (known !== undefined) return known;
    const found = sizeAt(this.#root, this.#pathOf(expression));
    if (found !== undefined) return found;
    if (isScalar(this.#typeOf(expression))) return ONE;
    return expression.kind === 'name' ? this.#locals.get(expression.name)?.size : undefined;
  }

  #entryOf(expression: Expression): Entry | undefined {
    const known = this.#entries.get(expression);
    if (known !== undefined || expression.kind !== 'name') return known;
    return this.#locals.get(expression.name)?.entry;
  }

  #setEntry(expression: Expression, entry: Entry | undefined): void {
    if (entry !== undefined) this.#entries.set(expression, entry);
  }

  #copySizes(to: Expression, from: Expression): void {
    const size = this.#sizeOf(from);
    if (size !== undefined) this.#sizes.set(to, size);
    this.#setEntry(to, this.#entryOf(from));
  }
}

/** The names of a loop's variables. */
function variablesOf(name: string, args: readonly Expression[]): readonly string[] {
  const isPair = name.startsWith('transform') || (args.length === 3 && name !== 'map');
  return args.slice(0, isPair ? 2 : 1).flatMap((one) => (one.kind === 'name' ? [one.name] : []));
}

function commonEntry(a: Entry | undefined, b: Entry | undefined): Entry | undefined {
  if (a === undefined || b === undefined) return undefined;
  return { kind: a.kind, key: either(a.key, b.key), value: either(a.value, b.value) };
}

/** The size of what is written out. */
function writtenSize(expression: Expression): Size | undefined {
  switch (expression.kind) {
    case 'literal':
      return exactly(literalSize(expression.value));
    case 'list':
      return exactly(expression.items.length);
    case 'map':
      return exactly(expression.entries.length);
    default:
      return undefined;
  }
}

function literalSize(value: CelValue): number {
  if (typeof value === 'string') return Array.from(value).length;
  return value instanceof Uint8Array ? value.length : 1;
}

const SCALARS = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);

function isScalar(type: CelType): boolean {
  if (type.kind === 'optional') return isScalar(type.of);
  return type.kind === 'simple' && SCALARS.has(type.name);
}
