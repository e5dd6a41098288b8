/** Every table belongs to one of these families; `inet` tables are not covered. */
export type NftFamily = 'ip' | 'ip6';

/**
 * The type of one field of a key or value; `index` is a 32-bit number such as {@link NftKeyPart}
 * `random`.
 */
export type NftType = 'address' | 'protocol' | 'port' | 'index';

/** Text for addresses, the lower-case name for protocols, numbers for other fields. */
export type NftValue = string | number;

export type NftVerdict =
  | Readonly<{ kind: 'accept' | 'drop' | 'return' }>
  /** After a `jump`, the packet comes back when the chain ends; after a `goto` it does not. */
  | Readonly<{ kind: 'jump' | 'goto'; chain: string }>;

/** One part of a packet's key; the key consists of the parts in order. */
export type NftKeyPart =
  | 'source'
  | 'destination'
  | 'protocol'
  | 'destination-port'
  /** A random number from 0 to `below` − 1. */
  | Readonly<{ random: number }>;

/**
 * One step of a rule. A match that fails ends the rule. After an action the next step runs; a
 * verdict ends the rule.
 */
export type NftStep =
  | Readonly<{ kind: 'connection-new' }>
  /** True when the connection's destination was rewritten. */
  | Readonly<{ kind: 'translated' }>
  /** True when any of these bits of the mark is set. */
  | Readonly<{ kind: 'marked'; bits: number }>
  | Readonly<{ kind: 'source' | 'destination'; network: string; negated?: boolean }>
  /** A name that ends in `*` stands for every interface that begins so. */
  | Readonly<{ kind: 'in-interface'; name: string; negated?: boolean }>
  /** True when the address is one of this host's own. */
  | Readonly<{ kind: 'local-source' | 'local-destination' }>
  | Readonly<{ kind: 'protocol'; protocol: string }>
  | Readonly<{ kind: 'in-set'; key: readonly NftKeyPart[]; set: string }>
  /** True with a probability of one in `in`. */
  | Readonly<{ kind: 'chance'; in: number }>
  /** Carries out the map's verdict for the key; continues when the map has none. */
  | Readonly<{ kind: 'verdict-map'; key: readonly NftKeyPart[]; map: string }>
  /** mark = mark OR bits; mark = mark XOR bits. */
  | Readonly<{ kind: 'set-mark' | 'flip-mark'; bits: number }>
  /** Adds the source address to a dynamic set, or restarts its timeout. */
  | Readonly<{ kind: 'remember-source'; set: string }>
  /** Also chooses the source port at random. */
  | Readonly<{ kind: 'masquerade' }>
  | Readonly<{ kind: 'dnat'; address: string; port: number }>
  /** Sends to the address and port that the map holds for the key; continues when it holds none. */
  | Readonly<{ kind: 'dnat-map'; key: readonly NftKeyPart[]; map: string }>
  /** Answers "port unreachable". Not available in prerouting before Linux 5.9. */
  | Readonly<{ kind: 'reject' }>
  | NftVerdict;

export interface NftRule {
  readonly steps: readonly NftStep[];
  /** At most 127 bytes. */
  readonly comment?: string;
}

export interface NftHook {
  readonly type: 'filter' | 'nat';
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
  /** Chains with a lower priority run earlier. */
  readonly priority: number;
}

export interface NftChain {
  /** At most 255 bytes. */
  readonly name: string;
  /** Only for base chains. Their policy is accept. */
  readonly base?: NftHook;
}

/** A set, or a map when `data` is given. */
export interface NftSet {
  readonly name: string;
  readonly key: readonly NftType[];
  readonly data?: 'verdict' | readonly NftType[];
  /**
   * Rules add the elements; each is removed after this time unless a rule adds it again.
   * Milliseconds.
   */
  readonly timeoutMs?: number;
  /** Shown by `nft list`; at most 127 bytes. */
  readonly comment?: string;
}

export interface NftElement {
  readonly key: readonly NftValue[];
  /** The map's value for the key; absent in sets. */
  readonly data?: NftVerdict | readonly NftValue[];
}

/** One change of a table. */
export type NftOperation =
  /** Does nothing when the table exists. */
  | Readonly<{ op: 'add-table' }>
  | Readonly<{ op: 'delete-table' }>
  /** Does nothing when an equal chain exists. */
  | Readonly<{ op: 'add-chain'; chain: NftChain }>
  | Readonly<{ op: 'flush-chain' | 'delete-chain'; chain: string }>
  | Readonly<{ op: 'add-set'; set: NftSet }>
  | Readonly<{ op: 'flush-set' | 'delete-set'; set: string }>
  | Readonly<{ op: 'add-rule'; chain: string; rule: NftRule }>
  | Readonly<{ op: 'add-elements' | 'delete-elements'; set: NftSet; elements: NftElements }>
  /**
   * When the operations do not fit into one step, readers may see those before this one without
   * those after it.
   */
  | Readonly<{ op: 'may-split' }>;

/** May be generated while being read; is read once. */
export type NftElements = Iterable<NftElement>;

/** Identifies a table. */
export interface NftTableName {
  readonly family: NftFamily;
  readonly name: string;
}

/** Names of what is in a table. */
export interface NftInventory {
  readonly chains: readonly NftChain[];
  readonly sets: readonly string[];
}

/** Protocol numbers by name, the same in both families. @see RFC 5237 registry */
export const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

/** Returns one text per key, for comparing and for looking up. */
export function nftKeyText(key: readonly NftValue[]): string {
  return key.join(' . ');
}

export function nftDataText(data: NftElement['data']): string {
  if (data === undefined) return '';
  if (!('kind' in data)) return data.join(' . ');
  return 'chain' in data ? `${data.kind} ${data.chain}` : data.kind;
}
