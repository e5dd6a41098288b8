import type { Expression } from '../../../model/cel/expression.js';
import { type CelType, DYN, isSimple } from '../../../model/cel/type.js';
import type { Overload } from '../signature.js';
import { add, costOf, exactly, MOST, multiply, product, type Size, sum, UNKNOWN } from './size.js';

/** The cost of going through a text, for each character. */
export const PER_CHARACTER = 0.1;
/** The cost of a pattern, for each of its characters. */
const PER_PATTERN_CHARACTER = 0.25;
export const LIST_COST = 10;
/** A part of the longest pattern of a named format. */
const FORMAT_PATTERN = 128 * PER_PATTERN_CHARACTER;
/** The cost of a question to the authorizer: an expression may ask two. */
export const CHECK_COST = 350_000;
const ADDRESS: Size = { min: 4, max: 16 };
const ONE = exactly(1);

/** A call whose cost is estimated. */
export interface CallSite {
  readonly name: string;
  readonly overload: Overload;
  readonly target: Expression | undefined;
  readonly args: readonly Expression[];
  /** {@link UNKNOWN} when it is not known. */
  readonly sizeOf: (expression: Expression) => Size;
  /** The type and size of a list's items; undefined for what is no list. */
  readonly itemOf: (list: Expression) => Readonly<{ type: CelType; size: Size }> | undefined;
  readonly typeOf: (expression: Expression) => CelType;
}

/** The cost of a call without that of its target and arguments, and the size of its result. */
export interface CallCost {
  readonly cost: number;
  readonly size?: Size | undefined;
}

type Rule = (call: CallSite) => CallCost | undefined;

function targetSize({ target, sizeOf }: CallSite): Size | undefined {
  return target === undefined ? undefined : sizeOf(target);
}

function argSize({ args, sizeOf }: CallSite, index: number): Size | undefined {
  const arg = args[index];
  return arg === undefined ? undefined : sizeOf(arg);
}

/** An int that is written out. */
function literalInt(argument: Expression | undefined, otherwise: number): number {
  if (argument?.kind !== 'literal' || typeof argument.value !== 'bigint') return otherwise;
  return Number(argument.value);
}

function reading(size: Size | undefined, times = 1): CallCost | undefined {
  return size === undefined ? undefined : { cost: costOf(size.max, times * PER_CHARACTER) };
}

const readsArgument: Rule = (call) => reading(argSize(call, 0));

const copiesTarget: Rule = (call) => {
  const size = targetSize(call);
  return size === undefined ? undefined : { ...reading(size), cost: costOf(size.max, 0.1), size };
};

const goesThrough: Rule = (call) => {
  const size = targetSize(call);
  if (size === undefined || call.target === undefined) return undefined;
  const item = call.itemOf(call.target);
  if (item === undefined) return reading(size);
  const isText = isSimple(item.type, 'string') || isSimple(item.type, 'bytes');
  const each = isText ? sum(1, costOf(item.size.max, PER_CHARACTER)) : 1;
  return { cost: product(size.max, each) };
};

/** An empty text is still matched. */
function matching(text: Size, pattern: Size): number {
  const each = costOf(sum(text.max, 1), PER_CHARACTER);
  return product(each, costOf(pattern.max, PER_PATTERN_CHARACTER));
}

const finds: Rule = (call) => {
  const [text, pattern] = [targetSize(call), argSize(call, 0)];
  if (text === undefined || pattern === undefined) return undefined;
  return { cost: matching(text, pattern), size: { min: 0, max: text.max } };
};

const replaces: Rule = (call) => {
  const [text, old, next] = [targetSize(call), argSize(call, 0), argSize(call, 1)];
  if (text === undefined || old === undefined || next === undefined) return undefined;
  const longest = replaced(text.max, { from: old.min, to: next.max }, next.max <= old.min);
  const shortest = replaced(text.min, { from: old.max, to: next.min }, old.max <= next.min);
  return { cost: costOf(text.max, 2 * PER_CHARACTER), size: { min: shortest, max: longest } };
};

/** An empty text is found around each character. */
function replaced(
  length: number,
  { from, to }: Readonly<{ from: number; to: number }>,
  keepsLength: boolean,
): number {
  if (from === 0) return sum(product(sum(length, 1), to), length);
  return keepsLength ? length : product(Math.ceil(length / from), to);
}

