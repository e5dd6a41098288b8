import type {
  NftGeneralStep,
  NftMapRef,
  NftNatFlag,
  NftObjectType,
  NftPorts,
  NftStateful,
} from './nft-steps.js';
import type {
  NftElement,
  NftFamily,
  NftKeyPart,
  NftType,
  NftValue,
  NftVerdict,
} from './nft-values.js';

export { PROTOCOL_NUMBERS } from './nft-types.js';
export type {
  NftElement,
  NftFamily,
  NftKeyPart,
  NftType,
  NftValue,
  NftVerdict,
} from './nft-values.js';

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
  | Readonly<{ kind: 'verdict-map'; key: readonly NftKeyPart[]; map: NftMapRef }>
  /** mark = mark OR bits; mark = mark XOR bits. */
  | Readonly<{ kind: 'set-mark' | 'flip-mark'; bits: number }>
  /** Adds the source address to a dynamic set, or restarts its timeout. */
  | Readonly<{ kind: 'remember-source'; set: string }>
  /** Also chooses the source port at random, unless `flags` says otherwise. */
  | Readonly<{ kind: 'masquerade'; ports?: NftPorts; flags?: readonly NftNatFlag[] }>
  /** Without a port, packets keep theirs. Address and port may be ranges: `10.0.0.1-10.0.0.9`. */
  | Readonly<{
      kind: 'dnat';
      address: string;
      port?: NftPorts;
      flags?: readonly NftNatFlag[];
    }>
  /**
   * Sends to the address and port that the map holds for the key; continues when it holds none.
   * `only: 'address'`: a named map holds no ports.
   */
  | Readonly<{ kind: 'dnat-map'; key: readonly NftKeyPart[]; map: NftMapRef; only?: 'address' }>
  /**
   * Answers "port unreachable", or `with` something else: `tcp reset`, or a code of ICMP, ICMPv6 or
   * (in families with both) `icmpx`. Not available in prerouting before Linux 5.9.
   */
  | Readonly<{ kind: 'reject'; with?: NftRejection }>
  | NftVerdict
  | NftGeneralStep;

/** `icmp host-unreachable`, `icmpv6 no-route`, `icmpx admin-prohibited`, … */
export type NftRejection =
  | 'tcp reset'
  | `icmp ${'net-unreachable' | 'host-unreachable' | 'prot-unreachable' | 'port-unreachable' | 'net-prohibited' | 'host-prohibited' | 'admin-prohibited'}`
  | `icmpv6 ${'no-route' | 'admin-prohibited' | 'addr-unreachable' | 'port-unreachable' | 'policy-fail' | 'reject-route'}`
  | `icmpx ${'no-route' | 'port-unreachable' | 'host-unreachable' | 'admin-prohibited'}`;

/** Steps that a packet takes in order, until one of them does not match. */
export interface NftRule {
  readonly steps: readonly NftStep[];
  /** At most 127 bytes. */
  readonly comment?: string;
}

/** A rule that the kernel has; the handle names it within its table. */
export interface NftListedRule extends NftRule {
  readonly handle?: number;
}

/** The place in the kernel where packets enter a base chain. */
export interface NftHook {
  readonly type: 'filter' | 'nat' | 'route';
  /** `ingress` and `egress` only in families `netdev` and (ingress) `inet`, with `devices`. */
  readonly hook:
    'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress' | 'egress';
  /** Chains with a lower priority run earlier. −2³¹ to 2³¹ − 1. */
  readonly priority: number;
  /** The verdict for packets that reach the chain's end; `accept` when absent. */
  readonly policy?: 'accept' | 'drop';
  /** Names of the interfaces that an ingress or egress chain looks at. */
  readonly devices?: readonly string[];
}

/** A chain. Without `base` no packet gets here but by a jump. */
export interface NftChain {
  /** At most 255 bytes. */
  readonly name: string;
  /** Only for base chains. */
  readonly base?: NftHook;
  /** At most 127 bytes. */
  readonly comment?: string;
}

