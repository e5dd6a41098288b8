import { type AttrTable, type AttrValues, decodeAttrs } from '@nodeagent/netlink-codec';

import type {
  NftLogFlag,
  NftLogLevel,
  NftObjectType,
  NftRateUnit,
  NftStateful,
} from '../model/nft-steps.js';
import type { NftFamily, NftKeyPart, NftRejection, NftStep } from '../model/nftables.js';
import { OBJECT_TYPES } from './nft-attrs.js';
import {
  DYNSET_OPS,
  EXPRESSIONS,
  LOG_FLAGS,
  LOG_LEVELS,
  QUEUE_FLAGS,
  RATE_UNITS,
  REJECT_CODES,
} from './nft-expressions.js';
import { Unreadable } from './nft-registers.js';
import { splitExpression } from './nft-split.js';

type Raw = Readonly<{ name: string; data: Buffer }>;

/**
 * Reads an expression that compares nothing.
 *
 * @param key names the fields that were loaded from a register on
 * @returns undefined for expressions that the model does not know
 * @throws {Unreadable}
 */
export function readStatement(
  expression: Raw,
  family: NftFamily,
  key: (register: number | undefined) => readonly NftKeyPart[],
): NftStep | undefined {
  const { name, data } = expression;
  const values = <T extends AttrTable>(table: T): AttrValues<T> => decodeAttrs(table, data);
  switch (name) {
    case 'counter':
    case 'limit':
    case 'quota':
    case 'connlimit':
      return readStateful(expression);
    case 'objref': {
      const { type, name: object } = values(EXPRESSIONS.objref);
      const known = nameOf(OBJECT_TYPES, type) as NftObjectType;
      return object === undefined ? undefined : { kind: 'object', type: known, name: object };
    }
    case 'log':
      return readLog(values(EXPRESSIONS.log));
    case 'reject':
      return readReject(values(EXPRESSIONS.reject), family);
    case 'queue': {
      const { first = 0, count = 1, flags = 0, source } = values(EXPRESSIONS.queue);
      if (source !== undefined) return undefined;
      const names = namesOf<keyof typeof QUEUE_FLAGS>(QUEUE_FLAGS, flags);
      const more = names.length === 0 ? {} : { flags: names };
      return { kind: 'queue', first, ...(count !== 1 && { count }), ...more };
    }
    case 'notrack':
      return { kind: 'notrack' };
    case 'flow_offload': {
      const { table } = values(EXPRESSIONS.flow_offload);
      return table === undefined ? undefined : { kind: 'offload', flowtable: table };
    }
    case 'dynset': {
      const dynset = values(EXPRESSIONS.dynset);
      const { set = '', operation, data: mapped, timeoutMs = 0n } = dynset;
      if (mapped !== undefined) return undefined;
      const op = nameOf(DYNSET_OPS, operation) as keyof typeof DYNSET_OPS;
      const states = dynset.expressions ?? (dynset.expression ? [dynset.expression] : []);
      const each = states.map((bytes) => readStateful(splitExpression(Buffer.from(bytes))));
      return {
        kind: 'update-set',
        op,
        set,
        key: key(dynset.key),
        ...(timeoutMs !== 0n && { timeoutMs: Number(timeoutMs) }),
        ...(each.length > 0 && { each }),
      };
    }
    default:
      return undefined;
  }
}

/** Reads an expression that keeps a state. @throws {Unreadable} */
export function readStateful({ name, data }: Raw): NftStateful {
  switch (name) {
    case 'counter': {
      const { packets = 0n, bytes = 0n } = decodeAttrs(EXPRESSIONS.counter, data);
      return { kind: 'counter', packets: Number(packets), bytes: Number(bytes) };
    }
    case 'quota': {
      const { bytes = 0n, flags = 0, used = 0n } = decodeAttrs(EXPRESSIONS.quota, data);
      const isOver = (flags & 1) !== 0;
      return { kind: 'quota', bytes: Number(bytes), ...over(isOver), used: Number(used) };
    }
    case 'limit': {
      const {
        rate = 0n,
        unit = 1n,
        burst = 0,
        type = 0,
        flags = 0,
      } = decodeAttrs(EXPRESSIONS.limit, data);
      const per = nameOf(RATE_UNITS, Number(unit)) as NftRateUnit;
      return {
        kind: 'limit',
        rate: Number(rate),
        per,
        unit: type === 1 ? 'bytes' : 'packets',
        burst,
        ...over((flags & 1) !== 0),
      };
    }
    case 'connlimit': {
      const { count = 0, flags = 0 } = decodeAttrs(EXPRESSIONS.connlimit, data);
      return { kind: 'connection-limit', count, ...over((flags & 1) !== 0) };
    }
    default:
      throw new Unreadable();
  }
}

function readLog(values: AttrValues<typeof EXPRESSIONS.log>): NftStep {
  const { prefix, group, snaplen = 0, queueThreshold = 0, level, flags = 0 } = values;
  const text = prefix === undefined ? {} : { prefix };
  if (group !== undefined) {
    return {
      kind: 'log',
      ...text,
      group,
      ...(snaplen !== 0 && { snaplen }),
      ...(queueThreshold !== 0 && { queueThreshold }),
    };
  }
  const names = namesOf<NftLogFlag>(LOG_FLAGS, flags);
  return {
    kind: 'log',
    ...text,
    level: nameOf(LOG_LEVELS, level ?? LOG_LEVELS.warn) as NftLogLevel,
    ...(names.length > 0 && { flags: names }),
  };
}

function readReject(
  { type, code }: AttrValues<typeof EXPRESSIONS.reject>,
  family: NftFamily,
): NftStep {
  const number = code?.[0] ?? 0;
  if (type === 1) return { kind: 'reject', with: 'tcp reset' };
  const kind = type === 2 ? 'icmpx' : icmpOf(family);
  const name = nameOf(REJECT_CODES[kind], number);
  return { kind: 'reject', with: `${kind} ${name}` as NftRejection };
}

/** Where both are possible, the match before says which: it is not known here. */
function icmpOf(family: NftFamily): 'icmp' | 'icmpv6' {
  if (family === 'ip') return 'icmp';
  if (family === 'ip6') return 'icmpv6';
  throw new Unreadable();
}

function over(is: boolean): { over?: true } {
  return is ? { over: true } : {};
}

/** @throws {Unreadable} */
function nameOf(names: Readonly<Record<string, number>>, wanted: number | undefined): string {
  const found = Object.entries(names).find(([, number]) => number === wanted);
  if (found === undefined) throw new Unreadable();
  return found[0];
}

function namesOf<T extends string>(bits: Readonly<Record<T, number>>, set: number): readonly T[] {
  const names = Object.keys(bits) as T[];
  return names.filter((name) => (set & bits[name]) !== 0);
}