const splits: Rule = (call) => {
  const text = targetSize(call);
  if (text === undefined) return undefined;
  const max = literalInt(call.args[1], text.max);
  return { cost: costOf(text.max, 2 * PER_CHARACTER), size: { min: 0, max } };
};

const joins: Rule = (call) => {
  const list = targetSize(call);
  if (list === undefined || call.target === undefined) return undefined;
  const item = call.itemOf(call.target);
  const items = item === undefined ? exactly(0) : multiply(list, item.size);
  const between = { min: Math.max(list.min - 1, 0), max: Math.max(list.max - 1, 0) };
  const separator = argSize(call, 0);
  const size = separator === undefined ? items : add(items, multiply(separator, between));
  return { cost: costOf(size.max, PER_CHARACTER), size };
};

/** An address is compared with a range; as text it is read first. */
function containing(masks: boolean): Rule {
  return (call) => {
    const bytes = add(ADDRESS, ADDRESS).max;
    const compared = costOf(bytes, PER_CHARACTER);
    const masked = masks ? sum(costOf(ADDRESS.max, PER_CHARACTER), 1) : 0;
    const isText = isSimple(call.overload.parameters[1] ?? DYN, 'string');
    const read = isText ? (readsArgument(call)?.cost ?? 0) : 0;
    return { cost: sum(compared, masked, read) };
  };
}

const compares: Rule = (call) => {
  const {
    args: [left, right],
    sizeOf,
    typeOf,
  } = call;
  if (left === undefined || right === undefined) return undefined;
  const [type, other] = [typeOf(left), typeOf(right)];
  if (type.kind === 'simple' && other.kind === 'simple' && type.name === other.name) {
    const size = type.name === 'kubernetes.URL' ? sizeOf(right).max : OWN_SIZES.get(type.name);
    if (size !== undefined) return { cost: costOf(size, PER_CHARACTER) };
  }
  return differs(call);
};

/** Kubernetes' own types, whose values are small. */
const OWN_SIZES: ReadonlyMap<string, number> = new Map([
  ...['net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.Semver'].map(
    (name) => [name, 1] as const,
  ),
  ['kubernetes.NamedFormat', 64],
]);

/** Only equality of those types is known to be quick. */
const differs: Rule = ({ args: [left, right], sizeOf }) => {
  if (left === undefined || right === undefined) return undefined;
  const most = Math.min(sizeOf(left).max, sizeOf(right).max);
  return { cost: costOf(most, PER_CHARACTER) };
};

const orders: Rule = (call) => {
  const [first = DYN] = call.overload.parameters;
  return isSimple(first, 'string') || isSimple(first, 'bytes') ? differs(call) : undefined;
};

const concatenates: Rule = ({ overload, args: [left, right], sizeOf }) => {
  const [first = DYN] = overload.parameters;
  if (left === undefined || right === undefined) return undefined;
  const isList = first.kind === 'list';
  if (!isList && !isSimple(first, 'string') && !isSimple(first, 'bytes')) return undefined;
  const size = add(sizeOf(left), sizeOf(right));
  return { cost: isList ? 1 : costOf(size.max, PER_CHARACTER), size };
};

const isIn: Rule = (call) => {
  const [, container = DYN] = call.overload.parameters;
  const size = argSize(call, 1);
  return container.kind === 'list' && size !== undefined ? { cost: size.max } : undefined;
};

function containsAll(factor: number): Rule {
  return (call) => {
    const [left, right] = [argSize(call, 0), argSize(call, 1)];
    if (left === undefined || right === undefined) return undefined;
    return { cost: sum(costOf(multiply(left, right).max, factor), 1) };
  };
}

/** A list of this size is made. */
export function makesList(size: Size, factor: number): CallCost {
  return { cost: sum(costOf(size.max, factor), 1, LIST_COST), size };
}

/** Sorting, or finding duplicates, compares each with each. */
export function sorting(size: Size, items: CelType | undefined): CallCost {
  const isText = items !== undefined && (isSimple(items, 'string') || isSimple(items, 'bytes'));
  return makesList(multiply(size, size), isText ? 2 + PER_CHARACTER : 2);
}

function ofList(rule: (call: CallSite, size: Size) => CallCost): Rule {
  return (call) => {
    const size = targetSize(call);
    const isList = call.overload.parameters[0]?.kind === 'list';
    return isList && size !== undefined ? rule(call, size) : undefined;
  };
}

