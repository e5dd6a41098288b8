/** One rule set per family; the kernel never mixes them. */
export type IpFamily = 'IPv4' | 'IPv6';

export type TableName = 'filter' | 'nat' | 'mangle' | 'raw' | 'security';

/** An address or a prefix in the family's text form, `10.0.0.0/8` or `fd00::1`. */
export type Network = string;

export type ConnectionState =
  'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED' | 'DNAT' | 'SNAT';

/** Protocols with a match of their own that has ports: `-m tcp`. */
export const HEADER_PROTOCOLS: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'dccp']);

/** What a rule asks of a packet. Written and evaluated in the order of {@link Rule.matches}. */
export type Match =
  /** Always true; at most 255 bytes. */
  | Readonly<{ kind: 'comment'; text: string }>
  /**
   * Lower-case name or number: `tcp`, `icmp`, `47`, `all`. Port matches need it before them. Of
   * {@link HEADER_PROTOCOLS} it loads the protocol's own match, too; not when `bare` or negated.
   */
  | Readonly<{ kind: 'protocol'; protocol: string; negated?: boolean; bare?: boolean }>
  /** The protocol's own match, loaded apart from it: true for packets with a whole header. */
  | Readonly<{ kind: 'header'; protocol: string }>
  /** Second and later fragments of a packet; IPv4 only. */
  | Readonly<{ kind: 'fragment'; negated?: boolean }>
  | Readonly<{ kind: 'source' | 'destination'; network: Network; negated?: boolean }>
  /** Ports up to `lastPort`, where there is one. */
  | Readonly<{
      kind: 'source-port' | 'destination-port';
      port: number;
      lastPort?: number;
      negated?: boolean;
    }>
  /** A name ending in `+` stands for every interface that begins so. */
  | Readonly<{ kind: 'in-interface' | 'out-interface'; name: string; negated?: boolean }>
  /** (mark & mask) = value; 32 bits each. The mark is the packet's, or that of its connection. */
  | Readonly<{
      kind: 'mark' | 'connection-mark';
      value: number;
      mask: number;
      negated?: boolean;
    }>
  | Readonly<{ kind: 'connection-state'; states: readonly ConnectionState[]; negated?: boolean }>
  /** Is the address one of this host's own (`LOCAL`), …? */
  | Readonly<{ kind: 'source-type' | 'destination-type'; type: string; negated?: boolean }>
  /** True by chance, 0 to 1; the kernel keeps 31 bits of it. */
  | Readonly<{ kind: 'chance'; probability: number }>
  /** Remembers the packet's source under a list name. Always true. */
  | Readonly<{ kind: 'remember-source'; list: string }>
  /** Was the source remembered within this time? Also forgets entries that are older. */
  | Readonly<{ kind: 'source-remembered'; list: string; withinSeconds: number }>
  /** Counts into a named kernel counter. Always true. */
  | Readonly<{ kind: 'count'; counter: string }>
  /** Anything else, as the words that iptables would be given. No word is empty. */
  | Readonly<{ kind: 'other'; args: readonly string[] }>;

export type Target =
  /** Returns to the next rule when the chain ends. */
  | Readonly<{ kind: 'jump' | 'goto'; chain: string }>
  | Readonly<{ kind: 'accept' | 'drop' | 'return' }>
  /** `with` is iptables' name of the answer; the kernel's default is port-unreachable. */
  | Readonly<{ kind: 'reject'; with?: string }>
  | Readonly<{ kind: 'masquerade'; randomFully?: boolean }>
  /** `address:port`, `[address]:port`. */
  | Readonly<{ kind: 'dnat'; to: string }>
  /** To a port of this host itself. */
  | Readonly<{ kind: 'redirect'; port: number }>
  /** mark = (mark & ~mask) ^ value. */
  | Readonly<{ kind: 'set-mark'; value: number; mask: number }>
  | Readonly<{ kind: 'other'; name: string; args: readonly string[] }>;

/** Without a target a rule only counts. */
export interface Rule {
  readonly matches: readonly Match[];
  readonly target?: Target;
}

export interface Chain {
  readonly name: string;
  /** Built-in chains only. */
  readonly policy?: 'ACCEPT' | 'DROP';
  readonly rules: readonly Rule[];
}

export interface Table {
  readonly name: TableName;
  readonly chains: readonly Chain[];
}
