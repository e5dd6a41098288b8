import type { NftField } from './nft-fields.js';
import type { NftElement, NftKeyPart, NftValue } from './nft-values.js';

/**
 * Values are written as `nft` prints them: `'10.0.0.0/8'`, `'1024-65535'`, `'established,related'`,
 * `'echo-request'`; numbers may be numbers. A name that ends in `*` stands for all that begin so.
 */
export type NftOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | '!';

/**
 * Compares a part of the packet with a value, a list or a set. Exactly one of `value`, `anyOf` and
 * `set` is given. The protocol without which the field means
 * nothing, for example TCP for a TCP port, is matched first without being asked for.
 */
export interface NftMatch {
  readonly kind: 'match';
  /** Several parts make a concatenation, which only lists and sets hold. */
  readonly field: NftKeyPart | readonly NftKeyPart[];
  /** Only these bits are compared, with `==` or `!=`. */
  readonly mask?: NftValue;
  /**
   * `==` when absent; for fields that hold bits, such as `ct state`: any of the bits. `!`: none of
   * the bits. Lists and sets take `==` and `!=`.
   */
  readonly op?: NftOperator;
  readonly value?: NftValue;
  readonly anyOf?: readonly (NftValue | readonly NftValue[])[];
  /** The name of a set in the same table. */
  readonly set?: string;
}

/** Values found by a key: the name of a map in the same table, or the map's elements. */
export type NftMapRef = string | readonly NftElement[];

/** Fields that rules can write. The others can only be read. */
export type NftWritable = Extract<
  NftField,
  | 'meta mark'
  | 'meta pkttype'
  | 'meta nftrace'
  | 'ct mark'
  | 'ct zone'
  | `ip ${string}`
  | `ip6 ${string}`
  | `${'tcp' | 'udp' | 'th'} ${'sport' | 'dport'}`
  | `ether ${string}`
>;

/** Writes a field: one of `value`, `from`, and `key` with `map`. */
export interface NftSetField {
  readonly kind: 'set';
  readonly field: NftWritable;
  readonly value?: NftValue;
  /** Copies another field: (field AND `mask`) XOR `xor`. */
  readonly from?: NftField;
  readonly mask?: number;
  readonly xor?: number;
  readonly key?: readonly NftKeyPart[];
  readonly map?: NftMapRef;
}

/**
 * How a port is chosen for a translated connection; `persistent` gives a client the same address
 * each time.
 */
export type NftNatFlag = 'random' | 'fully-random' | 'persistent';

/** A port, or a range of ports: `'1024-65535'`. */
export type NftPorts = number | string;

export type NftRateUnit = 'second' | 'minute' | 'hour' | 'day' | 'week';

/** True for as long as the rate is not exceeded, or with `over` once it is. */
export interface NftLimit {
  readonly kind: 'limit';
  /** Packets or bytes per time. */
  readonly rate: number;
  readonly per: NftRateUnit;
  /** `packets` when absent. */
  readonly unit?: 'packets' | 'bytes';
  /** Packets or bytes at once; 5 packets or no bytes when absent. */
  readonly burst?: number;
  readonly over?: boolean;
}

/** True until so many bytes have passed, or with `over` after them. */
export interface NftQuota {
  readonly kind: 'quota';
  readonly bytes: number;
  readonly over?: boolean;
  /** Bytes that have passed so far. */
  readonly used?: number;
}

/** Counts packets; with a name, in a counter of the table. */
export interface NftCounter {
  readonly kind: 'counter';
  readonly packets?: number;
  readonly bytes?: number;
}

/** True while the connection's key has at most so many connections, or with `over` beyond them. */
export interface NftConnectionLimit {
  readonly kind: 'connection-limit';
  readonly count: number;
  readonly over?: boolean;
}

/** A step that the kernel keeps a state for: also within {@link NftUpdateSet} and sets. */
export type NftStateful = NftCounter | NftLimit | NftQuota | NftConnectionLimit;

export type NftLogLevel =
  'emerg' | 'alert' | 'crit' | 'err' | 'warn' | 'notice' | 'info' | 'debug' | 'audit';

export type NftLogFlag = 'tcp sequence' | 'tcp options' | 'ip options' | 'skuid' | 'ether';

/** Logs the packet; to a group of NFLOG, or with a level to the kernel's log. */
export interface NftLog {
  readonly kind: 'log';
  /** At most 127 bytes. */
  readonly prefix?: string;
  /** 0 to 65,535. Excludes `level` and `flags`. */
  readonly group?: number;
  /** Bytes of the packet that are copied; needs `group`. */
  readonly snaplen?: number;
  /** Packets that are collected before they are sent; needs `group`. */
  readonly queueThreshold?: number;
  /** `warn` when absent. */
  readonly level?: NftLogLevel;
  readonly flags?: readonly NftLogFlag[];
}

/** Adds, refreshes or removes the packet's key in a dynamic set. */
export interface NftUpdateSet {
  readonly kind: 'update-set';
  readonly op: 'add' | 'update' | 'delete';
  readonly set: string;
  readonly key: readonly NftKeyPart[];
  /** Milliseconds; the set's own when absent. */
  readonly timeoutMs?: number;
  /** A state for each element: `limit` makes a rate limit for each client. */
  readonly each?: readonly NftStateful[];
}

/** Kinds of named objects that rules refer to. */
export type NftObjectType = 'counter' | 'quota' | 'limit' | 'ct helper';

/** The steps beyond the short ones of {@link NftStep}. */
export type NftGeneralStep =
  | NftMatch
  | NftSetField
  | NftStateful
  | NftLog
  | NftUpdateSet
  /** Uses a named object of the table. */
  | Readonly<{ kind: 'object'; type: NftObjectType; name: string }>
  /**
   * Rewrites the source: `address` may be a range; without it, only `ports`. In family `inet` the
   * address says which packets.
   */
  | Readonly<{ kind: 'snat'; address?: string; ports?: NftPorts; flags?: readonly NftNatFlag[] }>
  /** Sends from the address and port that the map holds for the key. */
  | Readonly<{ kind: 'snat-map'; key: readonly NftKeyPart[]; map: NftMapRef; only?: 'address' }>
  /** Sends to this host itself. */
  | Readonly<{ kind: 'redirect'; ports?: NftPorts; flags?: readonly NftNatFlag[] }>
  /** Gives packets to a program by NFQUEUE, spread over `count` queues from `first` on. */
  | Readonly<{
      kind: 'queue';
      first: number;
      count?: number;
      flags?: readonly ('bypass' | 'fanout')[];
    }>
  /** Keeps the packet out of connection tracking; only before it, at priority −300. */
  | Readonly<{ kind: 'notrack' }>
  /** Hands the connection over to a flow table. */
  | Readonly<{ kind: 'offload'; flowtable: string }>
  | Readonly<{ kind: 'continue' }>
  /** Text that only the `nft` program takes; netlink refuses it. */
  | Readonly<{ kind: 'text'; text: string }>
  /**
   * One expression word by word: its kernel name and its attributes (the contents of
   * NFTA_EXPR_DATA) in hexadecimal. Only netlink takes it. Listing gives it for what the model does
   * not know.
   */
  | Readonly<{ kind: 'other'; expression: string; data: string }>;