const converts: Rule = (call) => {
  const size = argSize(call, 0);
  const from = call.overload.parameters[0] ?? DYN;
  if (size === undefined) return undefined;
  if (call.name === 'bytes' && isSimple(from, 'string')) {
    return { cost: costOf(size.max, PER_CHARACTER), size: { min: size.min, max: size.max * 4 } };
  }
  if (call.name !== 'string' || !isSimple(from, 'bytes')) return undefined;
  return { cost: costOf(size.max, PER_CHARACTER), size: { ...size, min: size.min / 4 } };
};

/**
 * The functions that cost more than 1.
 *
 * @see Kubernetes 1.36 apiserver pkg/cel/library/cost.go, github.com/google/cel-go checker/cost.go,
 *   ext/sets.go, ext/lists.go
 */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['check', () => ({ cost: CHECK_COST })],
  ...['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'].map(
    (name) => [name, goesThrough] as const,
  ),
  ...['lowerAscii', 'upperAscii', 'substring', 'trim'].map((name) => [name, copiesTarget] as const),
  [
    'url',
    (call) => {
      const size = argSize(call, 0);
      return size === undefined ? undefined : { cost: costOf(size.max, PER_CHARACTER), size };
    },
  ],
  ['replace', replaces],
  ['split', splits],
  ['join', joins],
  ['find', finds],
  ['findAll', finds],
  ...['cidr', 'isIP', 'isCIDR', 'ip', 'quantity', 'isQuantity', 'semver', 'isSemver'].map(
    (name) => [name, readsArgument] as const,
  ),
  ['ip.isCanonical', (call) => reading(argSize(call, 0), 2)],
  ['containsIP', containing(false)],
  ['containsCIDR', containing(true)],
  [
    'validate',
    (call) => {
      const read = readsArgument(call);
      return read === undefined ? undefined : { cost: costOf(read.cost, FORMAT_PATTERN) };
    },
  ],
  ['startsWith', readsArgument],
  ['endsWith', readsArgument],
  [
    'matches',
    (call) => {
      const [text, pattern] = [targetSize(call), argSize(call, 0)];
      if (text === undefined || pattern === undefined) return undefined;
      return { cost: matching(text, pattern) };
    },
  ],
  [
    'contains',
    (call) => {
      const [text, part] = [targetSize(call), argSize(call, 0)];
      if (text === undefined || part === undefined) return undefined;
      return { cost: product(costOf(text.max, PER_CHARACTER), costOf(part.max, PER_CHARACTER)) };
    },
  ],
  ['format', (call) => reading(targetSize(call))],
  [
    'strings.quote',
    (call) => {
      const size = argSize(call, 0) ?? UNKNOWN;
      const longest = { min: size.min + 2, max: Math.min(size.max * 2 + 2, MOST) };
      return { cost: costOf(size.max, PER_CHARACTER), size: longest };
    },
  ],
  ['bytes', converts],
  ['string', converts],
  ['_==_', compares],
  ['_!=_', differs],
  ...['_<_', '_<=_', '_>_', '_>=_'].map((name) => [name, orders] as const),
  ['_+_', concatenates],
  ['@in', isIn],
  ['sets.contains', containsAll(1)],
  ['sets.intersects', containsAll(1)],
  ['sets.equivalent', containsAll(2)],
  [
    'slice',
    ofList(({ args: [first, last] }, size) =>
      makesList(exactly(Math.max(literalInt(last, size.max) - literalInt(first, 0), 0)), 1),
    ),
  ],
  ['lists.range', ({ args: [count] }) => makesList(exactly(literalInt(count, MOST)), 1)],
  ['reverse', ofList((_, size) => makesList(size, 1))],
  [
    'flatten',
    ofList(({ args: [depth] }, size) =>
      makesList(size, depth === undefined ? 1 : literalInt(depth, MOST)),
    ),
  ],
  ['distinct', ofList((_, size) => makesList(multiply(size, size), 2))],
  ['sort', ofList(({ target, itemOf }, size) => sorting(size, target && itemOf(target)?.type))],
]);

/** Most calls cost 1. */
export function callCost(call: CallSite): CallCost {
  return RULES.get(call.name)?.(call) ?? { cost: ONE.max };
}
