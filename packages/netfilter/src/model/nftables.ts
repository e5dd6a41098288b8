/** One table belongs to one of these; `inet` tables are not covered. */
export type NftFamily = 'ip' | 'ip6';

/** What a key or a value consists of; `index` is a 32-bit number such as {@link NftKeyPart} `random`. */
export type NftType = 'address' | 'protocol' | 'port' | 'index';

/** Text for addresses, the lower-case name for protocols, numbers for the rest. */
export type NftValue = string | number;

export type NftVerdict =
  | Readonly<{ kind: 'accept' | 'drop' | 'return' }>
  /** `jump` comes back when the chain ends, `goto` does not. */
  | Readonly<{ kind: 'jump' | 'goto'; chain: string }>;

/** What a packet's key is put together from, in order. */
export type NftKeyPart =
  | 'source'
  | 'destination'
  | 'protocol'
  | 'destination-port'
  /** A number from 0 to `below` − 1, by chance. */
  | Readonly<{ random: number }>;

/**
 * One step of a rule. A step that does not match ends the rule; steps that act go on to the next,
 * verdicts end it.
 */
export type NftStep =
  | Readonly<{ kind: 'connection-new' }>
  /** The connection's destination was rewritten. */
  | Readonly<{ kind: 'translated' }>
  /** Any of these bits of the mark is set. */
  | Readonly<{ kind: 'marked'; bits: number }>
  | Readonly<{ kind: 'source' | 'destination'; network: string; negated?: boolean }>
  /** A name that ends in `*` stands for every interface that begins so. */
  | Readonly<{ kind: 'in-interface'; name: string; negated?: boolean }>
  /** The address is one of this host's own. */
  | Readonly<{ kind: 'local-source' | 'local-destination' }>
  | Readonly<{ kind: 'protocol'; protocol: string }>
  | Readonly<{ kind: 'in-set'; key: readonly NftKeyPart[]; set: string }>
  /** One chance in `in`. */
  | Readonly<{ kind: 'chance'; in: number }>
  /** Does what the map says for the key; goes on when it says nothing. */
  | Readonly<{ kind: 'verdict-map'; key: readonly NftKeyPart[]; map: string }>
  /** mark = mark OR bits; mark = mark XOR bits. */
  | Readonly<{ kind: 'set-mark' | 'flip-mark'; bits: number }>
  /** Puts the source address into a dynamic set, or makes it young again. */
  | Readonly<{ kind: 'remember-source'; set: string }>
  /** The source port is chosen at random, too. */
  | Readonly<{ kind: 'masquerade' }>
  | Readonly<{ kind: 'dnat'; address: string; port: number }>
  /** To the address and port that the map holds for the key; goes on when it holds none. */
  | Readonly<{ kind: 'dnat-map'; key: readonly NftKeyPart[]; map: string }>
  /** Answers "port unreachable". Not in prerouting before Linux 5.9. */
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
  /** Lower runs earlier. */
  readonly priority: number;
}

export interface NftChain {
  /** At most 255 bytes. */
  readonly name: string;
  /** Base chains only. Their policy is accept. */
  readonly base?: NftHook;
}

/** A set, or with `data` a map. */
export interface NftSet {
  readonly name: string;
  readonly key: readonly NftType[];
  readonly data?: 'verdict' | readonly NftType[];
  /** Rules add elements; each goes after this time without a new one. Milliseconds. */
  readonly timeoutMs?: number;
  /** Shown by `nft list`; at most 127 bytes. */
  readonly comment?: string;
}

export interface NftElement {
  readonly key: readonly NftValue[];
  /** What the map holds for it; absent in sets. */
  readonly data?: NftVerdict | readonly NftValue[];
}

/** One change of a table. */
export type NftOperation =
  /** Does nothing when it exists. */
  | Readonly<{ op: 'add-table' }>
  | Readonly<{ op: 'delete-table' }>
  /** Does nothing when an equal one exists. */
  | Readonly<{ op: 'add-chain'; chain: NftChain }>
  | Readonly<{ op: 'flush-chain' | 'delete-chain'; chain: string }>
  | Readonly<{ op: 'add-set'; set: NftSet }>
  | Readonly<{ op: 'flush-set' | 'delete-set'; set: string }>
  | Readonly<{ op: 'add-rule'; chain: string; rule: NftRule }>
  | Readonly<{ op: 'add-elements' | 'delete-elements'; set: NftSet; elements: NftElements }>
  /** What comes before may be visible without what comes after, should all not fit into one step. */
  | Readonly<{ op: 'may-split' }>;

/** May be made while they are read; is read once. */
export type NftElements = Iterable<NftElement>;

/** Which table is meant. */
export interface NftTableName {
  readonly family: NftFamily;
  readonly name: string;
}

/** Names of what is in a table. */
export interface NftInventory {
  readonly chains: readonly NftChain[];
  readonly sets: readonly string[];
}

/** IPv4 inside `ip` tables and so on: protocol numbers by name. @see RFC 5237 registry */
export const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

/** One text per key, for comparing and for looking up. */
export function nftKeyText(key: readonly NftValue[]): string {
  return key.join(' . ');
}

export function nftDataText(data: NftElement['data']): string {
  if (data === undefined) return '';
  if (!('kind' in data)) return data.join(' . ');
  return 'chain' in data ? `${data.kind} ${data.chain}` : data.kind;
}
