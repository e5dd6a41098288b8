/** A type of the Common Expression Language, as the checker sees it. */
export type CelType =
  | Readonly<{ kind: 'simple'; name: SimpleType }>
  | Readonly<{ kind: 'list'; of: CelType }>
  | Readonly<{ kind: 'map'; key: CelType; of: CelType }>
  | Readonly<{ kind: 'optional'; of: CelType }>
  | ObjectType
  /** A type that is still to be found out: that of the items of `[]`, or a letter of a signature. */
  | Readonly<{ kind: 'variable'; name: string }>;

/** An object of a schema with named fields. Two are the same type when their names are equal. */
export interface ObjectType {
  readonly kind: 'object';
  readonly name: string;
  /** By their names in expressions, where `a-b` is `a__dash__b`. */
  readonly fields: ReadonlyMap<string, CelType>;
}

/** Names as error messages have them; the qualified ones are Kubernetes' own types. */
export type SimpleType =
  | 'dyn'
  | 'null'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'type'
  | 'timestamp'
  | 'duration'
  | 'net.IP'
  | 'net.CIDR'
  | 'kubernetes.URL'
  | 'kubernetes.Quantity'
  | 'kubernetes.Semver'
  | 'kubernetes.NamedFormat'
  | 'kubernetes.authorization.Authorizer'
  | 'kubernetes.authorization.PathCheck'
  | 'kubernetes.authorization.GroupCheck'
  | 'kubernetes.authorization.ResourceCheck'
  | 'kubernetes.authorization.Decision';

function simple(name: SimpleType): CelType {
  return { kind: 'simple', name };
}

export const DYN = simple('dyn');
export const NULL = simple('null');
export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const TYPE = simple('type');
export const TIMESTAMP = simple('timestamp');
export const DURATION = simple('duration');

export function isSimple(type: CelType, name: SimpleType): boolean {
  return type.kind === 'simple' && type.name === name;
}

export function showType(type: CelType): string {
  switch (type.kind) {
    case 'simple':
    case 'object':
      return type.name;
    case 'list':
      return `list(${showType(type.of)})`;
    case 'map':
      return `map(${showType(type.key)}, ${showType(type.of)})`;
    case 'optional':
      return `optional_type(${showType(type.of)})`;
    case 'variable':
      return 'dyn';
  }
}
