import {
  type AttrTable,
  bytes,
  cString,
  i32be,
  listOf,
  nested,
  u32be,
  u64be,
} from '@nodeagent/netlink-codec';

/**
 * Message numbers within the nf_tables subsystem.
 *
 * @see Linux include/uapi/linux/netfilter/nf_tables.h, enum nf_tables_msg_types
 */
export const NFT_MSG = {
  newTable: 0,
  getTable: 1,
  deleteTable: 2,
  newChain: 3,
  getChain: 4,
  deleteChain: 5,
  newRule: 6,
  deleteRule: 8,
  newSet: 9,
  getSet: 10,
  deleteSet: 11,
  newElements: 12,
  getElements: 13,
  deleteElements: 14,
  newGeneration: 15,
  getGeneration: 16,
} as const;

/** NFNL_SUBSYS_NFTABLES and the frame of a batch. @see Linux linux/netfilter/nfnetlink.h */
export const NFNL = {
  subsystem: 10,
  batchBegin: 0x10,
  batchEnd: 0x11,
  /** Multicast group that announces changes of tables. */
  group: 7,
} as const;

/** NFPROTO_*, the first byte after the netlink header. */
export const FAMILY_NUMBERS = { ip: 2, ip6: 10 } as const;

export const SET_FLAGS = { map: 8, timeout: 0x10, dynamic: 0x20 } as const;

/** NFT_CONTINUE and so on; jump, goto and return are NFT_JUMP, NFT_GOTO, NFT_RETURN. */
export const VERDICT_CODES = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const;

/** Type of a verdict map's values. */
export const VERDICT_TYPE = 0xffffff00;

export const HOOK_NUMBERS = {
  prerouting: 0,
  input: 1,
  forward: 2,
  output: 3,
  postrouting: 4,
} as const;

export const BATCH_ATTRS = { generation: u32be(1) } as const satisfies AttrTable;

export const GENERATION_ATTRS = { id: u32be(1), processId: u32be(2) } as const satisfies AttrTable;

export const TABLE_ATTRS = {
  name: cString(1),
  flags: u32be(2),
  use: u32be(3),
  userdata: bytes(6),
} as const satisfies AttrTable;

export const CHAIN_ATTRS = {
  table: cString(1),
  name: cString(3, 256),
  hook: nested(4, { number: u32be(1), priority: i32be(2) } as const),
  policy: u32be(5),
  type: cString(7),
} as const satisfies AttrTable;

const VERDICT_ATTRS = { code: i32be(1), chain: cString(2, 256) } as const satisfies AttrTable;

/** NFTA_DATA_*. */
export const DATA_ATTRS = {
  value: bytes(1),
  verdict: nested(2, VERDICT_ATTRS),
} as const satisfies AttrTable;

export const RULE_ATTRS = {
  table: cString(1),
  chain: cString(2, 256),
  userdata: bytes(7),
} as const satisfies AttrTable;

/** NFTA_RULE_EXPRESSIONS and the list items in it; the contents depend on the expression. */
export const RULE_EXPRESSIONS = 4;
export const LIST_ITEM = 1;
export const EXPRESSION_NAME = cString(1);
export const EXPRESSION_DATA = 2;

export const SET_ATTRS = {
  table: cString(1),
  name: cString(2, 256),
  flags: u32be(3),
  keyType: u32be(4),
  keySize: u32be(5),
  dataType: u32be(6),
  dataSize: u32be(7),
  id: u32be(10),
  timeoutMs: u64be(11),
  userdata: bytes(13),
} as const satisfies AttrTable;

/**
 * One element as a reader sees it; {@link ELEMENT_IDS} holds the same numbers for the fast writer.
 */
export const ELEMENT_ATTRS = {
  key: nested(1, DATA_ATTRS),
  data: nested(2, DATA_ATTRS),
  flags: u32be(3),
} as const satisfies AttrTable;

export const ELEMENT_LIST_ATTRS = {
  table: cString(1),
  set: cString(2, 256),
  elements: listOf(3, nested(LIST_ITEM, ELEMENT_ATTRS)),
} as const satisfies AttrTable;

export const ELEMENT_LIST_IDS = { elements: 3 } as const;

/** Expressions by their kernel names. @see Linux include/uapi/linux/netfilter/nf_tables.h */
export const EXPRESSIONS = {
  immediate: { register: u32be(1), data: nested(2, DATA_ATTRS) },
  cmp: { register: u32be(1), operator: u32be(2), data: nested(3, DATA_ATTRS) },
  bitwise: {
    source: u32be(1),
    register: u32be(2),
    size: u32be(3),
    mask: nested(4, DATA_ATTRS),
    xor: nested(5, DATA_ATTRS),
  },
  payload: { register: u32be(1), base: u32be(2), offset: u32be(3), size: u32be(4) },
  meta: { register: u32be(1), key: u32be(2), source: u32be(3) },
  ct: { register: u32be(1), key: u32be(2) },
  lookup: { set: cString(1, 256), source: u32be(2), register: u32be(3) },
  nat: {
    type: u32be(1),
    family: u32be(2),
    address: u32be(3),
    port: u32be(5),
    flags: u32be(7),
  },
  masq: { flags: u32be(1) },
  reject: { type: u32be(1), code: bytes(2) },
  numgen: { register: u32be(1), modulus: u32be(2), type: u32be(3), offset: u32be(4) },
  fib: { register: u32be(1), result: u32be(2), flags: u32be(3) },
  dynset: { set: cString(1, 256), operation: u32be(3), key: u32be(4) },
} as const satisfies Readonly<Record<string, AttrTable>>;
