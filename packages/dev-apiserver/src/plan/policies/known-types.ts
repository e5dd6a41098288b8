import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DYN,
  INT,
  type ObjectType,
  STRING,
  TIMESTAMP,
} from '../../model/cel/type.js';
import type { Kind } from '../../model/kind.js';
import { fieldsOf, type FieldType } from '../../model/schema.js';
import { escapeName } from '../custom/rules/escape-name.js';
import { shapeOf } from '../custom/rules/shape.js';

const SCALARS: Readonly<Record<string, CelType>> = {
  string: STRING,
  boolean: BOOL,
  int32: INT,
  int64: INT,
  double: DOUBLE,
  bytes: BYTES,
  time: TIMESTAMP,
  microtime: TIMESTAMP,
};

/** The type of a kind's objects in expressions; undefined when the fields are not known. */
export function objectTypeOf(kind: Kind): ObjectType | undefined {
  if (kind.custom === undefined) return builtIn(kind.type);
  const { type } = shapeOf(kind.custom.schema, kind.kind, true) ?? {};
  if (type?.kind !== 'object') return undefined;
  const metadata = builtIn('V1ObjectMeta') ?? DYN;
  return { ...type, fields: new Map(type.fields).set('metadata', metadata) };
}

const known = new Map<string, ObjectType>();

/** Types may contain themselves, so their fields are looked up when they are needed. */
function builtIn(name: string): ObjectType | undefined {
  const found = known.get(name);
  if (found !== undefined) return found;
  const fields = fieldsOf(name);
  if (fields === undefined) return undefined;
  let types: ReadonlyMap<string, CelType> | undefined;
  const type: ObjectType = {
    kind: 'object',
    name,
    get fields() {
      return (types ??= new Map([...fields].flatMap(fieldTypes)));
    },
  };
  known.set(name, type);
  return type;
}

/** A field with the name of a word of the language has two names. */
function fieldTypes([name, field]: readonly [string, FieldType]): readonly [string, CelType][] {
  const type = typeOf(field);
  const escaped = escapeName(name);
  return escaped === undefined || escaped === name
    ? [[name, type]]
    : [
        [name, type],
        [escaped, type],
      ];
}

function typeOf({ shape, of: name }: FieldType): CelType {
  const of = SCALARS[name] ?? builtIn(name) ?? DYN;
  if (shape === 'list') return { kind: 'list', of };
  return shape === 'map' ? { kind: 'map', key: STRING, of } : of;
}
