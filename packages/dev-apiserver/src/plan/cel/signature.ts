import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  NULL,
  type SimpleType,
  STRING,
  TIMESTAMP,
  TYPE,
  UINT,
} from '../../model/cel/type.js';
import type { CelValue } from '../../model/cel/value.js';

export type Implementation = (
  a: CelValue,
  b: CelValue,
  c: CelValue,
  d: CelValue,
  more: readonly CelValue[],
) => CelValue;

/** One way to call a function. */
export interface Overload {
  /** True for `target.name()`; the target is then the first parameter. */
  readonly isMethod: boolean;
  readonly parameters: readonly CelType[];
  readonly result: CelType;
  readonly call: Implementation;
}

/** Functions by name; operators are named as `_+_`, and a qualified name is `sets.contains`. */
export type Library = readonly (readonly [name: string, signature: string, call: Implementation])[];

const other = (name: SimpleType): CelType => ({ kind: 'simple', name });

const SIMPLE: Readonly<Record<string, CelType>> = {
  dyn: DYN,
  null: NULL,
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  type: TYPE,
  timestamp: TIMESTAMP,
  duration: DURATION,
  ip: other('net.IP'),
  cidr: other('net.CIDR'),
  url: other('kubernetes.URL'),
  quantity: other('kubernetes.Quantity'),
  semver: other('kubernetes.Semver'),
  format: other('kubernetes.NamedFormat'),
  authorizer: other('kubernetes.authorization.Authorizer'),
  path: other('kubernetes.authorization.PathCheck'),
  group: other('kubernetes.authorization.GroupCheck'),
  resource: other('kubernetes.authorization.ResourceCheck'),
  decision: other('kubernetes.authorization.Decision'),
};

/** Reads `list<A>.(A, int) bool`: a target's type and a dot for methods; letters stand for any type. */
export function parseSignature(text: string): Omit<Overload, 'call'> {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const target = text.slice(0, open);
  const parameters = splitTypes(text.slice(open + 1, close)).map(parseType);
  const result = parseType(text.slice(close + 1));
  if (target === '') return { isMethod: false, parameters, result };
  return { isMethod: true, parameters: [parseType(target.slice(0, -1)), ...parameters], result };
}

function parseType(text: string): CelType {
  const name = text.trim();
  const open = name.indexOf('<');
  if (open < 0) return SIMPLE[name] ?? { kind: 'variable', name };
  const [first = DYN, second = DYN] = splitTypes(name.slice(open + 1, -1)).map(parseType);
  switch (name.slice(0, open)) {
    case 'list':
      return { kind: 'list', of: first };
    case 'optional':
      return { kind: 'optional', of: first };
    default:
      return { kind: 'map', key: first, of: second };
  }
}

/** Splits at the commas that are not inside of angle brackets. */
function splitTypes(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const letter = text[at] ?? ',';
    if (letter === '<') depth += 1;
    if (letter === '>') depth -= 1;
    if (letter !== ',' || depth > 0) continue;
    const part = text.slice(start, at).trim();
    if (part !== '') parts.push(part);
    start = at + 1;
  }
  return parts;
}

/** Groups the overloads of libraries by the functions' names. */
export function overloadsOf(
  libraries: readonly Library[],
): ReadonlyMap<string, readonly Overload[]> {
  const found = new Map<string, Overload[]>();
  for (const [name, signature, call] of libraries.flat()) {
    const known = found.get(name) ?? [];
    known.push({ ...parseSignature(signature), call });
    found.set(name, known);
  }
  return found;
}
