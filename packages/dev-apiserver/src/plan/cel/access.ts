import { ExpressionError } from '../../model/cel/expression.js';
import { type CelType, DYN, isSimple, showType } from '../../model/cel/type.js';
import {
  type CelKey,
  CelList,
  CelMap,
  CelOptional,
  type CelValue,
  EvaluationError,
  NONE,
  numberOf,
  typeNameOf,
} from '../../model/cel/value.js';

/** The type of a field. @throws {ExpressionError} */
export function fieldType(at: number, target: CelType, name: string): CelType {
  if (target === DYN || target.kind === 'variable') return DYN;
  if (target.kind === 'map' && (isSimple(target.key, 'string') || target.key === DYN)) {
    return target.of;
  }
  if (target.kind === 'map' && target.key.kind === 'variable') return target.of;
  if (target.kind !== 'object') {
    throw new ExpressionError(at, `type '${showType(target)}' does not support field selection`);
  }
  const type = target.fields.get(name);
  if (type === undefined) throw new ExpressionError(at, `undefined field '${name}'`);
  return type;
}

export function keyOf(value: CelValue): CelKey {
  switch (typeof value) {
    case 'string':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      throw new EvaluationError('unsupported key type');
  }
}

/** Optional of a value that may be absent. */
export function optionalOf(value: CelValue | undefined): CelOptional {
  return value === undefined ? NONE : new CelOptional(value);
}

/** The value of `target.name`. @throws {EvaluationError} when it is absent and not asked for as optional */
export function readField(target: CelValue, name: string, isOptional: boolean): CelValue {
  const inner = target instanceof CelOptional ? target.value : target;
  if (isOptional && inner === undefined) return NONE;
  const found = inner === undefined ? undefined : fieldOf(inner, name);
  if (isOptional) return optionalOf(found);
  if (found === undefined) throw new EvaluationError(`no such key: ${name}`);
  return found;
}

/** @throws {EvaluationError} for a value that has no fields */
export function fieldOf(value: CelValue, name: string): CelValue | undefined {
  if (value instanceof CelMap) return value.entries.get(name);
  throw new EvaluationError(`no such overload: ${typeNameOf(value)} has no fields`);
}

/** The value of `target[key]`. @throws {EvaluationError} as {@link readField} */
export function readIndex(target: CelValue, key: CelValue, isOptional: boolean): CelValue {
  const inner = target instanceof CelOptional ? target.value : target;
  if (isOptional && inner === undefined) return NONE;
  if (inner instanceof CelList) {
    const at = Number(numberOf(key) ?? Number.NaN);
    if (!Number.isInteger(at)) throw new EvaluationError('no such overload: list index is no int');
    const found = inner.items[at];
    if (isOptional) return optionalOf(found);
    if (found === undefined) throw new EvaluationError(`index out of bounds: ${at}`);
    return found;
  }
  if (inner instanceof CelMap) {
    const found = inner.entries.get(keyOf(key));
    if (isOptional) return optionalOf(found);
    if (found === undefined) throw new EvaluationError(`no such key: ${String(keyOf(key))}`);
    return found;
  }
  const shown = inner === undefined ? 'null_type' : typeNameOf(inner);
  throw new EvaluationError(`no such overload: ${shown} has no items`);
}
