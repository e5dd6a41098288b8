import { NetfilterError } from '../model/errors.js';
import { NFT_FIELDS, type NftFieldRow, nftFieldRow, type NftNeeds } from '../model/nft-fields.js';
import { type NftTypeName, type NftTypeRow, nftTypeRow } from '../model/nft-types.js';
import type { NftFamily, NftKeyPart, NftType } from '../model/nftables.js';

/** A part of a key with everything that its name stands for. */
export interface ResolvedPart {
  readonly type: NftType;
  readonly row: NftTypeRow;
  readonly needs: NftNeeds;
  /** Absent for parts that are computed. */
  readonly field?: NftFieldRow;
  /** Names the part in errors. */
  readonly where: string;
}

/** @throws {NetfilterError} `NETFILTER_VALUE` for names that are no fields */
export function resolvePart(part: NftKeyPart, family: NftFamily): ResolvedPart {
  if (typeof part === 'string') {
    const name = fieldName(part, family);
    const field = nftFieldRow(name);
    if (field === undefined) throw unknownField(part);
    const { type, needs = {} } = field;
    return { type, row: nftTypeRow(type), needs, field, where: name };
  }
  if ('random' in part) return computed('host32', 'random');
  if ('hash' in part) {
    const needs = part.hash.reduce<NftNeeds>(
      (all, name) => ({ ...all, ...resolvePart(name, family).needs }),
      {},
    );
    return { ...computed('host32', 'hash'), needs };
  }
  if ('fib' in part) {
    const type = FIB_TYPES[part.fib];
    if (type !== undefined) return computed(type, `fib ${part.fib}`);
    throw bad(`fib "${part.fib}": must be one of ${Object.keys(FIB_TYPES).join(', ')}`);
  }
  if ('base' in part) {
    const type: NftType = RAW_TYPES[part.bytes] ?? `type 0, ${part.bytes} bytes`;
    const known = RAW_TYPES[part.bytes];
    const row: NftTypeRow =
      known === undefined ? { id: 0, bytes: part.bytes, form: 'hex' } : nftTypeRow(known);
    return { type, row, needs: {}, where: `${part.base} header` };
  }
  throw bad(`part ${JSON.stringify(part)} of a key: must be a field, random, hash, fib or base`);
}

/** The short names stand for the family's own fields. */
export function fieldName(part: string, family: NftFamily): string {
  switch (part) {
    case 'protocol':
      return 'meta l4proto';
    case 'destination-port':
      return 'th dport';
    case 'source':
    case 'destination': {
      const name = part === 'source' ? 'saddr' : 'daddr';
      if (family === 'ip' || family === 'ip6') return `${family} ${name}`;
      throw bad(`field "${part}": use "ip ${name}" or "ip6 ${name}" in family ${family}`);
    }
    default:
      return part;
  }
}

const FIB_TYPES: Readonly<Record<string, NftTypeName>> = {
  type: 'fib_addrtype',
  oif: 'iface_index',
  oifname: 'ifname',
  exists: 'boolean',
};

const RAW_TYPES: Readonly<Record<number, NftTypeName>> = {
  1: 'integer8',
  2: 'integer16',
  4: 'integer32',
  8: 'integer64',
};

function computed(type: NftTypeName, where: string): ResolvedPart {
  return { type, row: nftTypeRow(type), needs: {}, where };
}

/** Names the fields that begin alike: the whole list is long. */
function unknownField(part: string): NetfilterError {
  const names = Object.keys(NFT_FIELDS);
  const [first = ''] = part.split(' ');
  const alike = names.filter((name) => name.startsWith(`${first} `));
  return bad(`field "${part}": must be one of ${(alike.length === 0 ? names : alike).join(', ')}`);
}

function bad(message: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${message}`);
}
