import { parseQuantity } from '@nodeagent/base';

import type { GoField, GoType } from '../model/go-type.js';
import { type Fields, isFields, NumberText } from './manifest-tree.js';

/** `spec.containers.0: expected object` */
export type Problem = string;

/**
 * Reads a tree as a value of a type, as Go's decoder does: unknown keys are dropped, `null` means
 * absent, and everything else must have the declared type. Quantities become strings, other numbers
 * become numbers.
 *
 * @param problems receives a line for each part of the wrong type
 * @see Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/runtime/serializer/json/json.go
 */
export function readTyped(type: GoType, tree: unknown, problems: Problem[]): unknown {
  return read(type, tree, { path: '', problems });
}

interface Place {
  readonly path: string;
  readonly problems: Problem[];
}

function below({ path, problems }: Place, step: string | number): Place {
  return { path: path === '' ? String(step) : `${path}.${step}`, problems };
}

/** Notes a problem. @returns undefined, in place of the value */
function expected({ path, problems }: Place, what: string): unknown {
  problems.push(`${path}: expected ${what}`);
  return undefined;
}

function read(type: GoType, tree: unknown, place: Place): unknown {
  if (tree === null || tree === undefined) return undefined;
  switch (type.kind) {
    case 'pointer':
      return read(type.of, tree, place);
    case 'struct':
      return isFields(tree) ? readStruct(type.fields, tree, place) : expected(place, 'object');
    case 'list':
      if (!Array.isArray(tree)) return expected(place, 'array');
      return tree.map((item, i) => read(type.of, item, below(place, i)) ?? zeroOf(type.of));
    case 'map':
      return isFields(tree) ? readMap(type.of, tree, place) : expected(place, 'object');
    case 'raw':
      return tree;
    default:
      return readScalar(type.kind, tree, place);
  }
}

function readStruct(fields: readonly GoField[], tree: Fields, place: Place): Fields {
  const found: Record<string, unknown> = {};
  for (const { key, embedded, where, type } of fields) {
    if (where === 'memory') continue;
    if (embedded && type.kind === 'struct') {
      Object.assign(found, readStruct(type.fields, tree, place));
      continue;
    }
    const value = read(type, tree[key], below(place, key));
    if (value !== undefined) found[key] = value;
  }
  return found;
}

function readMap(of: GoType, tree: Fields, place: Place): Fields {
  const entries = Object.entries(tree).map(([key, item]): [string, unknown] => [
    key,
    read(of, item, below(place, key)) ?? zeroOf(of),
  ]);
  return Object.fromEntries(entries);
}

/** The value that replaces `null` in a list or a map. */
function zeroOf({ kind }: GoType): unknown {
  if (kind === 'struct') return {};
  if (kind === 'string') return '';
  return kind === 'bool' ? false : kind === 'int32' || kind === 'int64' ? 0 : '0';
}

type ScalarKind = Exclude<GoType['kind'], 'struct' | 'list' | 'map' | 'pointer' | 'raw'>;

function readScalar(kind: ScalarKind, tree: unknown, place: Place): unknown {
  switch (kind) {
    case 'string':
      return typeof tree === 'string' ? tree : expected(place, 'string');
    case 'bool':
      return typeof tree === 'boolean' ? tree : expected(place, 'boolean');
    case 'int32':
    case 'int64':
      return readInteger(kind, tree, place);
    case 'intOrString':
      return typeof tree === 'string' ? tree : readInteger('int32', tree, place);
    case 'time':
      return isTime(tree) ? tree : expected(place, 'RFC 3339 time');
    case 'quantity':
    case 'milliQuantity':
      return readQuantity(tree, place);
  }
}

const LIMITS = { int32: 1n << 31n, int64: 1n << 63n } as const;

function readInteger(kind: 'int32' | 'int64', tree: unknown, place: Place): unknown {
  const text = digitsOf(tree) ?? '';
  if (!/^-?\d+$/.test(text)) return expected(place, 'int');
  const value = BigInt(text);
  const limit = LIMITS[kind];
  return value < limit && value >= -limit ? Number(value) : expected(place, kind);
}

/** The digits of a number, whether it is parsed or not. */
function digitsOf(tree: unknown): string | undefined {
  if (tree instanceof NumberText) return tree.text;
  return typeof tree === 'number' ? String(tree) : undefined;
}

function isTime(tree: unknown): tree is string {
  return typeof tree === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(tree);
}

function readQuantity(tree: unknown, place: Place): unknown {
  const text = digitsOf(tree) ?? tree;
  if (typeof text === 'string' && parseQuantity(text.trim()) !== undefined) return text.trim();
  return expected(place, 'quantity');
}
