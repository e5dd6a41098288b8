/** A Go type, as far as a Pod uses it. `name` is its name in `reflect`. */
export type GoType =
  | Readonly<{ kind: Scalar; name: string }>
  | Readonly<{ kind: 'pointer' | 'list' | 'map'; name: string; of: GoType }>
  | Readonly<{ kind: 'struct'; name: string; fields: readonly GoField[] }>;

/** `milliQuantity`: a quantity in a resource list, which is rounded up to thousandths. */
type Scalar =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'quantity'
  | 'milliQuantity'
  | 'intOrString'
  | 'time'
  | 'raw';

export interface GoField {
  readonly name: string;
  /** The key in JSON, and in the plain objects that represent Go's structs. */
  readonly key: string;
  /** Its struct's fields belong to the outer object. */
  readonly embedded: boolean;
  readonly where: 'both' | 'json' | 'memory';
  readonly type: GoType;
}

const BUILT_IN: Readonly<Record<string, GoType>> = {
  string: { kind: 'string', name: 'string' },
  bool: { kind: 'bool', name: 'bool' },
  int32: { kind: 'int32', name: 'int32' },
  int64: { kind: 'int64', name: 'int64' },
  Quantity: { kind: 'quantity', name: 'resource.Quantity' },
  IntOrString: { kind: 'intOrString', name: 'intstr.IntOrString' },
  Time: { kind: 'time', name: 'v1.Time' },
  Raw: { kind: 'raw', name: 'v1.FieldsV1' },
  Texts: { kind: 'map', name: 'map[string]string', of: { kind: 'string', name: 'string' } },
  QuantityMap: {
    kind: 'map',
    name: 'map[core.ResourceName]resource.Quantity',
    of: { kind: 'quantity', name: 'resource.Quantity' },
  },
  ResourceList: {
    kind: 'map',
    name: 'core.ResourceList',
    of: { kind: 'milliQuantity', name: 'resource.Quantity' },
  },
};

/**
 * Parses a type whose structs are in a table, in the notation of `POD_TYPES`.
 *
 * @param text such as `*Pod`
 * @throws {RangeError} if the table lacks a struct
 */
export function parseGoType(text: string, table: string): GoType {
  const texts = new Map<string, string>();
  for (const paragraph of table.trim().split(/\n(?! )/)) {
    const [name = '', fields = ''] = paragraph.split(/: (.*)/s);
    texts.set(name, fields);
  }
  const structs = new Map<string, GoType>();
  const struct = (name: string): GoType => {
    const known = structs.get(name);
    if (known !== undefined) return known;
    const fields = fieldTexts(texts, name).map((field) => parseField(field, struct));
    const type: GoType = { kind: 'struct', name: qualified(name), fields };
    structs.set(name, type);
    return type;
  };
  return parseType(text, struct);
}

function fieldTexts(texts: ReadonlyMap<string, string>, name: string): readonly string[] {
  const text = texts.get(name);
  if (text === undefined) throw new RangeError(`the table has no ${name}`);
  if (text.startsWith('as ')) return fieldTexts(texts, text.slice(3));
  return text.split(/;\s+/);
}

function parseField(text: string, struct: (name: string) => GoType): GoField {
  if (text.startsWith('...')) {
    const name = text.slice(3);
    return { name, key: name, embedded: true, where: 'both', type: struct(name) };
  }
  const [, mark = '', name = '', key, type = ''] =
    /^([<>]?)(\w+)(?:=(\w+))? (\S+)$/.exec(text) ?? [];
  if (name === '') throw new RangeError(`${text} is not a field`);
  const where = mark === '<' ? 'json' : mark === '>' ? 'memory' : 'both';
  return { name, key: key ?? jsonKey(name), embedded: false, where, type: parseType(type, struct) };
}

function parseType(text: string, struct: (name: string) => GoType): GoType {
  if (text.startsWith('*')) return composed('pointer', '*', parseType(text.slice(1), struct));
  if (text.startsWith('[]')) return composed('list', '[]', parseType(text.slice(2), struct));
  if (text.startsWith('$')) return { kind: 'string', name: qualified(text.slice(1)) };
  return BUILT_IN[text] ?? struct(text);
}

function composed(kind: 'pointer' | 'list', sign: string, of: GoType): GoType {
  return { kind, name: `${sign}${of.name}`, of };
}

function qualified(name: string): string {
  if (name.startsWith('meta.')) return `v1.${name.slice('meta.'.length)}`;
  return name.includes('.') ? name : `core.${name}`;
}

/** `DNSPolicy` becomes `dnsPolicy`, `HostIPs` becomes `hostIPs`. */
function jsonKey(name: string): string {
  return name.replace(/^(?:[A-Z]+(?=[A-Z][a-z])|[A-Z]+$|[A-Z])/, (start) => start.toLowerCase());
}
