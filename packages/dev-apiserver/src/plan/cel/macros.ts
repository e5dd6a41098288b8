import {
  type CallExpression,
  type Expression,
  ExpressionError,
} from '../../model/cel/expression.js';
import { BOOL, type CelType, DYN, INT, showType } from '../../model/cel/type.js';
import {
  type CelKey,
  CelList,
  CelMap,
  CelOptional,
  type CelValue,
  EvaluationError,
  NONE,
} from '../../model/cel/value.js';
import { fieldOf, fieldType } from './access.js';
import { bool, mismatch, optional } from './arguments.js';
import type { Compiling, Macro, Scope } from './compiling.js';
import type { Frame } from './frame.js';
import { compareItems } from './order.js';

/** An entry of a list or a map: its position or key, and its item or value. */
type Entry = readonly [key: CelKey, value: CelValue];

interface Range {
  readonly run: (frame: Frame) => readonly Entry[];
  readonly isMap: boolean;
  readonly key: CelType;
  readonly value: CelType;
}

function rangeOf(compiler: Compiling, { target, at }: CallExpression, scope: Scope): Range {
  if (target === undefined) throw new ExpressionError(at, 'a macro needs a list or a map');
  const compiled = compiler.compile(target, scope);
  const type = compiler.unifier.resolve(compiled.type);
  const run = (frame: Frame): readonly Entry[] => entriesOf(compiled.run(frame));
  if (type.kind === 'list') return { run, isMap: false, key: INT, value: type.of };
  if (type.kind === 'map') return { run, isMap: true, key: type.key, value: type.of };
  if (type === DYN) return { run, isMap: false, key: DYN, value: DYN };
  throw new ExpressionError(
    target.at,
    `expression of type '${showType(type)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
  );
}

function entriesOf(value: CelValue): readonly Entry[] {
  if (value instanceof CelList) return value.items.map((item, index) => [BigInt(index), item]);
  if (value instanceof CelMap) return [...value.entries];
  throw mismatch('list or map', value);
}

function nameOf(argument: Expression | undefined): string {
  if (argument?.kind === 'name') return argument.name;
  throw new ExpressionError(argument?.at ?? 0, 'argument must be a simple name');
}

/** A loop over a list or a map, and one expression for each of its entries. */
interface Loop {
  readonly type: CelType;
  /** Calls `visit` with the result for each entry, until it returns false. */
  readonly each: (frame: Frame, visit: (result: () => CelValue, entry: Entry) => boolean) => void;
}

/** @param names of the loop's variables: of the item, or of the position or key and the item */
function loopOf(
  compiler: Compiling,
  call: CallExpression,
  scope: Scope,
  { names, body, type }: Readonly<{ names: readonly string[]; body: Expression; type?: CelType }>,
): Loop {
  const range = rangeOf(compiler, call, scope);
  const [first = '', second] = names;
  const inner = new Map(scope);
  const single = range.isMap ? range.key : range.value;
  inner.set(first, second === undefined ? single : range.key);
  if (second !== undefined) inner.set(second, range.value);
  const compiled =
    type === undefined ? compiler.compile(body, inner) : compiler.expect(body, inner, type);
  return {
    type: compiled.type,
    each: (frame, visit) => {
      const entries = range.run(frame);
      const outer = frame.with(first, null);
      const own = second === undefined ? outer : outer.with(second, null);
      // a `dyn` may turn out to be a map, whose single variable is its key
      const isMap = typeof entries[0]?.[0] !== 'bigint';
      for (const entry of entries) {
        frame.spend(1);
        const [key, value] = entry;
        outer.value = second === undefined && !isMap ? value : key;
        if (second !== undefined) own.value = value;
        if (!visit(() => compiled.run(own), entry)) return;
      }
    },
  };
}

function quantifier(decides: boolean): Macro {
  return (compiler, call, scope) => {
    const names = call.args.slice(0, -1).map(nameOf);
    const loop = loopOf(compiler, call, scope, { names, body: lastOf(call), type: BOOL });
    const run = (frame: Frame): CelValue => {
      let result = !decides;
      let failure: EvaluationError | undefined;
      loop.each(frame, (test) => {
        try {
          if (bool(test()) === decides) result = decides;
        } catch (error) {
          if (!(error instanceof EvaluationError)) throw error;
          failure ??= error;
        }
        return result !== decides;
      });
      // an entry that decides hides the errors of the others
      if (result !== decides && failure !== undefined) throw failure;
      return result;
    };
    return { type: BOOL, run };
  };
}

function lastOf({ args, at }: CallExpression): Expression {
  const last = args.at(-1);
  if (last === undefined) throw new ExpressionError(at, 'an argument is missing');
  return last;
}

const existsOne: Macro = (compiler, call, scope) => {
  const names = call.args.slice(0, -1).map(nameOf);
  const loop = loopOf(compiler, call, scope, { names, body: lastOf(call), type: BOOL });
  const run = (frame: Frame): CelValue => {
    let found = 0;
    loop.each(frame, (test) => {
      if (bool(test())) found += 1;
      return true;
    });
    return found === 1;
  };
  return { type: BOOL, run };
};

/** `list.map(x, f)`, and `list.map(x, p, f)` for those where `p` holds. */
const mapItems: Macro = (compiler, call, scope) => {
  const [name, ...rest] = call.args;
  const names = [nameOf(name)];
  const test =
    rest.length === 1
      ? undefined
      : loopOf(compiler, call, scope, { names, body: rest[0] ?? lastOf(call), type: BOOL });
  const loop = loopOf(compiler, call, scope, { names, body: lastOf(call) });
  const run = (frame: Frame): CelValue => {
    const kept: boolean[] = [];
    test?.each(frame, (holds) => kept.push(bool(holds())) > 0);
    const results: CelValue[] = [];
    let index = 0;
    loop.each(frame, (result) => {
      if (kept[index] !== false) results.push(result());
      index += 1;
      return true;
    });
    return new CelList(results);
  };
  return { type: { kind: 'list', of: loop.type }, run };
};

const filter: Macro = (compiler, call, scope) => {
  const names = [nameOf(call.args[0])];
  const range = rangeOf(compiler, call, scope);
  const loop = loopOf(compiler, call, scope, { names, body: lastOf(call), type: BOOL });
  const run = (frame: Frame): CelValue => {
    const results: CelValue[] = [];
    loop.each(frame, (test, [key, value]) => {
      if (bool(test())) results.push(range.isMap ? key : value);
      return true;
    });
    return new CelList(results);
  };
  return { type: { kind: 'list', of: range.isMap ? range.key : range.value }, run };
};

/** The forms with a position or key and an item; with four arguments the third one is a test. */
function transform(into: 'list' | 'map' | 'entries'): Macro {
  return (compiler, call, scope) => {
    const names = call.args.slice(0, 2).map(nameOf);
    const test =
      call.args.length === 3
        ? undefined
        : loopOf(compiler, call, scope, { names, body: call.args[2] ?? lastOf(call), type: BOOL });
    const loop = loopOf(compiler, call, scope, { names, body: lastOf(call) });
    const range = rangeOf(compiler, call, scope);
    const run = (frame: Frame): CelValue => {
      const kept: boolean[] = [];
      test?.each(frame, (holds) => kept.push(bool(holds())) > 0);
      const results: CelValue[] = [];
      const entries = new Map<CelKey, CelValue>();
      let index = 0;
      loop.each(frame, (result, [key]) => {
        if (kept[index] !== false) collect({ into, results, entries }, key, result());
        index += 1;
        return true;
      });
      return into === 'list' ? new CelList(results) : new CelMap(entries);
    };
    if (into === 'list') return { type: { kind: 'list', of: loop.type }, run };
    if (into === 'map') return { type: { kind: 'map', key: range.key, of: loop.type }, run };
    return { type: compiler.unifier.resolve(loop.type), run };
  };
}

function collect(
  to: Readonly<{ into: string; results: CelValue[]; entries: Map<CelKey, CelValue> }>,
  key: CelKey,
  result: CelValue,
): void {
  if (to.into === 'list') to.results.push(result);
  else if (to.into === 'map') to.entries.set(key, result);
  else if (result instanceof CelMap) {
    for (const [name, value] of result.entries) {
      if (to.entries.has(name)) {
        throw new EvaluationError(`insert failed: key ${String(name)} already exists`);
      }
      to.entries.set(name, value);
    }
  } else throw mismatch('map', result);
}

/** `has(a.b)`: the field is there. */
const has: Macro = (compiler, { args, at }, scope) => {
  const [argument] = args;
  if (argument?.kind !== 'field') {
    throw new ExpressionError(argument?.at ?? at, 'invalid argument to has() macro');
  }
  const target = compiler.compile(argument.of, scope);
  const found = compiler.unifier.resolve(target.type);
  const inner = found.kind === 'optional' ? compiler.unifier.resolve(found.of) : found;
  fieldType(argument.at, inner, argument.name);
  const run = (frame: Frame): CelValue => {
    frame.spend(1);
    const value = target.run(frame);
    const known = value instanceof CelOptional ? value.value : value;
    return known !== undefined && fieldOf(known, argument.name) !== undefined;
  };
  return { type: BOOL, run };
};

/** `optional.optMap(x, f)` and `optional.optFlatMap(x, f)`, where `f` gives an optional itself. */
function optionalMap(flat: boolean): Macro {
  return (compiler, call, scope) => {
    const { target, at, args } = call;
    if (target === undefined) throw new ExpressionError(at, 'an optional is missing');
    const of = compiler.unifier.fresh();
    const receiver = compiler.expect(target, scope, { kind: 'optional', of });
    const name = nameOf(args[0]);
    const inner = new Map(scope).set(name, compiler.unifier.resolve(of));
    const body = flat
      ? compiler.expect(lastOf(call), inner, { kind: 'optional', of: compiler.unifier.fresh() })
      : compiler.compile(lastOf(call), inner);
    const run = (frame: Frame): CelValue => {
      const { value } = optional(receiver.run(frame));
      if (value === undefined) return NONE;
      const result = body.run(frame.with(name, value));
      return flat ? result : new CelOptional(result);
    };
    return { type: flat ? body.type : { kind: 'optional', of: body.type }, run };
  };
}

/** `list.sortBy(x, key)`. */
const sortBy: Macro = (compiler, call, scope) => {
  const names = [nameOf(call.args[0])];
  const target = call.target === undefined ? undefined : compiler.compile(call.target, scope);
  const loop = loopOf(compiler, call, scope, { names, body: lastOf(call) });
  const run = (frame: Frame): CelValue => {
    const keyed: (readonly [CelValue, CelValue])[] = [];
    loop.each(frame, (key, [, item]) => keyed.push([key(), item]) > 0);
    return new CelList(keyed.sort(([a], [b]) => compareItems(a, b)).map(([, item]) => item));
  };
  return { type: target?.type ?? DYN, run };
};

/** By name and number of arguments; methods begin with a dot. */
export const MACROS: ReadonlyMap<string, Macro> = new Map<string, Macro>([
  ['has/1', has],
  ['.all/2', quantifier(false)],
  ['.all/3', quantifier(false)],
  ['.exists/2', quantifier(true)],
  ['.exists/3', quantifier(true)],
  ['.exists_one/2', existsOne],
  ['.existsOne/2', existsOne],
  ['.existsOne/3', existsOne],
  ['.exists_one/3', existsOne],
  ['.map/2', mapItems],
  ['.map/3', mapItems],
  ['.filter/2', filter],
  ['.transformList/3', transform('list')],
  ['.transformList/4', transform('list')],
  ['.transformMap/3', transform('map')],
  ['.transformMap/4', transform('map')],
  ['.transformMapEntry/3', transform('entries')],
  ['.transformMapEntry/4', transform('entries')],
  ['.optMap/2', optionalMap(false)],
  ['.optFlatMap/2', optionalMap(true)],
  ['.sortBy/2', sortBy],
]);
