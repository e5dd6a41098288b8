import {
  type AttrTable,
  type AttrValues,
  cString,
  encodeAttrs,
  u8,
  u16be,
} from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import { statefulOf } from '../model/nft-stateful.js';
import type {
  NftChain,
  NftFamily,
  NftFlowtable,
  NftHook,
  NftObject,
  NftOperation,
} from '../model/nftables.js';
import type { CHAIN_ATTRS, FLOWTABLE_ATTRS, OBJECT_ATTRS, TABLE_ATTRS } from './nft-attrs.js';
import {
  DEVICE_HOOK_NUMBERS,
  FAMILY_NUMBERS,
  HOOK_NUMBERS,
  INET_INGRESS,
  OBJECT_TYPES,
} from './nft-attrs.js';
import { EXPRESSIONS } from './nft-expressions.js';
import { writeStateful } from './nft-step-write.js';
import { commentData, UDATA } from './nft-udata.js';

/** NFTA_CT_HELPER_*. */
export const HELPER_ATTRS = {
  name: cString(1, 16),
  network: u16be(2),
  protocol: u8(3),
} as const satisfies AttrTable;

const DORMANT = 1;
const POLICIES = { drop: 0, accept: 1 } as const;
const TYPES = ['filter', 'nat', 'route'];

export function tableValues({
  dormant,
  comment,
}: Extract<NftOperation, { op: 'add-table' }>): AttrValues<typeof TABLE_ATTRS> {
  return {
    ...(dormant !== undefined && { flags: dormant ? DORMANT : 0 }),
    ...(comment !== undefined && { userdata: commentData(UDATA.ruleComment, comment) }),
  };
}

export function chainValues(
  { name, base, comment }: NftChain,
  family: NftFamily,
): AttrValues<typeof CHAIN_ATTRS> {
  return {
    name,
    ...(base && {
      hook: {
        number: hookNumber(base, family, name),
        priority: base.priority,
        ...(base.devices?.length === 1 && { device: base.devices[0] }),
        ...(base.devices !== undefined && base.devices.length > 1 && { devices: base.devices }),
      },
      policy: policyOf(base, name),
      type: typeOf(base, name),
    }),
    ...(comment !== undefined && { userdata: commentData(UDATA.ruleComment, comment) }),
  };
}

function policyOf({ policy = 'accept' }: NftHook, chain: string): number {
  if (Object.hasOwn(POLICIES, policy)) return POLICIES[policy];
  throw bad(`chain ${chain}: policy "${policy}": must be accept or drop`);
}

function typeOf({ type }: NftHook, chain: string): string {
  if (TYPES.includes(type)) return type;
  throw bad(`chain ${chain}: type "${type}": must be one of ${TYPES.join(', ')}`);
}

function hookNumber({ hook, devices }: NftHook, family: NftFamily, chain: string): number {
  const isDevice = hook === 'ingress' || hook === 'egress';
  if (isDevice && (devices === undefined || devices.length === 0)) {
    throw bad(`chain ${chain}: hook ${hook}: devices are needed`);
  }
  if (hook === 'ingress' && family === 'inet') return INET_INGRESS;
  const numbers: Readonly<Record<string, number>> = NUMBERS[family];
  if (Object.hasOwn(numbers, hook)) return numbers[hook] as number;
  const known = [...Object.keys(numbers), ...(family === 'inet' ? ['ingress'] : [])];
  throw bad(`chain ${chain}: hook "${hook}": must be one of ${known.join(', ')} in ${family}`);
}

/** @see Linux include/uapi/linux/netfilter.h, netfilter_arp.h */
export const ARP_HOOKS = { input: 0, output: 1 } as const;

const NUMBERS: Readonly<Record<NftFamily, Readonly<Record<string, number>>>> = {
  ip: HOOK_NUMBERS,
  ip6: HOOK_NUMBERS,
  inet: HOOK_NUMBERS,
  bridge: HOOK_NUMBERS,
  arp: ARP_HOOKS,
  netdev: DEVICE_HOOK_NUMBERS,
};

/** Returns the hook's name; undefined for numbers that the family does not have. */
export function hookName(number: number, family: NftFamily): NftHook['hook'] | undefined {
  if (family === 'inet' && number === INET_INGRESS) return 'ingress';
  const found = Object.entries(NUMBERS[family]).find(([, value]) => value === number);
  return found?.[0] as NftHook['hook'] | undefined;
}

export function objectValues(
  object: NftObject,
  family: NftFamily,
): AttrValues<typeof OBJECT_ATTRS> {
  const { name, type, comment } = object;
  if (!Object.hasOwn(OBJECT_TYPES, type)) {
    const known = Object.keys(OBJECT_TYPES).join(', ');
    throw bad(`object ${name}: type "${type}": must be one of ${known}`);
  }
  return {
    name,
    type: OBJECT_TYPES[type],
    data: objectData(object, family),
    ...(comment !== undefined && { userdata: commentData(UDATA.ruleComment, comment) }),
  };
}

function objectData(object: NftObject, family: NftFamily): Buffer {
  if (object.type === 'ct helper') {
    const { helper, protocol, network } = object;
    const numbers = { tcp: 6, udp: 17 } as const;
    const own = family === 'ip' || family === 'ip6' ? family : 'inet';
    return encodeAttrs(HELPER_ATTRS, {
      name: helper,
      network: FAMILY_NUMBERS[network ?? own],
      protocol: numbers[protocol],
    });
  }
  let data: Buffer = Buffer.alloc(0);
  writeStateful((name, values) => {
    data = Buffer.from(encodeAttrs(EXPRESSIONS[name], values));
  }, statefulOf(object));
  return data;
}

export function flowtableValues({
  name,
  priority,
  devices,
}: NftFlowtable): AttrValues<typeof FLOWTABLE_ATTRS> {
  return { name, hook: { number: DEVICE_HOOK_NUMBERS.ingress, priority, devices } };
}

function bad(message: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${message}`);
}
