import {
  type AttrTable,
  bytes,
  cString,
  listOf,
  nested,
  u8,
  u16be,
  u32be,
  u64be,
} from '@nodeagent/netlink-codec';

import { DATA_ATTRS } from './nft-attrs.js';

/** Expressions by their kernel names. @see Linux include/uapi/linux/netfilter/nf_tables.h */
export const EXPRESSIONS = {
  immediate: { register: u32be(1), data: nested(2, DATA_ATTRS) },
  cmp: { register: u32be(1), operator: u32be(2), data: nested(3, DATA_ATTRS) },
  range: {
    source: u32be(1),
    operator: u32be(2),
    from: nested(3, DATA_ATTRS),
    to: nested(4, DATA_ATTRS),
  },
  bitwise: {
    source: u32be(1),
    register: u32be(2),
    size: u32be(3),
    mask: nested(4, DATA_ATTRS),
    xor: nested(5, DATA_ATTRS),
    operator: u32be(6),
  },
  byteorder: {
    source: u32be(1),
    register: u32be(2),
    operator: u32be(3),
    length: u32be(4),
    size: u32be(5),
  },
  payload: {
    register: u32be(1),
    base: u32be(2),
    offset: u32be(3),
    size: u32be(4),
    source: u32be(5),
    checksumType: u32be(6),
    checksumOffset: u32be(7),
    checksumFlags: u32be(8),
  },
  meta: { register: u32be(1), key: u32be(2), source: u32be(3) },
  ct: { register: u32be(1), key: u32be(2), direction: u8(3), source: u32be(4) },
  rt: { register: u32be(1), key: u32be(2) },
  socket: { key: u32be(1), register: u32be(2), level: u32be(3) },
  lookup: {
    set: cString(1, 256),
    source: u32be(2),
    register: u32be(3),
    setId: u32be(4),
    flags: u32be(5),
  },
  nat: {
    type: u32be(1),
    family: u32be(2),
    address: u32be(3),
    addressEnd: u32be(4),
    port: u32be(5),
    portEnd: u32be(6),
    flags: u32be(7),
  },
  masq: { flags: u32be(1), port: u32be(2), portEnd: u32be(3) },
  redir: { port: u32be(1), portEnd: u32be(2), flags: u32be(3) },
  reject: { type: u32be(1), code: bytes(2) },
  numgen: { register: u32be(1), modulus: u32be(2), type: u32be(3), offset: u32be(4) },
  hash: {
    source: u32be(1),
    register: u32be(2),
    length: u32be(3),
    modulus: u32be(4),
    seed: u32be(5),
    offset: u32be(6),
    type: u32be(7),
  },
  fib: { register: u32be(1), result: u32be(2), flags: u32be(3) },
  dynset: {
    set: cString(1, 256),
    setId: u32be(2),
    operation: u32be(3),
    key: u32be(4),
    data: u32be(5),
    timeoutMs: u64be(6),
    expression: bytes(7),
    flags: u32be(9),
    expressions: listOf(10, bytes(1)),
  },
  counter: { bytes: u64be(1), packets: u64be(2) },
  quota: { bytes: u64be(1), flags: u32be(2), used: u64be(4) },
  limit: { rate: u64be(1), unit: u64be(2), burst: u32be(3), type: u32be(4), flags: u32be(5) },
  connlimit: { count: u32be(1), flags: u32be(2) },
  log: {
    group: u16be(1),
    prefix: cString(2, 128),
    snaplen: u32be(3),
    queueThreshold: u16be(4),
    level: u32be(5),
    flags: u32be(6),
  },
  queue: { first: u16be(1), count: u16be(2), flags: u16be(3), source: u32be(4) },
  notrack: {},
  objref: { type: u32be(1), name: cString(2, 256), source: u32be(3), set: cString(4, 256) },
  flow_offload: { table: cString(1, 256) },
} as const satisfies Readonly<Record<string, AttrTable>>;

/**
 * The attributes that the rules of large tables need: writing looks at every attribute of a table.
 */
export const SHORT_EXPRESSIONS = {
  payload: { register: u32be(1), base: u32be(2), offset: u32be(3), size: u32be(4) },
  lookup: { set: cString(1, 256), source: u32be(2), register: u32be(3) },
  nat: { type: u32be(1), family: u32be(2), address: u32be(3), port: u32be(5) },
} as const satisfies Readonly<Record<string, AttrTable>>;

export type ExpressionName = keyof typeof EXPRESSIONS;

/** Keys of `payload`, NFT_PAYLOAD_*. */
export const BASES = { link: 0, network: 1, transport: 2, inner: 3 } as const;

/** NFT_CMP_*. */
export const CMP = { '==': 0, '!=': 1, '<': 2, '<=': 3, '>': 4, '>=': 5 } as const;

/** NFTA_FIB_F_*, NFT_FIB_RESULT_*. */
export const FIB_BY = { saddr: 1, daddr: 2, mark: 4, iif: 8, oif: 16 } as const;
export const FIB_PRESENT = 32;
export const FIB_RESULTS = { oif: 1, oifname: 2, type: 3 } as const;

/** NF_NAT_RANGE_*. */
export const NAT_FLAGS = { random: 4, 'fully-random': 0x10, persistent: 8 } as const;
export const NAT_PORT_GIVEN = 2;
export const NAT_TYPES = { snat: 0, dnat: 1 } as const;

/** Seconds. */
export const RATE_UNITS = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 604_800,
} as const;

/** NFT_LOGLEVEL_*, NF_LOG_*. */
export const LOG_LEVELS = {
  emerg: 0,
  alert: 1,
  crit: 2,
  err: 3,
  warn: 4,
  notice: 5,
  info: 6,
  debug: 7,
  audit: 8,
} as const;
export const LOG_FLAGS = {
  'tcp sequence': 1,
  'tcp options': 2,
  'ip options': 4,
  skuid: 8,
  ether: 0x20,
} as const;

/** NFT_REJECT_*, with the codes of ICMP, ICMPv6 and of the kernel's own for both. */
export const REJECT_TYPES = { icmp: 0, icmpv6: 0, 'tcp reset': 1, icmpx: 2 } as const;
export const REJECT_CODES: Readonly<
  Record<'icmp' | 'icmpv6' | 'icmpx', Readonly<Record<string, number>>>
> = {
  icmp: {
    'net-unreachable': 0,
    'host-unreachable': 1,
    'prot-unreachable': 2,
    'port-unreachable': 3,
    'net-prohibited': 9,
    'host-prohibited': 10,
    'admin-prohibited': 13,
  },
  icmpv6: {
    'no-route': 0,
    'admin-prohibited': 1,
    'addr-unreachable': 3,
    'port-unreachable': 4,
    'policy-fail': 5,
    'reject-route': 6,
  },
  icmpx: { 'no-route': 0, 'port-unreachable': 1, 'host-unreachable': 2, 'admin-prohibited': 3 },
};

/** NFT_DYNSET_OP_*. */
export const DYNSET_OPS = { add: 0, update: 1, delete: 2 } as const;

/** NFT_QUEUE_FLAG_*. */
export const QUEUE_FLAGS = { bypass: 1, fanout: 2 } as const;
