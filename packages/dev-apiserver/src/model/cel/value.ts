import type { SimpleType } from './type.js';

/** A value of the Common Expression Language. `bigint` is its int, `number` its double. */
export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | CelList
  | CelMap
  | CelOptional
  | CelSpecial;

/** How the items of a list are told apart: `x-kubernetes-list-type` and its keys. */
export type ListIdentity =
  Readonly<{ kind: 'atomic' | 'set' }> | Readonly<{ kind: 'map'; keys: readonly string[] }>;

const ATOMIC: ListIdentity = { kind: 'atomic' };

export class CelList {
  readonly items: readonly CelValue[];
  readonly identity: ListIdentity;

  constructor(items: readonly CelValue[], identity: ListIdentity = ATOMIC) {
    this.items = items;
    this.identity = identity;
  }
}

export type CelKey = string | bigint | boolean;

/** A map, or an object of a schema. */
export class CelMap {
  readonly entries: ReadonlyMap<CelKey, CelValue>;
  /** The name of the object's type; undefined for a map. */
  readonly objectType: string | undefined;

  constructor(entries: ReadonlyMap<CelKey, CelValue>, objectType?: string) {
    this.entries = entries;
    this.objectType = objectType;
  }
}

export class CelOptional {
  readonly value: CelValue | undefined;

  constructor(value: CelValue | undefined) {
    this.value = value;
  }
}

export const NONE = new CelOptional(undefined);

/** A value without parts. Two are equal when their types and identities are. */
export abstract class CelSpecial {
  abstract readonly type: SimpleType;
  abstract readonly identity: string;
}

export class CelUint extends CelSpecial {
  override readonly type = 'uint';
  readonly value: bigint;

  constructor(value: bigint) {
    super();
    this.value = value;
  }

  override get identity(): string {
    return String(this.value);
  }
}

/** The type of a value, as `type(x)` returns it. */
export class CelTypeName extends CelSpecial {
  override readonly type = 'type';
  override readonly identity: string;

  constructor(name: string) {
    super();
    this.identity = name;
  }
}

export class CelTimestamp extends CelSpecial {
  override readonly type = 'timestamp';
  /** Nanoseconds since the Unix epoch. */
  readonly ns: bigint;
  /** The zone as it was written: `Z`, or an offset like `+01:00`. */
  readonly zone: string;

  constructor(ns: bigint, zone = 'Z') {
    super();
    this.ns = ns;
    this.zone = zone;
  }

  override get identity(): string {
    return String(this.ns);
  }
}

export class CelDuration extends CelSpecial {
  override readonly type = 'duration';
  readonly ns: bigint;

  constructor(ns: bigint) {
    super();
    this.ns = ns;
  }

  override get identity(): string {
    return String(this.ns);
  }
}

/** An evaluation that failed, in the words of Kubernetes' evaluator. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
}

/** The evaluation that took too long: no `||` hides it. */
export class CostError extends Error {
  override readonly name = 'CostError';
}

const PLAIN: Readonly<Record<string, string>> = {
  boolean: 'bool',
  bigint: 'int',
  number: 'double',
  string: 'string',
};

/** The name of a value's type, as `type(x)` shows it. */
export function typeNameOf(value: CelValue): string {
  if (value === null) return 'null_type';
  if (typeof value !== 'object') return PLAIN[typeof value] ?? 'dyn';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof CelList) return 'list';
  if (value instanceof CelMap) return value.objectType ?? 'map';
  if (value instanceof CelOptional) return 'optional_type';
  if (value.type === 'timestamp') return 'google.protobuf.Timestamp';
  return value.type === 'duration' ? 'google.protobuf.Duration' : value.type;
}

/** Numbers of different types are equal when their values are; all else differs from other types. */
export function isEqual(a: CelValue, b: CelValue): boolean {
  if (a === b) return true;
  const [left, right] = [numberOf(a), numberOf(b)];
  // one may be a bigint and the other a double, which only these compare by value
  if (left !== undefined && right !== undefined) return left <= right && left >= right;
  if (a instanceof CelList && b instanceof CelList) return isEqualList(a, b);
  if (a instanceof CelMap && b instanceof CelMap) return isEqualMap(a, b);
  if (a instanceof CelSpecial && b instanceof CelSpecial) {
    return a.type === b.type && a.identity === b.identity;
  }
  if (a instanceof CelOptional && b instanceof CelOptional) {
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return isEqual(a.value, b.value);
  }
  if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return false;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

export function numberOf(value: CelValue): number | bigint | undefined {
  if (value instanceof CelUint) return value.value;
  return typeof value === 'number' || typeof value === 'bigint' ? value : undefined;
}

/** Sets and keyed lists are equal in any order. */
function isEqualList(a: CelList, b: CelList): boolean {
  if (a.items.length !== b.items.length) return false;
  if (a.identity.kind === 'atomic' && b.identity.kind === 'atomic') {
    return a.items.every((item, index) => isEqual(item, b.items[index] ?? null));
  }
  return a.items.every((item) => b.items.some((other) => isEqual(item, other)));
}

function isEqualMap(a: CelMap, b: CelMap): boolean {
  if (a.entries.size !== b.entries.size) return false;
  for (const [key, value] of a.entries) {
    const other = b.entries.get(key);
    if (other === undefined || !isEqual(value, other)) return false;
  }
  return true;
}
