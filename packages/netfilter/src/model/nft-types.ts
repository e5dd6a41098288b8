/**
 * How a type's bytes stand for text: numbers in network or in the machine's byte order, addresses,
 * text filled up with zeros, or hexadecimal digits for types that are not known.
 */
export type NftTypeForm = 'network' | 'host' | 'ipv4' | 'ipv6' | 'ether' | 'text' | 'hex';

export interface NftTypeRow {
  /** The number that `nft` stores with a set. @see nftables include/datatype.h, enum datatypes */
  readonly id: number;
  readonly bytes: number;
  readonly form: NftTypeForm;
  /** Names of numbers, as `nft` prints them. */
  readonly symbols?: Readonly<Record<string, number>>;
  /** True when the symbols are bits that combine: `established,related`. */
  readonly isBits?: true;
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

const MORE_PROTOCOLS: Readonly<Record<string, number>> = {
  igmp: 2,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  comp: 108,
};

/** @see Linux include/uapi/linux/if_ether.h */
const ETHER_TYPES = { ip: 0x0800, arp: 0x0806, ip6: 0x86dd, '8021q': 0x8100, '8021ad': 0x88a8 };

/** @see Linux include/uapi/linux/icmp.h */
const ICMP_TYPES = {
  'echo-reply': 0,
  'destination-unreachable': 3,
  'source-quench': 4,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'info-request': 15,
  'info-reply': 16,
  'address-mask-request': 17,
  'address-mask-reply': 18,
};

/** @see Linux include/uapi/linux/icmpv6.h, RFC 4861 */
const ICMPV6_TYPES = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'router-renumbering': 138,
  'ind-neighbor-solicit': 141,
  'ind-neighbor-advert': 142,
  'mld2-listener-report': 143,
};

/** @see RFC 2474, RFC 2597, RFC 3246 */
const DSCP = {
  cs0: 0,
  cs1: 8,
  af11: 10,
  af12: 12,
  af13: 14,
  cs2: 16,
  af21: 18,
  af22: 20,
  af23: 22,
  cs3: 24,
  af31: 26,
  af32: 28,
  af33: 30,
  cs4: 32,
  af41: 34,
  af42: 36,
  af43: 38,
  cs5: 40,
  ef: 46,
  cs6: 48,
  cs7: 56,
};

/** NF_CT_STATE_BIT. @see Linux include/net/netfilter/nf_conntrack.h */
const CT_STATES = { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 };

/** IPS_*. @see Linux include/uapi/linux/netfilter/nf_conntrack_common.h */
const CT_STATUS = {
  expected: 1,
  'seen-reply': 2,
  assured: 4,
  confirmed: 8,
  snat: 0x10,
  dnat: 0x20,
  dying: 0x200,
};

const TCP_FLAGS = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 0x10, urg: 0x20, ecn: 0x40, cwr: 0x80 };

/** RTN_*. @see Linux include/uapi/linux/rtnetlink.h */
const FIB_TYPES = {
  unspec: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
};

/** ARPHRD_*. @see Linux include/uapi/linux/if_arp.h */
const LINK_TYPES = {
  ether: 1,
  ppp: 512,
  ipip: 768,
  ipip6: 769,
  loopback: 772,
  sit: 776,
  ipgre: 778,
};

const number = (id: number, bytes: number, symbols?: Readonly<Record<string, number>>) =>
  ({ id, bytes, form: 'network', ...(symbols && { symbols }) }) as const;
const host = (id: number, bytes: number, symbols?: Readonly<Record<string, number>>) =>
  ({ id, bytes, form: 'host', ...(symbols && { symbols }) }) as const;

/**
 * The types of fields and of parts of keys, by the names that `nft` gives them. `integer8` and so
 * on are unsigned numbers in network byte order, `host32` and so on in the machine's; `nft` calls
 * both `integer`.
 */
export const NFT_TYPES = {
  ipv4_addr: { id: 7, bytes: 4, form: 'ipv4' },
  ipv6_addr: { id: 8, bytes: 16, form: 'ipv6' },
  ether_addr: { id: 9, bytes: 6, form: 'ether' },
  ether_type: number(10, 2, ETHER_TYPES),
  arp_op: number(11, 2, { request: 1, reply: 2, rrequest: 3, rreply: 4, inrequest: 8, inreply: 9 }),
  inet_proto: number(12, 1, { ...PROTOCOL_NUMBERS, ...MORE_PROTOCOLS }),
  inet_service: number(13, 2),
  icmp_type: number(14, 1, ICMP_TYPES),
  icmp_code: number(32, 1),
  icmpv6_type: number(29, 1, ICMPV6_TYPES),
  icmpv6_code: number(33, 1),
  tcp_flag: { ...number(15, 1, TCP_FLAGS), isBits: true },
  mark: host(19, 4),
  iface_index: host(20, 4),
  iface_type: host(21, 2, LINK_TYPES),
  realm: host(22, 4),
  uid: host(24, 4),
  gid: host(25, 4),
  ct_state: { ...host(26, 4, CT_STATES), isBits: true },
  ct_dir: host(27, 1, { original: 0, reply: 1 }),
  ct_status: { ...host(28, 4, CT_STATUS), isBits: true },
  pkt_type: host(31, 1, { host: 0, broadcast: 1, multicast: 2, other: 3 }),
  devgroup: host(35, 4, { default: 0 }),
  dscp: number(36, 1, DSCP),
  ecn: number(37, 1, { 'not-ect': 0, ect1: 1, ect0: 2, ce: 3 }),
  fib_addrtype: host(38, 4, FIB_TYPES),
  boolean: host(39, 4, { missing: 0, exists: 1 }),
  ifname: { id: 41, bytes: 16, form: 'text' },
  nf_proto: number(2, 1, { unspec: 0, ipv4: 2, ipv6: 10 }),
  integer8: number(4, 1),
  integer16: number(4, 2),
  integer32: number(4, 4),
  integer64: number(4, 8),
  host16: host(4, 2),
  host32: host(4, 4),
  host64: host(4, 8),
} as const satisfies Readonly<Record<string, NftTypeRow>>;

/** A type by the name that `nft` gives it: `ipv4_addr`, `inet_service`, `ifname`, … */
export type NftTypeName = keyof typeof NFT_TYPES;

export function nftTypeRow(name: NftTypeName): NftTypeRow {
  return NFT_TYPES[name];
}
