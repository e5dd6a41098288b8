import {
  type AttrValues,
  type ByteWriter,
  LITTLE_ENDIAN,
  NLA_F_NESTED,
  writeAttr,
  writeAttrs,
} from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import type { NftNeeds } from '../model/nft-fields.js';
import type { NftFamily, NftKeyPart, NftStep, NftVerdict } from '../model/nftables.js';
import { EXPRESSION_DATA, EXPRESSION_NAME, LIST_ITEM, VERDICT_CODES } from './nft-attrs.js';
import { learn, missingMatches, type RuleContext, startContext } from './nft-context.js';
import {
  BASES,
  CMP,
  type ExpressionName,
  EXPRESSIONS,
  FIB_BY,
  FIB_PRESENT,
  FIB_RESULTS,
  SHORT_EXPRESSIONS,
} from './nft-expressions.js';
import { type ResolvedPart, resolvePart } from './nft-parts.js';

/** The verdict register; 32-bit cells start at the first of the data registers. */
export const VERDICT_REGISTER = 0;
export const FIRST_CELL = 8;
/** The first cells of the four 16-byte registers are named 1 to 4. */
const WIDE_REGISTERS: ReadonlyMap<number, number> = new Map([
  [8, 1],
  [12, 2],
  [16, 3],
  [20, 4],
]);
const LAST_CELL = 23;

/** A set without a name that was made for the rule, in the order of the rule's steps. */
export interface AnonymousSet {
  readonly name: string;
  readonly id: number;
}

/** Writes the expressions of one rule, each as `nft` would. */
export class ExpressionWriter {
  readonly out: ByteWriter;
  readonly family: NftFamily;
  readonly #sets: readonly AnonymousSet[];
  #nextSet = 0;
  #context: RuleContext | undefined;

  constructor(out: ByteWriter, family: NftFamily, sets: readonly AnonymousSet[] = []) {
    this.out = out;
    this.family = family;
    this.#sets = sets;
  }

