import { BOOL, BYTES, type CelType, DOUBLE, DYN, INT, NULL, STRING } from '../../model/cel/type.js';
import { CelList, CelMap, CelOptional, CelSpecial, type CelValue } from '../../model/cel/value.js';

const PLAIN: Readonly<Record<string, CelType>> = {
  boolean: BOOL,
  bigint: INT,
  number: DOUBLE,
  string: STRING,
};

/** The type of a value without parts; `dyn` for others. */
export function typeOfLiteral(value: CelValue): CelType {
  if (value === null) return NULL;
  if (typeof value !== 'object') return PLAIN[typeof value] ?? DYN;
  if (value instanceof CelSpecial) return { kind: 'simple', name: value.type };
  return value instanceof Uint8Array ? BYTES : DYN;
}

function itemType({ items }: CelList, type: CelType): CelType {
  return items.length === 0 ? DYN : type;
}

/** True when a value can be an argument of this type; of a list only the first item is looked at. */
export function fits(value: CelValue, type: CelType): boolean {
  switch (type.kind) {
    case 'variable':
      return true;
    case 'list':
      return value instanceof CelList && fits(value.items[0] ?? null, itemType(value, type.of));
    case 'map':
      return value instanceof CelMap;
    case 'object':
      return value instanceof CelMap && value.objectType === type.name;
    case 'optional':
      return value instanceof CelOptional;
    case 'simple': {
      if (type.name === 'dyn') return true;
      const found = typeOfLiteral(value);
      return found.kind === 'simple' && found.name === type.name;
    }
  }
}
