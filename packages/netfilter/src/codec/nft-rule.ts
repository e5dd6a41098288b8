import { type ByteWriter, encodeAddress, NLA_F_NESTED } from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import type { NftFamily, NftKeyPart, NftRule, NftStep } from '../model/nftables.js';
import { RULE_EXPRESSIONS } from './nft-attrs.js';
import {
  type AnonymousSet,
  ExpressionWriter,
  FIRST_CELL,
  hostU32,
  register,
  VERDICT_REGISTER,
} from './nft-expression-writer.js';
import { DYNSET_OPS } from './nft-expressions.js';
import { writeNat, writeNatMap, writeReject } from './nft-nat-write.js';
import { fieldName } from './nft-parts.js';
import { writeGeneralStep } from './nft-step-write.js';
import { protocolNumber, typeSize } from './nft-value.js';

const BASE = { network: 1, transport: 2 } as const;
const META = { mark: 3, inInterface: 6, l4Protocol: 16 } as const;
const CT = { state: 0, status: 2 } as const;
const ADDRESS_OFFSETS = {
  ip: { source: 12, destination: 16 },
  ip6: { source: 8, destination: 24 },
} as const;
/** NF_CT_STATE_BIT(IP_CT_NEW) and IPS_DST_NAT. @see Linux nf_conntrack_common.h */
const STATE_NEW = 8;
const STATUS_DST_NAT = 0x20;
const FIB = { source: 1, destination: 2, addressType: 3, local: 2 } as const;
const INTERFACE_BYTES = 16;

/**
 * Writes the attribute NFTA_RULE_EXPRESSIONS.
 *
 * @param sets the sets of the rule's lists, in order
 * @throws {NetfilterError} `NETFILTER_VALUE`
 */
export function writeExpressions(
  out: ByteWriter,
  { steps }: NftRule,
  family: NftFamily,
  sets?: readonly AnonymousSet[],
): void {
  const at = out.beginAttr(RULE_EXPRESSIONS | NLA_F_NESTED);
  const rule = new RuleWriter(new ExpressionWriter(out, family, sets));
  for (const step of steps) rule.step(step);
  out.endAttr(at);
}

class RuleWriter {
  readonly #writer: ExpressionWriter;

  constructor(writer: ExpressionWriter) {
    this.#writer = writer;
  }

  step(step: NftStep): void {
    const writer = this.#writer;
    switch (step.kind) {
      case 'connection-new':
        writer.add('ct', { register: 1, key: CT.state });
        return this.#anyBit(STATE_NEW);
      case 'translated':
        writer.add('ct', { register: 1, key: CT.status });
        return this.#anyBit(STATUS_DST_NAT);
      case 'marked':
        writer.add('meta', { register: 1, key: META.mark });
        return this.#anyBit(step.bits);
      case 'source':
      case 'destination':
        return this.#network(step);
      case 'in-interface':
        return this.#interface(step);
      case 'local-source':
      case 'local-destination': {
        const flags = step.kind === 'local-source' ? FIB.source : FIB.destination;
        writer.add('fib', { register: 1, result: FIB.addressType, flags });
        return writer.compare(hostU32(FIB.local));
      }
      case 'protocol':
        writer.learn(step);
        writer.add('meta', { register: 1, key: META.l4Protocol });
        return writer.compare(Buffer.from([protocolNumber(step.protocol)]));
      case 'in-set':
        this.#key(step.key);
        return writer.addShort('lookup', { set: step.set, source: 1 });
      case 'chance':
        writer.add('numgen', { register: 1, modulus: step.in, type: 1, offset: 0 });
        return writer.compare(hostU32(0));
      case 'verdict-map':
        this.#key(step.key);
        return typeof step.map === 'string'
          ? writer.addShort('lookup', { set: step.map, source: 1, register: VERDICT_REGISTER })
          : writer.add('lookup', { ...writer.takeSet(), source: 1, register: VERDICT_REGISTER });
      case 'set-mark':
        return this.#mark(~step.bits >>> 0, step.bits);
      case 'flip-mark':
        return this.#mark(0xffffffff, step.bits);
      case 'remember-source':
        this.#key(['source']);
        return writer.add('dynset', { set: step.set, operation: DYNSET_OPS.update, key: 1 });
      case 'masquerade':
      case 'dnat':
        return writeNat(writer, step);
      case 'dnat-map':
        this.#key(step.key);
        return writeNatMap(writer, step);
      case 'reject':
        return writeReject(writer, step, (match) => this.step(match));
      case 'accept':
      case 'drop':
      case 'return':
      case 'jump':
      case 'goto':
        return writer.verdict(step);
      default:
        return writeGeneralStep(writer, step, (match) => this.step(match));
    }
  }

