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
  getRule: 7,
  deleteRule: 8,
  newSet: 9,
  getSet: 10,
  deleteSet: 11,
  newElements: 12,
  getElements: 13,
  deleteElements: 14,
  newGeneration: 15,
  getGeneration: 16,
  newObject: 18,
  getObject: 19,
  deleteObject: 20,
  newFlowtable: 22,
  getFlowtable: 23,
  deleteFlowtable: 24,
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
export const FAMILY_NUMBERS = { ip: 2, ip6: 10, inet: 1, arp: 3, netdev: 5, bridge: 7 } as const;

export const SET_FLAGS = {
  anonymous: 1,
  constant: 2,
  interval: 4,
  map: 8,
  timeout: 0x10,
  dynamic: 0x20,
  object: 0x40,
  concatenation: 0x80,
} as const;

/** NF_DROP and so on; the negative ones are NFT_CONTINUE, NFT_JUMP, NFT_GOTO, NFT_RETURN. */
export const VERDICT_CODES = { drop: 0, accept: 1, jump: -3, goto: -4, return: -5 } as const;
export const CONTINUE_CODE = -1;

/** Type of a verdict map's values. */
export const VERDICT_TYPE = 0xffffff00;

export const HOOK_NUMBERS = {
  prerouting: 0,
  input: 1,
  forward: 2,
  output: 3,
  postrouting: 4,
} as const;

/** Hooks of network devices; in family `inet`, ingress is number 5. */
export const DEVICE_HOOK_NUMBERS = { ingress: 0, egress: 1 } as const;
export const INET_INGRESS = 5;

export const BATCH_ATTRS = { generation: u32be(1) } as const satisfies AttrTable;

export const GENERATION_ATTRS = {
  id: u32be(1),
  processId: u32be(2),
  processName: cString(3),
} as const satisfies AttrTable;

export const TABLE_ATTRS = {
  name: cString(1),
  flags: u32be(2),
  use: u32be(3),
  handle: u64be(4),
  userdata: bytes(6),
} as const satisfies AttrTable;

const HOOK_ATTRS = {
  number: u32be(1),
  priority: i32be(2),
  device: cString(3, 16),
  devices: listOf(4, cString(1, 16)),
} as const satisfies AttrTable;

export const CHAIN_ATTRS = {
  table: cString(1),
  handle: u64be(2),
  name: cString(3, 256),
  hook: nested(4, HOOK_ATTRS),
  policy: u32be(5),
  type: cString(7),
  flags: u32be(10),
  userdata: bytes(12),
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
  handle: u64be(3),
  position: u64be(6),
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
  /** `concat` holds the size of each part, which only sets with intervals need. */
  desc: nested(9, {
    size: u32be(1),
    concat: listOf(2, nested(LIST_ITEM, { bytes: u32be(1) } as const)),
  } as const),
  id: u32be(10),
  timeoutMs: u64be(11),
  userdata: bytes(13),
  objectType: u32be(15),
  handle: u64be(16),
  /** One expression, and more than one. */
  expression: bytes(17),
  expressions: listOf(18, bytes(LIST_ITEM)),
} as const satisfies AttrTable;

/** NFT_SET_ELEM_INTERVAL_END, NFT_SET_ELEM_CATCHALL. */
export const ELEMENT_FLAGS = { intervalEnd: 1, catchAll: 2 } as const;

/**
 * One element as a reader sees it; {@link ELEMENT_IDS} holds the same numbers for the fast writer.
 */
export const ELEMENT_ATTRS = {
  key: nested(1, DATA_ATTRS),
  data: nested(2, DATA_ATTRS),
  flags: u32be(3),
  timeoutMs: u64be(4),
  expirationMs: u64be(5),
  userdata: bytes(6),
  object: cString(9, 256),
  keyEnd: nested(10, DATA_ATTRS),
} as const satisfies AttrTable;

export const ELEMENT_IDS = {
  key: 1,
  data: 2,
  flags: 3,
  timeoutMs: 4,
  userdata: 6,
  object: 9,
  keyEnd: 10,
} as const;

export const ELEMENT_LIST_ATTRS = {
  table: cString(1),
  set: cString(2, 256),
  elements: listOf(3, nested(LIST_ITEM, ELEMENT_ATTRS)),
  setId: u32be(4),
} as const satisfies AttrTable;

export const ELEMENT_LIST_IDS = { elements: 3 } as const;

/** NFT_OBJECT_*. */
export const OBJECT_TYPES = { counter: 1, quota: 2, 'ct helper': 3, limit: 4 } as const;

export const OBJECT_ATTRS = {
  table: cString(1),
  name: cString(2, 256),
  type: u32be(3),
  data: bytes(4),
  handle: u64be(6),
  userdata: bytes(8),
} as const satisfies AttrTable;

export const FLOWTABLE_ATTRS = {
  table: cString(1),
  name: cString(2, 256),
  hook: nested(3, {
    number: u32be(1),
    priority: i32be(2),
    devices: listOf(3, cString(1, 16)),
  } as const),
  handle: u64be(5),
} as const satisfies AttrTable;
