import {
  type AttrValues,
  ByteWriter,
  decodeAttrs,
  LITTLE_ENDIAN,
  splitAttrs,
} from '@nodeagent/netlink-codec';

import { type NftField, nftFieldRow } from '../model/nft-fields.js';
import type { NftMapRef, NftSetField } from '../model/nft-steps.js';
import type { NftFamily, NftKeyPart, NftStep } from '../model/nftables.js';
import type { NftFilledSet } from '../plan/nft-contents.js';
import { CONTINUE_CODE, type DATA_ATTRS } from './nft-attrs.js';
import { learn, type RuleContext, startContext } from './nft-context.js';
import { decodeDatum, encodeNumber } from './nft-datum.js';
import {
  type ExpressionName,
  EXPRESSIONS,
  FIB_BY,
  FIB_PRESENT,
  FIB_RESULTS,
} from './nft-expressions.js';
import { withoutImplied } from './nft-implied.js';
import {
  inOrder,
  isAnonymous,
  keyParts,
  namedKey,
  operatorOf,
  readComparison,
  readLookup,
  readRange,
} from './nft-match-read.js';
import { readNat } from './nft-nat-read.js';
import { resolvePart } from './nft-parts.js';
import {
  baseName,
  bitsWithin,
  fieldAt,
  type Loaded,
  Registers,
  Unreadable,
} from './nft-registers.js';
import { type RawExpression, splitExpressions } from './nft-split.js';
import { readStatement } from './nft-statement-read.js';
import { decodeVerdict } from './nft-verdict.js';

export interface ReadOptions {
  readonly family: NftFamily;
  /** Finds the sets of the rule's lists by the kernel's names for them. */
  readonly setOf?: (name: string) => NftFilledSet | undefined;
}

/**
 * Reads the expressions of a rule. Steps come back in one form, whatever they were written as:
 * matches as `match`, without those that others imply. Expressions that the model does not know
 * come back as `other`, word by word.
 *
 * @param bytes the contents of NFTA_RULE_EXPRESSIONS
 * @throws {NetlinkError} `NETLINK_MALFORMED`
 */
export function readSteps(bytes: Buffer, options: ReadOptions): readonly NftStep[] {
  const expressions = splitExpressions(bytes);
  try {
    return withoutImplied(new RuleReader(options).read(expressions), options.family);
  } catch (error) {
    if (error instanceof Unreadable) return expressions.map(verbatim);
    throw error;
  }
}

function verbatim({ name, data }: RawExpression): NftStep {
  const bytes = name === 'exthdr' ? loadable(data) : data;
  return { kind: 'other', expression: name, data: bytes.toString('hex') };
}

/** NFTA_EXTHDR_FLAGS, NFTA_EXTHDR_SREG. */
const EXTHDR = { flags: 5, source: 7 } as const;

/** The kernel lists flags with a header that a rule writes, and refuses them when it is made. */
function loadable(data: Buffer): Buffer {
  const attrs = [...splitAttrs(data)];
  if (!attrs.some(({ id }) => id === EXTHDR.source)) return data;
  const out = new ByteWriter(data.length);
  for (const { id, payload } of attrs) {
    if (id === EXTHDR.flags) continue;
    const at = out.beginAttr(id);
    out.bytes(payload);
    out.endAttr(at);
  }
  return out.copy();
}

type Values<N extends ExpressionName> = AttrValues<(typeof EXPRESSIONS)[N]>;

/** Expressions that read no register. */
const ALONE: ReadonlySet<string> = new Set(['last', 'synproxy', 'osf', 'match', 'target']);

function decoded<N extends ExpressionName>(name: N, { data }: RawExpression): Values<N> {
  return decodeAttrs(EXPRESSIONS[name], data);
}

/** @throws {Unreadable} */
function dataOf(data: AttrValues<typeof DATA_ATTRS> | undefined): Buffer {
  if (data?.value === undefined) throw new Unreadable();
  return Buffer.from(data.value);
}

/** @throws {Unreadable} */
function hostNumber(bytes: Buffer): number {
  if (bytes.length !== 4) throw new Unreadable();
  return LITTLE_ENDIAN ? bytes.readUInt32LE() : bytes.readUInt32BE();
}

/** @throws {Unreadable} */
function asField(part: NftKeyPart | undefined): NftField {
  if (typeof part !== 'string' || nftFieldRow(part) === undefined) throw new Unreadable();
  return part as NftField;
}

class RuleReader {
  readonly #family: NftFamily;
  readonly #setOf: (name: string) => NftFilledSet | undefined;
  readonly #registers = new Registers();
  #context: RuleContext;
  #steps: NftStep[] = [];
  /** Loads that no step has used yet. */
  #pending: RawExpression[] = [];

  constructor({ family, setOf = () => undefined }: ReadOptions) {
    this.#family = family;
    this.#setOf = setOf;
    this.#context = startContext(family);
  }

