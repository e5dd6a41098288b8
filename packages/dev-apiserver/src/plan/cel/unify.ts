import { type CelType, DYN, NULL } from '../../model/cel/type.js';

/** Finds out the types that the type variables of one expression stand for. */
export class Unifier {
  #bound = new Map<string, CelType>();
  #made = 0;

  fresh(): CelType {
    this.#made += 1;
    return { kind: 'variable', name: `#${this.#made}` };
  }

  /** Runs `attempt`; what it bound is forgotten when it returns undefined. */
  tentatively<T>(attempt: () => T | undefined): T | undefined {
    const before = new Map(this.#bound);
    const result = attempt();
    if (result === undefined) this.#bound = before;
    return result;
  }

  /** The type with its known variables replaced. */
  resolve(type: CelType): CelType {
    switch (type.kind) {
      case 'variable': {
        const found = this.#bound.get(type.name);
        return found === undefined ? type : this.resolve(found);
      }
      case 'list':
      case 'optional':
        return { kind: type.kind, of: this.resolve(type.of) };
      case 'map':
        return { kind: 'map', key: this.resolve(type.key), of: this.resolve(type.of) };
      case 'simple':
      case 'object':
        return type;
    }
  }

  /** Copies a signature's types with variables of their own. */
  instance(types: readonly CelType[]): readonly CelType[] {
    const made = new Map<string, CelType>();
    const copy = (type: CelType): CelType => {
      switch (type.kind) {
        case 'variable': {
          const own = made.get(type.name) ?? this.fresh();
          made.set(type.name, own);
          return own;
        }
        case 'list':
        case 'optional':
          return { kind: type.kind, of: copy(type.of) };
        case 'map':
          return { kind: 'map', key: copy(type.key), of: copy(type.of) };
        case 'simple':
        case 'object':
          return type;
      }
    };
    return types.map(copy);
  }

  /** True when both can be one type; then their variables are bound. `dyn` can be any type. */
  unify(a: CelType, b: CelType): boolean {
    const left = this.resolve(a);
    const right = this.resolve(b);
    if (left.kind === 'variable') return this.#bind(left.name, right);
    if (right.kind === 'variable') return this.#bind(right.name, left);
    if (left === DYN || right === DYN) return true;
    if (left === NULL || right === NULL) return left === right || isNullable(left, right);
    switch (left.kind) {
      case 'simple':
        return right.kind === 'simple' && left.name === right.name;
      case 'object':
        return right.kind === 'object' && left.name === right.name;
      case 'list':
      case 'optional':
        return right.kind === left.kind && this.unify(left.of, right.of);
      case 'map':
        return (
          right.kind === 'map' && this.unify(left.key, right.key) && this.unify(left.of, right.of)
        );
    }
  }

  #bind(name: string, type: CelType): boolean {
    if (type.kind === 'variable' && type.name === name) return true;
    if (this.#mentions(type, name)) return false;
    this.#bound.set(name, type);
    return true;
  }

  #mentions(type: CelType, name: string): boolean {
    const found = this.resolve(type);
    switch (found.kind) {
      case 'variable':
        return found.name === name;
      case 'list':
      case 'optional':
        return this.#mentions(found.of, name);
      case 'map':
        return this.#mentions(found.key, name) || this.#mentions(found.of, name);
      case 'simple':
      case 'object':
        return false;
    }
  }
}

const NULLABLE = new Set(['timestamp', 'duration']);

/** Objects, times and Kubernetes' own types may be compared with null; texts and numbers not. */
function isNullable(a: CelType, b: CelType): boolean {
  const other = a === NULL ? b : a;
  if (other.kind === 'simple') return NULLABLE.has(other.name) || other.name.includes('.');
  return other.kind === 'object' || other.kind === 'optional';
}