  get context(): RuleContext {
    return (this.#context ??= startContext(this.family));
  }

  learn(step: NftStep): void {
    this.#context = learn(this.context, step);
  }

  add<N extends ExpressionName>(name: N, values: AttrValues<(typeof EXPRESSIONS)[N]>): void {
    const { out } = this;
    const item = out.beginAttr(LIST_ITEM | NLA_F_NESTED);
    writeAttr(out, EXPRESSION_NAME, name);
    const data = out.beginAttr(EXPRESSION_DATA | NLA_F_NESTED);
    writeAttrs(out, EXPRESSIONS[name], values);
    out.endAttr(data);
    out.endAttr(item);
  }

  /** Writes an expression with few attributes. */
  addShort<N extends keyof typeof SHORT_EXPRESSIONS>(
    name: N,
    values: AttrValues<(typeof SHORT_EXPRESSIONS)[N]>,
  ): void {
    const { out } = this;
    const item = out.beginAttr(LIST_ITEM | NLA_F_NESTED);
    writeAttr(out, EXPRESSION_NAME, name);
    const data = out.beginAttr(EXPRESSION_DATA | NLA_F_NESTED);
    writeAttrs(out, SHORT_EXPRESSIONS[name], values);
    out.endAttr(data);
    out.endAttr(item);
  }

  /** Writes name and attributes without the list item around them. */
  write<N extends ExpressionName>(name: N, values: AttrValues<(typeof EXPRESSIONS)[N]>): void {
    const { out } = this;
    writeAttr(out, EXPRESSION_NAME, name);
    const data = out.beginAttr(EXPRESSION_DATA | NLA_F_NESTED);
    writeAttrs(out, EXPRESSIONS[name], values);
    out.endAttr(data);
  }

  compare(value: Buffer, operator: keyof typeof CMP = '=='): void {
    this.add('cmp', { register: 1, operator: CMP[operator], data: { value } });
  }

  bitwise(mask: Buffer, xor: Buffer): void {
    const size = mask.length;
    const values = { source: 1, register: 1, size, mask: { value: mask }, xor: { value: xor } };
    this.add('bitwise', values);
  }

  /** Loads bytes into the register of a cell. */
  immediate(cell: number, value: Buffer): void {
    this.add('immediate', { register: register(cell), data: { value } });
  }

  verdict(verdict: NftVerdict): void {
    this.add('immediate', {
      register: VERDICT_REGISTER,
      data: { verdict: verdictValues(verdict) },
    });
  }

  /** Takes the next of the sets that were made for this rule. */
  takeSet(): { set: string; setId: number } {
    const set = this.#sets[this.#nextSet];
    this.#nextSet += 1;
    if (set === undefined) throw new NetfilterError('NETFILTER_VALUE', 'nft: a list without a set');
    return { set: set.name, setId: set.id };
  }

  /** Matches first what the field needs, unless an earlier step has. */
  require(needs: NftNeeds, where: string, write: (step: NftStep) => void): void {
    for (const match of missingMatches(needs, this.context, this.family, where)) write(match);
  }

  /** Loads the parts into consecutive cells. @returns the resolved parts */
  load(parts: readonly NftKeyPart[], write: (step: NftStep) => void): readonly ResolvedPart[] {
    const resolved = parts.map((part) => resolvePart(part, this.family));
    for (const { needs, where } of resolved) this.require(needs, where, write);
    let cell = FIRST_CELL;
    parts.forEach((part, i) => {
      const one = resolved[i] as ResolvedPart;
      if (cell + Math.ceil(one.row.bytes / 4) > LAST_CELL + 1) {
        throw new NetfilterError('NETFILTER_VALUE', 'nft: a key of more than 64 bytes');
      }
      this.#loadPart(part, one, cell);
      cell += Math.ceil(one.row.bytes / 4);
    });
    return resolved;
  }

  #loadPart(part: NftKeyPart, { field }: ResolvedPart, cell: number): void {
    const into = register(cell);
    if (field !== undefined) {
      const { place } = field;
      switch (place.from) {
        case 'payload': {
          const { base, offset, bytes } = place;
          return this.add('payload', { register: into, base: BASES[base], offset, size: bytes });
        }
        case 'meta':
          return this.add('meta', { register: into, key: place.key });
        case 'rt':
          return this.add('rt', { register: into, key: place.key });
        case 'socket':
          return this.add('socket', { register: into, key: place.key });
        case 'ct':
          return this.add('ct', {
            register: into,
            key: place.key,
            direction: place.direction,
          });
      }
    }
    if (typeof part === 'string') return;
    if ('random' in part) {
      return this.add('numgen', { register: into, modulus: part.random, type: 1, offset: 0 });
    }
    if ('base' in part) {
      const { base, offset, bytes } = part;
      return this.add('payload', { register: into, base: BASES[base], offset, size: bytes });
    }
    if ('fib' in part) {
      const flags = part.by.reduce((sum, name) => sum | FIB_BY[name], 0);
      const exists = part.fib === 'exists';
      const result = FIB_RESULTS[part.fib === 'exists' ? 'oif' : part.fib];
      return this.add('fib', {
        register: into,
        result,
        flags: exists ? flags | FIB_PRESENT : flags,
      });
    }
    return this.#hash(part, cell);
  }

  /** Loads what is hashed into the 16 bytes after, as `nft` does. */
  #hash(part: Extract<NftKeyPart, { hash: unknown }>, cell: number): void {
    let at = cell + 4;
    let length = 0;
    for (const name of part.hash) {
      const one = resolvePart(name, this.family);
      this.#loadPart(name, one, at);
      at += Math.ceil(one.row.bytes / 4);
      length += (one.row.bytes + 3) & ~3;
    }
    if (part.hash.length === 0) {
      return this.add('hash', {
        register: register(cell),
        modulus: part.below,
        offset: 0,
        type: 1,
      });
    }
    this.add('hash', {
      source: register(cell + 4),
      register: register(cell),
      length,
      modulus: part.below,
      seed: part.seed,
      offset: 0,
      type: 0,
    });
  }
}

/** Converts a verdict to its attributes. */
export function verdictValues(verdict: NftVerdict): { code: number; chain?: string } {
  const code = VERDICT_CODES[verdict.kind];
  return 'chain' in verdict ? { code, chain: verdict.chain } : { code };
}

export function register(cell: number): number {
  return WIDE_REGISTERS.get(cell) ?? cell;
}

export function hostU32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (LITTLE_ENDIAN) bytes.writeUInt32LE(value >>> 0);
  else bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
