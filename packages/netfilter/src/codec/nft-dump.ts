import { type AttrValues, decodeAttrs, type NetlinkMessage } from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import type { NftChain, NftElement, NftFamily, NftSet, NftTableName } from '../model/nftables.js';
import {
  CHAIN_ATTRS,
  ELEMENT_LIST_ATTRS,
  FAMILY_NUMBERS,
  GENERATION_ATTRS,
  HOOK_NUMBERS,
  NFT_MSG,
  SET_ATTRS,
  TABLE_ATTRS,
} from './nft-attrs.js';
import { readFields } from './nft-value.js';
import { decodeVerdict } from './nft-verdict.js';

const NFGENMSG = 4;

/** Returns the attributes after struct nfgenmsg. @throws {NetfilterError} `NETFILTER_PARSE` */
export function nftAttributes({ payload }: NetlinkMessage): Buffer {
  if (payload.length < NFGENMSG) {
    throw new NetfilterError('NETFILTER_PARSE', `nf_tables message of ${payload.length} bytes`);
  }
  return payload.subarray(NFGENMSG);
}

/** Returns the message number within the nf_tables subsystem. */
export function nftMessageType({ type }: NetlinkMessage): number {
  return type & 0xff;
}

export function decodeGeneration(message: NetlinkMessage): number | undefined {
  if (nftMessageType(message) !== NFT_MSG.newGeneration) return undefined;
  return decodeAttrs(GENERATION_ATTRS, nftAttributes(message)).id;
}

/**
 * True when a notification is about a change in this table. Attribute 1 names the table in all
 * notifications.
 */
export function concerns(message: NetlinkMessage, { family, name }: NftTableName): boolean {
  if (nftMessageType(message) === NFT_MSG.newGeneration) return false;
  if (message.payload[0] !== FAMILY_NUMBERS[family]) return false;
  return decodeAttrs(TABLE_ATTRS, nftAttributes(message)).name === name;
}

/** Decodes a chain of one table; undefined for chains of other tables. */
export function decodeChain(message: NetlinkMessage, table: string): NftChain | undefined {
  const values = decodeAttrs(CHAIN_ATTRS, nftAttributes(message));
  const { name, hook, type } = values;
  if (values.table !== table || name === undefined) return undefined;
  if (hook === undefined) return { name };
  const known = Object.entries(HOOK_NUMBERS).find(([, number]) => number === hook.number);
  const base = {
    type: type === 'nat' ? 'nat' : 'filter',
    hook: (known?.[0] ?? 'input') as keyof typeof HOOK_NUMBERS,
    priority: hook.priority ?? 0,
  } as const;
  return { name, base };
}

/** Decodes the name of a set of one table; undefined for sets of other tables. */
export function decodeSetName(message: NetlinkMessage, table: string): string | undefined {
  const { table: owner, name } = decodeAttrs(SET_ATTRS, nftAttributes(message));
  return owner === table ? name : undefined;
}

/** Splits one part of a dump of elements. */
export function decodeElementList(
  message: NetlinkMessage,
): NonNullable<AttrValues<typeof ELEMENT_LIST_ATTRS>['elements']> {
  return decodeAttrs(ELEMENT_LIST_ATTRS, nftAttributes(message)).elements ?? [];
}

/** Decodes the elements in one part of a dump. @throws {NetfilterError} `NETFILTER_PARSE` */
export function decodeElements(
  message: NetlinkMessage,
  set: NftSet,
  family: NftFamily,
): readonly NftElement[] {
  const { elements = [] } = decodeAttrs(ELEMENT_LIST_ATTRS, nftAttributes(message));
  return elements.flatMap(({ key, data, object }): NftElement[] => {
    if (key?.value === undefined) return [];
    const keyValues = readFields(set.key, key.value as Buffer, family);
    if (set.data === undefined) return [{ key: keyValues }];
    if (set.data === 'verdict') {
      return [{ key: keyValues, data: decodeVerdict(data?.verdict) }];
    }
    if ('object' in set.data)
      return [{ key: keyValues, data: object === undefined ? [] : [object] }];
    const value = (data?.value ?? Buffer.alloc(0)) as Buffer;
    return [{ key: keyValues, data: readFields(set.data, value, family) }];
  });
}
