import {
  type AttrValues,
  type ByteWriter,
  encodeAddress,
  LITTLE_ENDIAN,
  NLA_F_NESTED,
  writeAttr,
  writeAttrs,
} from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import type { NftFamily, NftKeyPart, NftRule, NftStep, NftVerdict } from '../model/nftables.js';
import {
  EXPRESSION_DATA,
  EXPRESSION_NAME,
  EXPRESSIONS,
  FAMILY_NUMBERS,
  LIST_ITEM,
  RULE_EXPRESSIONS,
  VERDICT_CODES,
} from './nft-attrs.js';
import { protocolNumber, typeSize } from './nft-value.js';

type ExpressionName = keyof typeof EXPRESSIONS;

/** The verdict register; 32-bit cells start at the first of the data registers. */
const VERDICT_REGISTER = 0;
const FIRST_CELL = 8;
/** The first cells of the four 16-byte registers are named 1 to 4. */
const WIDE_REGISTERS: ReadonlyMap<number, number> = new Map([
  [8, 1],
  [12, 2],
  [16, 3],
  [20, 4],
]);

const BASE = { network: 1, transport: 2 } as const;
const META = { mark: 3, inInterface: 6, l4Protocol: 16 } as const;
const CT = { state: 0, status: 2 } as const;
const CMP = { equal: 0, notEqual: 1 } as const;
const ADDRESS_OFFSETS = {
  ip: { source: 12, destination: 16 },
  ip6: { source: 8, destination: 24 },
} as const;
/** NF_CT_STATE_BIT(IP_CT_NEW) and IPS_DST_NAT. @see Linux nf_conntrack_common.h */
const STATE_NEW = 8;
const STATUS_DST_NAT = 0x20;
const FIB = { source: 1, destination: 2, addressType: 3, local: 2 } as const;
const DNAT = 1;
/** NF_NAT_RANGE_PROTO_SPECIFIED, NF_NAT_RANGE_PROTO_RANDOM_FULLY. */
const PORT_SPECIFIED = 2;
const FULLY_RANDOM = 0x10;
const PORT_UNREACHABLE = { ip: 3, ip6: 4 } as const;
const INTERFACE_BYTES = 16;
const DYNSET_UPDATE = 1;

/** Writes the attribute NFTA_RULE_EXPRESSIONS. @throws {NetfilterError} `NETFILTER_VALUE` */
export function writeExpressions(out: ByteWriter, { steps }: NftRule, family: NftFamily): void {
  const at = out.beginAttr(RULE_EXPRESSIONS | NLA_F_NESTED);
  const writer = new ExpressionWriter(out, family);
  for (const step of steps) writer.step(step);
  out.endAttr(at);
}

class ExpressionWriter {
  readonly #out: ByteWriter;
  readonly #family: NftFamily;

  constructor(out: ByteWriter, family: NftFamily) {
    this.#out = out;
    this.#family = family;
  }

