/** One rule set per family; the kernel never mixes them. */
export type IpFamily = 'IPv4' | 'IPv6';

/**
 * The tables of the kernel. A packet meets `raw` first, then `mangle`, `nat`, `filter`, `security`.
 */
export type TableName = 'filter' | 'nat' | 'mangle' | 'raw' | 'security';

/** An address or a prefix in the family's text form, `10.0.0.0/8` or `fd00::1`. */
export type Network = string;

/** States of the matches `state` and `conntrack --ctstate`. */
export type ConnectionState =
  'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED' | 'DNAT' | 'SNAT';

/** Protocols whose own match (`-m tcp`) has ports. */
export const HEADER_PROTOCOLS: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'dccp']);

/** One condition on a packet. Written and evaluated in the order of {@link Rule.matches}. */
export type Match =
  /** Always true; at most 255 bytes. */
  | Readonly<{ kind: 'comment'; text: string }>
  /**
   * Lower-case name or number: `tcp`, `icmp`, `47`, `all`. Port matches need a protocol before
   * them. For `tcp`, `udp`, `sctp` and `dccp` it also loads the protocol's own match, unless `bare`
   * or negated.
   */
  | Readonly<{ kind: 'protocol'; protocol: string; negated?: boolean; bare?: boolean }>
  /** The protocol's own match, loaded separately: true for packets with a complete header. */
  | Readonly<{ kind: 'header'; protocol: string }>
  /** Second and later fragments of a packet; IPv4 only. */
  | Readonly<{ kind: 'fragment'; negated?: boolean }>
  | Readonly<{ kind: 'source' | 'destination'; network: Network; negated?: boolean }>
  /** A port, or the ports up to `lastPort` when given. */
  | Readonly<{
      kind: 'source-port' | 'destination-port';
      port: number;
      lastPort?: number;
      negated?: boolean;
    }>
  /** A name ending in `+` stands for every interface that begins so. */
  | Readonly<{ kind: 'in-interface' | 'out-interface'; name: string; negated?: boolean }>
  /** (mark & mask) = value; 32 bits each. Reads the mark of the packet or of its connection. */
  | Readonly<{
      kind: 'mark' | 'connection-mark';
      value: number;
      mask: number;
      negated?: boolean;
    }>
  | Readonly<{ kind: 'connection-state'; states: readonly ConnectionState[]; negated?: boolean }>
  /** True when the address has this type: `LOCAL` for one of this host's own, … */
  | Readonly<{ kind: 'source-type' | 'destination-type'; type: string; negated?: boolean }>
  /** True with this probability, 0 to 1; the kernel keeps 31 bits of it. */
  | Readonly<{ kind: 'chance'; probability: number }>
  /** Remembers the packet's source under a list name. Always true. */
  | Readonly<{ kind: 'remember-source'; list: string }>
  /** True when the source was remembered within this time. Also forgets entries that are older. */
  | Readonly<{ kind: 'source-remembered'; list: string; withinSeconds: number }>
  /** Counts into a named kernel counter. Always true. */
  | Readonly<{ kind: 'count'; counter: string }>
  /** Any other match, as the words that iptables takes. No word is empty. */
  | Readonly<{ kind: 'other'; args: readonly string[] }>;

/**
 * The fate of a packet that fulfils every match. A target that is not modelled stands here word
 * by word as `other`.
 */
export type Target =
  /** After a `jump`, the packet continues with the next rule when the chain ends. */
  | Readonly<{ kind: 'jump' | 'goto'; chain: string }>
  | Readonly<{ kind: 'accept' | 'drop' | 'return' }>
  /** `with` is iptables' name for the answer; the kernel's default is port-unreachable. */
  | Readonly<{ kind: 'reject'; with?: string }>
  | Readonly<{ kind: 'masquerade'; randomFully?: boolean }>
  /** `address:port`, `[address]:port`. */
  | Readonly<{ kind: 'dnat'; to: string }>
  /** Sends the packet to a port of this host itself. */
  | Readonly<{ kind: 'redirect'; port: number }>
  /** mark = (mark & ~mask) ^ value. */
  | Readonly<{ kind: 'set-mark'; value: number; mask: number }>
  | Readonly<{ kind: 'other'; name: string; args: readonly string[] }>;

/** A rule without a target only counts. */
export interface Rule {
  readonly matches: readonly Match[];
  readonly target?: Target;
}

/** Rules that a packet meets in order. */
export interface Chain {
  readonly name: string;
  /** Built-in chains only. */
  readonly policy?: 'ACCEPT' | 'DROP';
  readonly rules: readonly Rule[];
}

/** Chains of one table, in the order of `iptables-save`. */
export interface Table {
  readonly name: TableName;
  readonly chains: readonly Chain[];
}