  read(expressions: readonly RawExpression[]): readonly NftStep[] {
    for (let i = 0; i < expressions.length; i += 1) {
      const expression = expressions[i] as RawExpression;
      const range = this.#rangeAt(expression, expressions[i + 1]);
      if (range !== undefined) {
        this.#done([range]);
        i += 1;
      } else if (this.#load(expression)) this.#pending.push(expression);
      else this.#step(expression);
    }
    this.#flush();
    return this.#steps;
  }

  #step(expression: RawExpression): void {
    const steps = this.#consume(expression);
    if (steps !== undefined) return this.#done(steps);
    // an unknown expression may read registers that a step before has used up
    if (this.#pending.length === 0 && this.#steps.length > 0 && !ALONE.has(expression.name)) {
      throw new Unreadable();
    }
    this.#flush();
    this.#steps.push(verbatim(expression));
  }

  #done(steps: readonly NftStep[]): void {
    for (const step of steps) {
      this.#steps.push(step);
      this.#context = learn(this.#context, step);
    }
    this.#pending = [];
    this.#registers.clear();
  }

  /** Keeps loads that nothing known uses. */
  #flush(): void {
    this.#steps.push(...this.#pending.map(verbatim));
    this.#pending = [];
    this.#registers.clear();
  }

  /** Reads a lower and an upper bound of the same register. */
  #rangeAt(expression: RawExpression, next: RawExpression | undefined): NftStep | undefined {
    if (expression.name !== 'cmp' || next?.name !== 'cmp') return undefined;
    const [low, high] = [decoded('cmp', expression), decoded('cmp', next)];
    if (low.register !== high.register) return undefined;
    if (operatorOf(low.operator) !== '>=' || operatorOf(high.operator) !== '<=') return undefined;
    const ends = [dataOf(low.data), dataOf(high.data)] as const;
    const loaded = this.#registers.get(low.register);
    return readRange(loaded, '==', ends, this.#family, this.#context);
  }

  /** @returns false for expressions that load nothing */
  #load(expression: RawExpression): boolean {
    const registers = this.#registers;
    switch (expression.name) {
      case 'payload': {
        const { register, base, offset = 0, size = 0, source } = decoded('payload', expression);
        if (source !== undefined) return false;
        registers.set(register, { bytes: size, payload: { base: baseName(base), offset } });
        return true;
      }
      case 'meta': {
        const { register, key, source } = decoded('meta', expression);
        if (source !== undefined) return false;
        return this.#field(register, fieldAt('meta', key));
      }
      case 'ct': {
        const { register, key, direction, source } = decoded('ct', expression);
        if (source !== undefined) return false;
        return this.#field(register, fieldAt('ct', key, direction));
      }
      case 'rt': {
        const { register, key } = decoded('rt', expression);
        return this.#field(register, fieldAt('rt', key));
      }
      case 'socket': {
        const { register, key } = decoded('socket', expression);
        return this.#field(register, fieldAt('socket', key));
      }
      case 'numgen': {
        const { register, modulus = 0, type, offset = 0 } = decoded('numgen', expression);
        if (type !== 1 || offset !== 0) throw new Unreadable();
        return this.#field(register, { random: modulus });
      }
      case 'fib':
        return this.#fib(decoded('fib', expression));
      case 'hash':
        return this.#hash(decoded('hash', expression));
      case 'immediate': {
        const { register, data } = decoded('immediate', expression);
        if (register === 0) return false;
        const value = dataOf(data);
        registers.set(register, { bytes: value.length, value });
        return true;
      }
      case 'bitwise':
        return this.#bitwise(decoded('bitwise', expression));
      case 'byteorder': {
        const { source, register } = decoded('byteorder', expression);
        registers.set(register, { ...registers.get(source), isTurned: true });
        return true;
      }
      case 'lookup': {
        const { register } = decoded('lookup', expression);
        return register === undefined || register === 0
          ? false
          : this.#mapped(decoded('lookup', expression));
      }
      default:
        return false;
    }
  }

  #field(register: number | undefined, part: NftKeyPart): true {
    const { row } = resolvePart(part, this.#family);
    this.#registers.set(register, { bytes: row.bytes, part });
    return true;
  }

  #fib({ register, result, flags = 0 }: Values<'fib'>): true {
    const by = Object.entries(FIB_BY).flatMap(([name, bit]) =>
      (flags & bit) === 0 ? [] : [name as keyof typeof FIB_BY],
    );
    const name = Object.entries(FIB_RESULTS).find(([, code]) => code === result)?.[0];
    if (name === undefined) throw new Unreadable();
    const fib = (flags & FIB_PRESENT) === 0 ? (name as keyof typeof FIB_RESULTS) : 'exists';
    return this.#field(register, { fib, by });
  }

  #hash({ source, register, modulus = 0, seed, offset = 0, type }: Values<'hash'>): true {
    if (offset !== 0) throw new Unreadable();
    if (type === 1) return this.#field(register, { hash: [], below: modulus });
    const parts = namedKey(this.#registers.from(source), this.#family, this.#context);
    const hash = parts.map(({ part }) => asField(part));
    const kept = seed === undefined ? {} : { seed };
    this.#registers.clear();
    return this.#field(register, { hash, below: modulus, ...kept });
  }

  #bitwise({ source, register, mask, xor, operator = 0 }: Values<'bitwise'>): true {
    const loaded = this.#registers.get(source);
    if (operator !== 0 || loaded.mask !== undefined) throw new Unreadable();
    const bits = { mask: dataOf(mask), xor: dataOf(xor) };
    this.#registers.set(register, { ...loaded, ...bits });
    return true;
  }

  #mapped({ set = '', source, register }: Values<'lookup'>): true {
    const parts = namedKey(this.#registers.from(source), this.#family, this.#context);
    const map = { key: keyParts(parts), map: this.#mapOf(set) };
    this.#registers.clear();
    this.#registers.set(register, { bytes: 4, map });
    return true;
  }

  #mapOf(name: string): NftMapRef {
    if (!isAnonymous(name)) return name;
    const found = this.#setOf(name);
    if (found === undefined) throw new Unreadable();
    return inOrder(found);
  }

  /** @returns undefined for expressions that the model does not know */
  #consume(expression: RawExpression): readonly NftStep[] | undefined {
    const registers = this.#registers;
    switch (expression.name) {
      case 'cmp': {
        const { register, operator, data } = decoded('cmp', expression);
        const op = operatorOf(operator);
        const loaded = registers.get(register);
        return readComparison(loaded, op, dataOf(data), this.#family, this.#context);
      }
      case 'range': {
        const { source, operator, from, to } = decoded('range', expression);
        const op = operator === 0 ? '==' : '!=';
        const ends = [dataOf(from), dataOf(to)] as const;
        return [readRange(registers.get(source), op, ends, this.#family, this.#context)];
      }
      case 'lookup': {
        const { set = '', source, register, flags = 0 } = decoded('lookup', expression);
        const parts = namedKey(registers.from(source), this.#family, this.#context);
        if (register === 0) {
          return [{ kind: 'verdict-map', key: keyParts(parts), map: this.#mapOf(set) }];
        }
        return [readLookup(parts, (flags & 1) === 0 ? '==' : '!=', set, this.#setOf(set))];
      }
      case 'meta': {
        const { key, source } = decoded('meta', expression);
        return [this.#setField(fieldAt('meta', key), registers.get(source))];
      }
      case 'ct': {
        const { key, source } = decoded('ct', expression);
        return [this.#setField(fieldAt('ct', key), registers.get(source))];
      }
      case 'payload':
        return [this.#setPayload(decoded('payload', expression))];
      case 'immediate': {
        const { verdict } = decoded('immediate', expression).data ?? {};
        return verdict?.code === CONTINUE_CODE ? [{ kind: 'continue' }] : [decodeVerdict(verdict)];
      }
      case 'nat':
      case 'masq':
      case 'redir': {
        const step = readNat(expression, registers);
        return step === undefined ? undefined : [step];
      }
      default: {
        const key = (from: number | undefined): readonly NftKeyPart[] =>
          keyParts(namedKey(registers.from(from), this.#family, this.#context));
        const { network = this.#family } = this.#context;
        const step = readStatement(expression, network, key);
        return step === undefined ? undefined : [step];
      }
    }
  }

  #setField(field: string, loaded: Loaded): NftStep {
    const name = field as NftSetField['field'];
    const { row } = resolvePart(name, this.#family);
    if (loaded.value !== undefined) {
      return { kind: 'set', field: name, value: decodeDatum(row, loaded.value) };
    }
    if (loaded.map !== undefined) return { kind: 'set', field: name, ...loaded.map };
    const { part, mask, xor } = loaded;
    const from = asField(part);
    if (mask === undefined || xor === undefined) return { kind: 'set', field: name, from };
    return { kind: 'set', field: name, from, mask: hostNumber(mask), xor: hostNumber(xor) };
  }

  #setPayload({ base, offset = 0, size = 0, source }: Values<'payload'>): NftStep {
    const loaded = this.#registers.get(source);
    const place = { payload: { base: baseName(base), offset }, bytes: size };
    if (loaded.mask === undefined) {
      const { part } = namedKey([place], this.#family, this.#context)[0] ?? {};
      if (typeof part !== 'string') throw new Unreadable();
      return this.#setField(part, loaded);
    }
    const kept = Buffer.from(loaded.mask.map((byte) => ~byte & 0xff));
    if (loaded.payload === undefined || loaded.xor === undefined) throw new Unreadable();
    const { field, shift, row } = bitsWithin({ ...place, mask: kept }, this.#context);
    const number = BigInt(`0x${loaded.xor.toString('hex')}`) >> BigInt(shift);
    const value = decodeDatum(row, encodeNumber({ ...row, form: 'network' }, number));
    return { kind: 'set', field: field as NftSetField['field'], value };
  }
}
