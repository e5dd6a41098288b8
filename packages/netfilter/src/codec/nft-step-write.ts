import { ByteWriter, NLA_F_NESTED, writeAttr } from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import { nftFieldRow, type NftPlace } from '../model/nft-fields.js';
import type { NftGeneralStep, NftSetField, NftStateful, NftUpdateSet } from '../model/nft-steps.js';
import type { NftStep } from '../model/nftables.js';
import { checkedStep } from '../plan/check-nft-step.js';
import {
  CONTINUE_CODE,
  EXPRESSION_DATA,
  EXPRESSION_NAME,
  LIST_ITEM,
  OBJECT_TYPES,
} from './nft-attrs.js';
import { encodeDatum, encodeNumber } from './nft-datum.js';
import {
  ExpressionWriter,
  FIRST_CELL,
  hostU32,
  register,
  VERDICT_REGISTER,
} from './nft-expression-writer.js';
import {
  BASES,
  DYNSET_OPS,
  LOG_FLAGS,
  LOG_LEVELS,
  QUEUE_FLAGS,
  RATE_UNITS,
} from './nft-expressions.js';
import { writeMatch } from './nft-match-write.js';
import { writeNat, writeNatMap } from './nft-nat-write.js';
import { resolvePart } from './nft-parts.js';

type Write = (step: NftStep) => void;

/** @throws {NetfilterError} `NETFILTER_VALUE` names the step's field and the allowed values */
export function writeGeneralStep(
  writer: ExpressionWriter,
  step: NftGeneralStep,
  write: Write,
): void {
  checkedStep(step);
  switch (step.kind) {
    case 'match':
      return writeMatch(writer, step, write);
    case 'set':
      return writeSetField(writer, step, write);
    case 'counter':
    case 'limit':
    case 'quota':
    case 'connection-limit':
      return writeStateful((name, values) => writer.add(name, values), step);
    case 'object':
      return writer.add('objref', { type: OBJECT_TYPES[step.type], name: step.name });
    case 'log':
      return writer.add('log', {
        ...(step.group !== undefined && {
          group: step.group,
          snaplen: step.snaplen,
          queueThreshold: step.queueThreshold,
        }),
        prefix: step.prefix,
        ...(step.group === undefined && { level: LOG_LEVELS[step.level ?? 'warn'] }),
        ...(step.flags !== undefined && {
          flags: step.flags.reduce((bits, flag) => bits | LOG_FLAGS[flag], 0),
        }),
      });
    case 'snat':
    case 'redirect':
      return writeNat(writer, step);
    case 'snat-map':
      writer.load(step.key, write);
      return writeNatMap(writer, step);
    case 'update-set':
      return writeUpdateSet(writer, step, write);
    case 'queue':
      return writer.add('queue', {
        first: step.first,
        count: step.count ?? 1,
        flags: (step.flags ?? []).reduce((bits, flag) => bits | QUEUE_FLAGS[flag], 0),
      });
    case 'notrack':
      return writer.add('notrack', {});
    case 'offload':
      return writer.add('flow_offload', { table: step.flowtable });
    case 'continue':
      return writer.add('immediate', {
        register: VERDICT_REGISTER,
        data: { verdict: { code: CONTINUE_CODE } },
      });
    case 'other':
      return writeOther(writer, step);
    case 'text':
      throw bad(`text "${step.text}": only the nft program takes text, not netlink`);
  }
}

/** Writes the expression that keeps the state: in rules, and for elements and objects. */
export function writeStateful(put: ExpressionWriter['add'], step: NftStateful): void {
  switch (step.kind) {
    case 'counter':
      return put('counter', {
        bytes: BigInt(step.bytes ?? 0),
        packets: BigInt(step.packets ?? 0),
      });
    case 'quota':
      return put('quota', {
        bytes: BigInt(step.bytes),
        flags: step.over === true ? 1 : 0,
        used: BigInt(step.used ?? 0),
      });
    case 'limit': {
      const isBytes = step.unit === 'bytes';
      return put('limit', {
        rate: BigInt(step.rate),
        unit: BigInt(RATE_UNITS[step.per]),
        burst: step.burst ?? (isBytes ? 0 : 5),
        type: isBytes ? 1 : 0,
        flags: step.over === true ? 1 : 0,
      });
    }
    case 'connection-limit':
      return put('connlimit', { count: step.count, flags: step.over === true ? 1 : 0 });
  }
}

/** Returns name and attributes of the expression, as sets and dynset expressions hold them. */
export function statefulBytes(step: NftStateful): Buffer {
  const out = new ByteWriter(64);
  const writer = new ExpressionWriter(out, 'inet');
  writeStateful((name, values) => writer.write(name, values), step);
  return out.copy();
}

