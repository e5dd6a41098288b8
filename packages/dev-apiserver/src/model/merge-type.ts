import { fieldSchema, type JsonSchema, valueSchema } from './json-schema.js';
import type { Kind } from './kind.js';
import { fieldsOf, isAtomic, type ListRule, listRule } from './schema.js';

/** A type as server-side apply sees it: which of its parts have owners of their own. */
export interface MergeType {
  field(name: string): MergeField;
}

export interface MergeField {
  /** A map from any name: its presence has an owner too. */
  readonly isMap: boolean;
  /** The whole value has one owner. */
  readonly isAtomic: boolean;
  /** How lists merge; absent for atomic lists. */
  readonly list: (ListRule & Readonly<{ keyDefaults?: KeyDefaults }>) | undefined;
  /** The type of the value, of a list's elements, or of a map as a whole. */
  readonly of: MergeType;
}

/** Values that count for keys of list elements which do not have them. */
export type KeyDefaults = Readonly<Record<string, unknown>>;

/** Fields of values without a schema: every object member has its own owner, lists are atomic. */
const UNTYPED: MergeType = { field: () => OBJECT };
const OBJECT: MergeField = { isMap: false, isAtomic: false, list: undefined, of: UNTYPED };

const builtIns = new Map<string, MergeType>();

export function mergeTypeOf(kind: Pick<Kind, 'type' | 'custom'>): MergeType {
  return kind.custom === undefined ? builtInType(kind.type) : rootType(kind.custom.schema);
}

function builtInType(type: string): MergeType {
  const known = builtIns.get(type);
  if (known !== undefined) return known;
  const fields = fieldsOf(type);
  if (fields === undefined) return UNTYPED;
  const parsed = new Map<string, MergeField>();
  const parse = (name: string): MergeField => {
    const field = fields.get(name);
    const of = field?.of ?? '';
    const isMap = field?.shape === 'map';
    const isWhole = isAtomic(type, name, of);
    const list = listRule(type, name);
    return { isMap, isAtomic: isWhole, list, of: isMap ? UNTYPED : builtInType(of) };
  };
  const built: MergeType = {
    field: (name) => {
      const field = parsed.get(name) ?? parse(name);
      if (fields.has(name)) parsed.set(name, field);
      return field;
    },
  };
  builtIns.set(type, built);
  return built;
}

function rootType(schema: JsonSchema): MergeType {
  const own = customType(schema);
  const metadata = { ...OBJECT, of: builtInType('V1ObjectMeta') };
  return { field: (name) => (name === 'metadata' ? metadata : own.field(name)) };
}

/** @see Kubernetes 1.36 kube-openapi pkg/schemaconv: x-kubernetes-list-type, x-kubernetes-map-type */
function customType(schema: JsonSchema): MergeType {
  return {
    field: (name) => {
      const field = fieldSchema(schema, name);
      if (field === undefined) return OBJECT;
      if (field.type === 'array') {
        const { items = {} } = field;
        return { ...OBJECT, list: customList(field, items), of: customType(items) };
      }
      const isMap = valueSchema(field) !== undefined;
      return {
        isMap,
        isAtomic: field['x-kubernetes-map-type'] === 'atomic',
        list: undefined,
        of: customType(field),
      };
    },
  };
}

function customList(schema: JsonSchema, items: JsonSchema): MergeField['list'] {
  if (schema['x-kubernetes-list-type'] === 'set') return { set: 'apply' };
  if (schema['x-kubernetes-list-type'] !== 'map') return undefined;
  const applyKeys = schema['x-kubernetes-list-map-keys'] ?? [];
  const keyDefaults = Object.fromEntries(
    applyKeys.flatMap((key) => {
      const value = items.properties?.[key]?.default;
      return value === undefined ? [] : [[key, value]];
    }),
  );
  return { applyKeys, keyDefaults };
}
