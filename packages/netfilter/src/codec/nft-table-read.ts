import { decodeAttrs, splitAttrs } from '@nodeagent/netlink-codec';

import type {
  NftChain,
  NftFamily,
  NftFlowtable,
  NftListedRule,
  NftObject,
} from '../model/nftables.js';
import {
  CHAIN_ATTRS,
  FAMILY_NUMBERS,
  FLOWTABLE_ATTRS,
  OBJECT_ATTRS,
  OBJECT_TYPES,
  RULE_ATTRS,
  RULE_EXPRESSIONS,
  TABLE_ATTRS,
} from './nft-attrs.js';
import { HELPER_ATTRS, hookName } from './nft-object-write.js';
import { type ReadOptions, readSteps } from './nft-rule-read.js';
import { readStateful } from './nft-statement-read.js';
import { readComment, UDATA } from './nft-udata.js';

/** A table as the kernel describes it. */
export interface ReadTable {
  readonly family: NftFamily;
  readonly name: string;
  readonly handle: number;
  readonly isDormant: boolean;
  readonly comment?: string;
}

const FAMILIES = new Map<number, NftFamily>(
  Object.entries(FAMILY_NUMBERS).map(([name, number]) => [number, name as NftFamily]),
);

/** @returns undefined for families that are not known */
export function familyOf(number: number | undefined): NftFamily | undefined {
  return FAMILIES.get(number ?? -1);
}

export function readTable(attributes: Buffer, family: NftFamily): ReadTable {
  const { name = '', flags = 0, handle = 0n, userdata } = decodeAttrs(TABLE_ATTRS, attributes);
  const comment = readComment(userdata, UDATA.ruleComment);
  const more = comment === undefined ? {} : { comment };
  return { family, name, handle: Number(handle), isDormant: (flags & 1) !== 0, ...more };
}

/** Reads a chain; undefined for hooks that the family does not have. */
export function readChain(
  attributes: Buffer,
  family: NftFamily,
): Readonly<{ table: string; handle: number; chain: NftChain }> {
  const values = decodeAttrs(CHAIN_ATTRS, attributes);
  const { table = '', name = '', hook, type, policy, handle = 0n, userdata } = values;
  const comment = readComment(userdata, UDATA.ruleComment);
  const note = comment === undefined ? {} : { comment };
  const at = { table, handle: Number(handle) };
  const named = hook === undefined ? undefined : hookName(hook.number ?? -1, family);
  if (hook === undefined || named === undefined) return { ...at, chain: { name, ...note } };
  const devices = hook.devices ?? (hook.device === undefined ? undefined : [hook.device]);
  const base = {
    type: type === 'nat' || type === 'route' ? type : 'filter',
    hook: named,
    priority: hook.priority ?? 0,
    policy: policy === 0 ? 'drop' : 'accept',
    ...(devices !== undefined && { devices }),
  } as const;
  return { ...at, chain: { name, base, ...note } };
}

export function readRule(
  attributes: Buffer,
  options: ReadOptions,
): Readonly<{ table: string; chain: string; rule: NftListedRule & { handle: number } }> {
  const { table = '', chain = '', handle = 0n, userdata } = decodeAttrs(RULE_ATTRS, attributes);
  let expressions = Buffer.alloc(0);
  for (const { id, payload } of splitAttrs(attributes)) {
    if (id === RULE_EXPRESSIONS) expressions = payload as Buffer<ArrayBuffer>;
  }
  const comment = readComment(userdata, UDATA.ruleComment);
  const note = comment === undefined ? {} : { comment };
  const steps = readSteps(expressions, options);
  return { table, chain, rule: { steps, handle: Number(handle), ...note } };
}

/** @returns undefined for objects of types that the model does not know */
export function readObject(
  attributes: Buffer,
): Readonly<{ table: string; object: NftObject }> | undefined {
  const values = decodeAttrs(OBJECT_ATTRS, attributes);
  const { table = '', name = '', type, data, userdata } = values;
  const kind = Object.entries(OBJECT_TYPES).find(([, number]) => number === type)?.[0];
  if (kind === undefined) return undefined;
  const comment = readComment(userdata, UDATA.ruleComment);
  const head = { name, ...(comment !== undefined && { comment }) };
  const bytes = Buffer.from(data ?? []);
  if (kind === 'ct helper') {
    const { name: helper = '', network, protocol } = decodeAttrs(HELPER_ATTRS, bytes);
    const own = familyOf(network);
    return {
      table,
      object: {
        ...head,
        type: kind,
        helper,
        protocol: protocol === 17 ? 'udp' : 'tcp',
        network: own === 'ip' || own === 'ip6' ? own : 'inet',
      },
    };
  }
  const { kind: state, ...rest } = readStateful({ name: kind, data: bytes });
  return { table, object: { ...head, type: state, ...rest } as NftObject };
}

export function readFlowtable(
  attributes: Buffer,
): Readonly<{ table: string; flowtable: NftFlowtable }> {
  const { table = '', name = '', hook } = decodeAttrs(FLOWTABLE_ATTRS, attributes);
  const { priority = 0, devices = [] } = hook ?? {};
  return { table, flowtable: { name, priority, devices } };
}