function writeSetField(writer: ExpressionWriter, step: NftSetField, write: Write): void {
  const { field: name } = step;
  const field = nftFieldRow(name);
  const { row, needs, where } = resolvePart(name, writer.family);
  const place = field?.place;
  if (place === undefined) return;
  const bits = place.from === 'payload' ? place.mask : undefined;
  if (step.map !== undefined) {
    writer.require(needs, where, write);
    writer.load(step.key ?? [], write);
    const named = typeof step.map === 'string' ? { set: step.map } : writer.takeSet();
    writer.add('lookup', { ...named, source: 1, register: 1 });
  } else if (step.from !== undefined) {
    writer.require(needs, where, write);
    writer.load([step.from], write);
    if (step.mask !== undefined || step.xor !== undefined) {
      const { mask = 0xffffffff, xor = 0 } = step;
      writer.bitwise(hostU32(mask), hostU32(xor));
    }
  } else if (step.value !== undefined) {
    writer.require(needs, where, write);
    const value = encodeDatum(row, step.value, where);
    if (place.from === 'payload' && (bits !== undefined || isOdd(place, name))) {
      return writeBitsOfPayload(writer, { ...place, name, value });
    }
    writer.immediate(FIRST_CELL, value);
  } else throw bad(`set ${where}: one of value, from, and key with map is needed`);
  if (bits !== undefined && step.value === undefined) {
    throw bad(`set ${where}: only a value can be written into parts of a byte`);
  }
  switch (place.from) {
    case 'meta':
      return writer.add('meta', { key: place.key, source: 1 });
    case 'ct':
      return writer.add('ct', { key: place.key, source: 1 });
    case 'payload': {
      const { base, offset, bytes } = place;
      return writer.add('payload', {
        base: BASES[base],
        offset,
        size: bytes,
        source: 1,
        ...checksum(name),
      });
    }
    default:
      throw bad(`set ${where}: cannot be written`);
  }
}

type Payload = Extract<NftPlace, { from: 'payload' }>;

/** The kernel corrects checksums by whole pairs of bytes. */
function isOdd({ offset, bytes }: Payload, name: string): boolean {
  return (offset % 2 !== 0 || bytes % 2 !== 0) && checksum(name).checksumType !== 0;
}

/** Keeps the other bits of the bytes around. */
function writeBitsOfPayload(
  writer: ExpressionWriter,
  place: Payload & Readonly<{ name: string; value: Buffer }>,
): void {
  const { base, name, value, mask, shift = 0 } = place;
  const offset = isOdd(place, name) ? place.offset & ~1 : place.offset;
  const size = isOdd(place, name) ? 2 : place.bytes;
  const below = BigInt(offset + size - place.offset - place.bytes) * 8n;
  const bits = BigInt(mask ?? (1n << BigInt(place.bytes * 8)) - 1n) << below;
  const number = BigInt(`0x${value.toString('hex')}`) << (BigInt(shift) + below);
  const whole = { id: 0, bytes: size, form: 'network' } as const;
  const others = (1n << BigInt(size * 8)) - 1n - bits;
  writer.add('payload', { register: 1, base: BASES[base], offset, size });
  writer.bitwise(encodeNumber(whole, others), encodeNumber(whole, number));
  writer.add('payload', { base: BASES[base], offset, size, source: 1, ...checksum(name) });
}

/** The kernel corrects the checksum at this offset; flag 1: that of the transport's header too. */
function checksum(
  field: string,
): Record<'checksumType' | 'checksumOffset' | 'checksumFlags', number> {
  const [protocol = '', name = ''] = field.split(' ');
  const addresses = name === 'saddr' || name === 'daddr';
  const flags = addresses && (protocol === 'ip' || protocol === 'ip6') ? 1 : 0;
  const offset = { ip: 10, tcp: 16, udp: 6 }[protocol];
  if (offset === undefined || (protocol === 'ip' && name === 'checksum')) {
    return { checksumType: 0, checksumOffset: 0, checksumFlags: flags };
  }
  return { checksumType: 1, checksumOffset: offset, checksumFlags: flags };
}

function writeUpdateSet(writer: ExpressionWriter, step: NftUpdateSet, write: Write): void {
  const { set, op, key, timeoutMs, each = [] } = step;
  writer.load(key, write);
  writer.add('dynset', {
    set,
    operation: DYNSET_OPS[op],
    key: register(FIRST_CELL),
    ...(timeoutMs !== undefined && { timeoutMs: BigInt(timeoutMs) }),
    ...(each.length === 1 && { expression: each.map(statefulBytes)[0] }),
    ...(each.length > 0 && { flags: DYNSET_WITH_EXPRESSIONS }),
    ...(each.length > 1 && { expressions: each.map(statefulBytes) }),
  });
}

/** NFT_DYNSET_F_EXPR. */
const DYNSET_WITH_EXPRESSIONS = 2;

function writeOther(
  { out }: ExpressionWriter,
  { expression, data }: Extract<NftGeneralStep, { kind: 'other' }>,
): void {
  const bytes = Buffer.from(data, 'hex');
  const item = out.beginAttr(LIST_ITEM | NLA_F_NESTED);
  writeAttr(out, EXPRESSION_NAME, expression);
  const nest = out.beginAttr(EXPRESSION_DATA | NLA_F_NESTED);
  out.bytes(bytes);
  out.endAttr(nest);
  out.endAttr(item);
}

function bad(message: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${message}`);
}