  /** Continues when any of the bits of the 32-bit number in register 1 is set. */
  #anyBit(bits: number): void {
    this.#writer.bitwise(hostU32(bits), hostU32(0));
    this.#writer.compare(hostU32(0), '!=');
  }

  #mark(mask: number, xor: number): void {
    this.#writer.add('meta', { register: 1, key: META.mark });
    this.#writer.bitwise(hostU32(mask), hostU32(xor));
    this.#writer.add('meta', { key: META.mark, source: 1 });
  }

  #address(which: 'source' | 'destination', cell = FIRST_CELL): number {
    const { family } = this.#writer;
    if (family !== 'ip' && family !== 'ip6') {
      throw new NetfilterError('NETFILTER_VALUE', fieldName(which, family));
    }
    const size = typeSize('address', family);
    const offset = ADDRESS_OFFSETS[family][which];
    this.#writer.addShort('payload', {
      register: register(cell),
      base: BASE.network,
      offset,
      size,
    });
    return size;
  }

  #network(step: Extract<NftStep, { kind: 'source' | 'destination' }>): void {
    const whole = this.#address(step.kind);
    const [address = '', length] = step.network.split('/');
    const bytes = encodeAddress(address);
    const bits = length === undefined ? whole * 8 : Number(length);
    const fits = Number.isInteger(bits) && bits >= 0 && bits <= whole * 8;
    if (bytes?.length !== whole || !fits) {
      const message = `nft: "${step.network}" is not a network of family ${this.#writer.family}`;
      throw new NetfilterError('NETFILTER_VALUE', message);
    }
    const mask = Buffer.from(bytes.map((_, i) => (0xff00 >> clamp(bits - i * 8)) & 0xff));
    this.#writer.bitwise(mask, Buffer.alloc(whole));
    const masked = Buffer.from(bytes.map((byte, i) => byte & (mask[i] ?? 0)));
    this.#writer.compare(masked, step.negated === true ? '!=' : '==');
  }

  #interface({ name, negated }: Extract<NftStep, { kind: 'in-interface' }>): void {
    this.#writer.add('meta', { register: 1, key: META.inInterface });
    const isPrefix = name.endsWith('*');
    const text = Buffer.from(isPrefix ? name.slice(0, -1) : name);
    if (text.length >= INTERFACE_BYTES) {
      throw new NetfilterError('NETFILTER_VALUE', `nft: "${name}" is too long for an interface`);
    }
    const whole = Buffer.alloc(INTERFACE_BYTES);
    text.copy(whole);
    this.#writer.compare(isPrefix ? text : whole, negated === true ? '!=' : '==');
  }

  /** Loads the parts into consecutive 32-bit cells; the short ones without a look at the tables. */
  #key(parts: readonly NftKeyPart[]): void {
    const writer = this.#writer;
    if (!parts.every(isShort)) {
      writer.load(parts, (match) => this.step(match));
      return;
    }
    let cell = FIRST_CELL;
    for (const part of parts) {
      if (part === 'source' || part === 'destination') {
        cell += this.#address(part, cell) / 4;
        continue;
      }
      const into = register(cell);
      if (part === 'protocol') writer.add('meta', { register: into, key: META.l4Protocol });
      else if (part === 'destination-port') {
        writer.addShort('payload', { register: into, base: BASE.transport, offset: 2, size: 2 });
      } else {
        writer.add('numgen', { register: into, modulus: part.random, type: 1, offset: 0 });
      }
      cell += 1;
    }
  }
}

type ShortPart = 'source' | 'destination' | 'protocol' | 'destination-port' | { random: number };

function isShort(part: NftKeyPart): part is ShortPart {
  switch (part) {
    case 'source':
    case 'destination':
    case 'protocol':
    case 'destination-port':
      return true;
    default:
      return typeof part === 'object' && 'random' in part;
  }
}

function clamp(bits: number): number {
  return Math.max(0, Math.min(8, bits));
}