  step(step: NftStep): void {
    const family = this.#family;
    switch (step.kind) {
      case 'connection-new':
        this.#add('ct', { register: 1, key: CT.state });
        return this.#anyBit(STATE_NEW);
      case 'translated':
        this.#add('ct', { register: 1, key: CT.status });
        return this.#anyBit(STATUS_DST_NAT);
      case 'marked':
        this.#add('meta', { register: 1, key: META.mark });
        return this.#anyBit(step.bits);
      case 'source':
      case 'destination':
        return this.#network(step);
      case 'in-interface':
        return this.#interface(step);
      case 'local-source':
      case 'local-destination': {
        const flags = step.kind === 'local-source' ? FIB.source : FIB.destination;
        this.#add('fib', { register: 1, result: FIB.addressType, flags });
        return this.#compare(hostU32(FIB.local));
      }
      case 'protocol':
        this.#add('meta', { register: 1, key: META.l4Protocol });
        return this.#compare(Buffer.from([protocolNumber(step.protocol)]));
      case 'in-set':
        this.#key(step.key);
        return this.#add('lookup', { set: step.set, source: 1 });
      case 'chance':
        this.#add('numgen', { register: 1, modulus: step.in, type: 1, offset: 0 });
        return this.#compare(hostU32(0));
      case 'verdict-map':
        this.#key(step.key);
        return this.#add('lookup', { set: step.map, source: 1, register: VERDICT_REGISTER });
      case 'set-mark':
        return this.#mark(~step.bits >>> 0, step.bits);
      case 'flip-mark':
        return this.#mark(0xffffffff, step.bits);
      case 'remember-source':
        this.#key(['source']);
        return this.#add('dynset', { set: step.set, operation: DYNSET_UPDATE, key: 1 });
      case 'masquerade':
        return this.#add('masq', { flags: FULLY_RANDOM });
      case 'dnat':
        return this.#dnat(step.address, step.port);
      case 'dnat-map': {
        this.#key(step.key);
        this.#add('lookup', { set: step.map, source: 1, register: 1 });
        const port = register(FIRST_CELL + typeSize('address', family) / 4);
        return this.#nat({ address: 1, port });
      }
      case 'reject':
        return this.#add('reject', { type: 0, code: Buffer.from([PORT_UNREACHABLE[family]]) });
      case 'accept':
      case 'drop':
      case 'return':
      case 'jump':
      case 'goto':
        return this.#add('immediate', {
          register: VERDICT_REGISTER,
          data: { verdict: verdictValues(step) },
        });
    }
  }

  #add<N extends ExpressionName>(name: N, values: AttrValues<(typeof EXPRESSIONS)[N]>): void {
    const out = this.#out;
    const item = out.beginAttr(LIST_ITEM | NLA_F_NESTED);
    writeAttr(out, EXPRESSION_NAME, name);
    const data = out.beginAttr(EXPRESSION_DATA | NLA_F_NESTED);
    writeAttrs(out, EXPRESSIONS[name], values);
    out.endAttr(data);
    out.endAttr(item);
  }

  #compare(value: Buffer, negated = false): void {
    const operator = negated ? CMP.notEqual : CMP.equal;
    this.#add('cmp', { register: 1, operator, data: { value } });
  }

  /** Continues when any of the bits of the 32-bit number in register 1 is set. */
  #anyBit(bits: number): void {
    this.#bitwise(hostU32(bits), hostU32(0));
    this.#compare(hostU32(0), true);
  }

  #bitwise(mask: Buffer, xor: Buffer): void {
    const size = mask.length;
    const values = { source: 1, register: 1, size, mask: { value: mask }, xor: { value: xor } };
    this.#add('bitwise', values);
  }

  #mark(mask: number, xor: number): void {
    this.#add('meta', { register: 1, key: META.mark });
    this.#bitwise(hostU32(mask), hostU32(xor));
    this.#add('meta', { key: META.mark, source: 1 });
  }

  #address(which: 'source' | 'destination', size: number, cell = FIRST_CELL): void {
    const offset = ADDRESS_OFFSETS[this.#family][which];
    this.#add('payload', { register: register(cell), base: BASE.network, offset, size });
  }

  #network(step: Extract<NftStep, { kind: 'source' | 'destination' }>): void {
    const [address = '', length] = step.network.split('/');
    const bytes = encodeAddress(address);
    const whole = typeSize('address', this.#family);
    const bits = length === undefined ? whole * 8 : Number(length);
    const fits = Number.isInteger(bits) && bits >= 0 && bits <= whole * 8;
    if (bytes?.length !== whole || !fits) {
      const message = `nft: "${step.network}" is not a network of family ${this.#family}`;
      throw new NetfilterError('NETFILTER_VALUE', message);
    }
    const mask = Buffer.from(bytes.map((_, i) => (0xff00 >> clamp(bits - i * 8)) & 0xff));
    this.#address(step.kind, whole);
    this.#bitwise(mask, Buffer.alloc(whole));
    this.#compare(Buffer.from(bytes.map((byte, i) => byte & (mask[i] ?? 0))), step.negated);
  }

  #interface({ name, negated }: Extract<NftStep, { kind: 'in-interface' }>): void {
    this.#add('meta', { register: 1, key: META.inInterface });
    const isPrefix = name.endsWith('*');
    const text = Buffer.from(isPrefix ? name.slice(0, -1) : name);
    if (text.length >= INTERFACE_BYTES) {
      throw new NetfilterError('NETFILTER_VALUE', `nft: "${name}" is too long for an interface`);
    }
    const whole = Buffer.alloc(INTERFACE_BYTES);
    text.copy(whole);
    this.#compare(isPrefix ? text : whole, negated);
  }

  /** Loads the parts into consecutive 32-bit cells. */
  #key(parts: readonly NftKeyPart[]): void {
    let cell = FIRST_CELL;
    for (const part of parts) {
      if (part === 'source' || part === 'destination') {
        const size = typeSize('address', this.#family);
        this.#address(part, size, cell);
        cell += size / 4;
        continue;
      }
      const into = register(cell);
      if (part === 'protocol') this.#add('meta', { register: into, key: META.l4Protocol });
      else if (part === 'destination-port') {
        this.#add('payload', { register: into, base: BASE.transport, offset: 2, size: 2 });
      } else {
        this.#add('numgen', { register: into, modulus: part.random, type: 1, offset: 0 });
      }
      cell += 1;
    }
  }

  #dnat(address: string, port: number): void {
    const bytes = encodeAddress(address);
    if (bytes?.length !== typeSize('address', this.#family)) {
      const message = `nft: "${address}" is not an address of family ${this.#family}`;
      throw new NetfilterError('NETFILTER_VALUE', message);
    }
    const portBytes = Buffer.alloc(2);
    portBytes.writeUInt16BE(port);
    this.#add('immediate', { register: 1, data: { value: bytes } });
    this.#add('immediate', { register: 2, data: { value: portBytes } });
    this.#nat({ address: 1, port: 2, flags: PORT_SPECIFIED });
  }

  #nat(registers: { address: number; port: number; flags?: number }): void {
    this.#add('nat', { type: DNAT, family: FAMILY_NUMBERS[this.#family], ...registers });
  }
}

/** Converts a verdict to its attributes. */
export function verdictValues(verdict: NftVerdict): { code: number; chain?: string } {
  const code = VERDICT_CODES[verdict.kind];
  return 'chain' in verdict ? { code, chain: verdict.chain } : { code };
}

function register(cell: number): number {
  return WIDE_REGISTERS.get(cell) ?? cell;
}

function clamp(bits: number): number {
  return Math.max(0, Math.min(8, bits));
}

function hostU32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  if (LITTLE_ENDIAN) bytes.writeUInt32LE(value >>> 0);
  else bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