/** A set, or a map when `data` is given. */
export interface NftSet {
  readonly name: string;
  readonly key: readonly NftType[];
  /** `object`: the values are names of the table's objects of this type. */
  readonly data?: 'verdict' | readonly NftType[] | Readonly<{ object: NftObjectType }>;
  /**
   * Each element is removed after this time unless a rule adds it again. Milliseconds. Rules may add
   * elements, unless `flags` says otherwise.
   */
  readonly timeoutMs?: number;
  /**
   * `interval`: keys may be ranges and networks. `dynamic`: rules add elements. `constant`: nothing
   * is added after the rules that use it. `timeout`: elements may have timeouts.
   */
  readonly flags?: readonly ('constant' | 'interval' | 'timeout' | 'dynamic')[];
  /** The most elements; without it a dynamic set takes 65,535. */
  readonly size?: number;
  /** Shown by `nft list`; at most 127 bytes. */
  readonly comment?: string;
  /** A state for each element that is added. */
  readonly each?: readonly NftStateful[];
  /** Hexadecimal; `nft` keeps there how the set was written, `typeof` and `auto-merge`. */
  readonly userData?: string;
}

/** An object that rules use by its name. */
export type NftObject = Readonly<{ name: string; comment?: string }> &
  (
    | Readonly<{ type: 'counter'; packets?: number; bytes?: number }>
    | Readonly<{ type: 'quota'; bytes: number; over?: boolean; used?: number }>
    | Readonly<{
        type: 'limit';
        rate: number;
        per: 'second' | 'minute' | 'hour' | 'day' | 'week';
        unit?: 'packets' | 'bytes';
        burst?: number;
        over?: boolean;
      }>
    /** `network` when absent: the table's own, both in `inet`. */
    | Readonly<{
        type: 'ct helper';
        helper: string;
        protocol: 'tcp' | 'udp';
        network?: 'ip' | 'ip6' | 'inet';
      }>
  );

/** Connections that skip the rules once they are known. */
export interface NftFlowtable {
  readonly name: string;
  readonly priority: number;
  readonly devices: readonly string[];
}

/** One change of a table. */
export type NftOperation =
  /** Does nothing when the table exists. A dormant table's chains see no packets. */
  | Readonly<{ op: 'add-table'; dormant?: boolean; comment?: string }>
  | Readonly<{ op: 'delete-table' }>
  /** When an equal chain exists, changes its policy if that is given, else nothing. */
  | Readonly<{ op: 'add-chain'; chain: NftChain }>
  | Readonly<{ op: 'flush-chain' | 'delete-chain'; chain: string }>
  | Readonly<{ op: 'add-set'; set: NftSet }>
  | Readonly<{ op: 'flush-set' | 'delete-set'; set: string }>
  /** At the end, or at another place: `first`, or next to the rule with a handle. */
  | Readonly<{
      op: 'add-rule';
      chain: string;
      rule: NftRule;
      at?: 'first' | Readonly<{ before: number }> | Readonly<{ after: number }>;
    }>
  | Readonly<{ op: 'replace-rule'; chain: string; handle: number; rule: NftRule }>
  | Readonly<{ op: 'delete-rule'; chain: string; handle: number }>
  /** Does nothing when it exists. */
  | Readonly<{ op: 'add-object'; object: NftObject }>
  | Readonly<{ op: 'delete-object'; type: NftObjectType; name: string }>
  | Readonly<{ op: 'add-flowtable'; flowtable: NftFlowtable }>
  | Readonly<{ op: 'delete-flowtable'; flowtable: string }>
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

/** Returns one text per key, for comparing and for looking up. */
export function nftKeyText(key: readonly NftValue[]): string {
  return key.join(' . ');
}

/** Writes the value of a map's element as `nft` does; empty for a set's. */
export function nftDataText(data: NftElement['data']): string {
  if (data === undefined) return '';
  if (!('kind' in data)) return data.join(' . ');
  return 'chain' in data ? `${data.kind} ${data.chain}` : data.kind;
}
