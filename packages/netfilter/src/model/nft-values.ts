import type { NftField } from './nft-fields.js';
import type { NftTypeName } from './nft-types.js';

/** Every table belongs to one of these families; `inet` tables see IPv4 and IPv6. */
export type NftFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';

/**
 * The type of one field of a key or value: a name of nftables, or one of four that are the same in
 * both IP families. `address` is the family's own; `index` is a 32-bit number such as
 * {@link NftKeyPart} `random`. Types that this package does not know are listed as their number and
 * size, `type 42, 8 bytes`, with values in hexadecimal.
 */
export type NftType =
  'address' | 'protocol' | 'port' | 'index' | NftTypeName | `type ${number}, ${number} bytes`;

/** Text for addresses, the lower-case name for protocols, numbers for other fields. */
export type NftValue = string | number;

/** The end of a rule. */
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
  | NftField
  /** A random number from 0 to `random` − 1. */
  | Readonly<{ random: number }>
  /** A number from 0 to `below` − 1, the same for the same fields. */
  | Readonly<{ hash: readonly NftField[]; below: number; seed?: number }>
  /** Looks up the route: `by` names what it is chosen by, `result` what is taken from it. */
  | Readonly<{
      fib: 'type' | 'oif' | 'oifname' | 'exists';
      by: readonly ('saddr' | 'daddr' | 'mark' | 'iif' | 'oif')[];
    }>
  /** Any bytes of a header; `offset` and `bytes` count from the header's start. */
  | Readonly<{ base: 'link' | 'network' | 'transport' | 'inner'; offset: number; bytes: number }>;

/** A member of a set, or of a map with its value. */
export interface NftElement {
  /** In sets with intervals, parts may be ranges; `['*']` stands for every other key. */
  readonly key: readonly NftValue[];
  /** The map's value for the key; absent in sets. In maps of objects: the object's name. */
  readonly data?: NftVerdict | readonly NftValue[];
  /** The element is removed after this time; the set's own when absent. Milliseconds. */
  readonly timeoutMs?: number;
  /** At most 127 bytes. */
  readonly comment?: string;
}
