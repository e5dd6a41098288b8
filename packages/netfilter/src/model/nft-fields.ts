import type { NftTypeName } from './nft-types.js';

/** A packet's headers, where a payload field is found. */
export type NftBase = 'link' | 'network' | 'transport';

/** Where the kernel reads a field from. */
export type NftPlace =
  /** `mask` and `shift` select bits of these bytes, read as one number in network byte order. */
  | Readonly<{
      from: 'payload';
      base: NftBase;
      offset: number;
      bytes: number;
      mask?: number;
      shift?: number;
    }>
  | Readonly<{ from: 'meta' | 'rt'; key: number }>
  | Readonly<{ from: 'ct'; key: number; direction?: 0 | 1 }>
  | Readonly<{ from: 'socket'; key: number }>;

/** The protocol that a packet must have before a field of its header means anything. */
export interface NftNeeds {
  readonly network?: 'ip' | 'ip6' | 'arp';
  /** By number; several protocols share a header. */
  readonly transport?: number;
  readonly link?: 'ether';
}

export interface NftFieldRow {
  readonly type: NftTypeName;
  readonly place: NftPlace;
  readonly needs?: NftNeeds;
}

type Bits = Readonly<{ bytes: number; mask: number; shift: number }>;

const payload =
  (base: NftBase, needs: NftNeeds) =>
  (offset: number, type: NftTypeName, bytes: number | Bits): NftFieldRow => ({
    type,
    needs,
    place: {
      from: 'payload',
      base,
      offset,
      ...(typeof bytes === 'number' ? { bytes } : bytes),
    },
  });
const ether = payload('link', { link: 'ether' });
const ip = payload('network', { network: 'ip' });
const ip6 = payload('network', { network: 'ip6' });
const arp = payload('network', { network: 'arp' });
const anyTransport = payload('transport', {});
const tcp = payload('transport', { transport: 6 });
const udp = payload('transport', { transport: 17 });
const udplite = payload('transport', { transport: 136 });
const sctp = payload('transport', { transport: 132 });
const dccp = payload('transport', { transport: 33 });
const ah = payload('transport', { transport: 51 });
const esp = payload('transport', { transport: 50 });
const icmp = payload('transport', { network: 'ip', transport: 1 });
const icmpv6 = payload('transport', { network: 'ip6', transport: 58 });
const meta = (key: number, type: NftTypeName): NftFieldRow => ({
  type,
  place: { from: 'meta', key },
});
const ct = (key: number, type: NftTypeName, direction?: 0 | 1): NftFieldRow => ({
  type,
  place: { from: 'ct', key, ...(direction !== undefined && { direction }) },
});

/**
 * Everything that a rule can look at, by the names that `nft` gives. The rows drive both ends: text
 * and netlink, writing and reading.
 *
 * @see Linux include/uapi/linux/netfilter/nf_tables.h, enum nft_meta_keys, nft_ct_keys
 */
export const NFT_FIELDS = {
  'ether daddr': ether(0, 'ether_addr', 6),
  'ether saddr': ether(6, 'ether_addr', 6),
  'ether type': ether(12, 'ether_type', 2),
  'ip version': ip(0, 'integer8', { bytes: 1, mask: 0xf0, shift: 4 }),
  'ip hdrlength': ip(0, 'integer8', { bytes: 1, mask: 0x0f, shift: 0 }),
  'ip dscp': ip(1, 'dscp', { bytes: 1, mask: 0xfc, shift: 2 }),
  'ip ecn': ip(1, 'ecn', { bytes: 1, mask: 0x03, shift: 0 }),
  'ip length': ip(2, 'integer16', 2),
  'ip id': ip(4, 'integer16', 2),
  'ip frag-off': ip(6, 'integer16', 2),
  'ip ttl': ip(8, 'integer8', 1),
  'ip protocol': ip(9, 'inet_proto', 1),
  'ip checksum': ip(10, 'integer16', 2),
  'ip saddr': ip(12, 'ipv4_addr', 4),
  'ip daddr': ip(16, 'ipv4_addr', 4),
  'ip6 dscp': ip6(0, 'dscp', { bytes: 2, mask: 0x0fc0, shift: 6 }),
  'ip6 length': ip6(4, 'integer16', 2),
  'ip6 nexthdr': ip6(6, 'inet_proto', 1),
  'ip6 hoplimit': ip6(7, 'integer8', 1),
  'ip6 saddr': ip6(8, 'ipv6_addr', 16),
  'ip6 daddr': ip6(24, 'ipv6_addr', 16),
  'arp htype': arp(0, 'integer16', 2),
  'arp ptype': arp(2, 'ether_type', 2),
  'arp hlen': arp(4, 'integer8', 1),
  'arp plen': arp(5, 'integer8', 1),
  'arp operation': arp(6, 'arp_op', 2),
  'arp saddr ether': arp(8, 'ether_addr', 6),
  'arp saddr ip': arp(14, 'ipv4_addr', 4),
  'arp daddr ether': arp(18, 'ether_addr', 6),
  'arp daddr ip': arp(24, 'ipv4_addr', 4),
  'th sport': anyTransport(0, 'inet_service', 2),
  'th dport': anyTransport(2, 'inet_service', 2),
  'tcp sport': tcp(0, 'inet_service', 2),
  'tcp dport': tcp(2, 'inet_service', 2),
  'tcp sequence': tcp(4, 'integer32', 4),
  'tcp ackseq': tcp(8, 'integer32', 4),
  'tcp doff': tcp(12, 'integer8', { bytes: 1, mask: 0xf0, shift: 4 }),
  'tcp flags': tcp(13, 'tcp_flag', 1),
  'tcp window': tcp(14, 'integer16', 2),
  'tcp checksum': tcp(16, 'integer16', 2),
  'tcp urgptr': tcp(18, 'integer16', 2),
  'udp sport': udp(0, 'inet_service', 2),
  'udp dport': udp(2, 'inet_service', 2),
  'udp length': udp(4, 'integer16', 2),
  'udp checksum': udp(6, 'integer16', 2),
  'udplite sport': udplite(0, 'inet_service', 2),
  'udplite dport': udplite(2, 'inet_service', 2),
  'sctp sport': sctp(0, 'inet_service', 2),
  'sctp dport': sctp(2, 'inet_service', 2),
  'sctp vtag': sctp(4, 'integer32', 4),
  'dccp sport': dccp(0, 'inet_service', 2),
  'dccp dport': dccp(2, 'inet_service', 2),
  'ah spi': ah(4, 'integer32', 4),
  'esp spi': esp(0, 'integer32', 4),
  'icmp type': icmp(0, 'icmp_type', 1),
  'icmp code': icmp(1, 'icmp_code', 1),
  'icmpv6 type': icmpv6(0, 'icmpv6_type', 1),
  'icmpv6 code': icmpv6(1, 'icmpv6_code', 1),
  /** Bytes. */
  'meta length': meta(0, 'host32'),
  'meta protocol': meta(1, 'ether_type'),
  'meta mark': meta(3, 'mark'),
  /** Interfaces by number: quicker than by name, and different after an interface is made again. */
  iif: meta(4, 'iface_index'),
  oif: meta(5, 'iface_index'),
  iifname: meta(6, 'ifname'),
  oifname: meta(7, 'ifname'),
  iiftype: meta(8, 'iface_type'),
  oiftype: meta(9, 'iface_type'),
  /** The user and group that own the socket, by number. */
  'meta skuid': meta(10, 'uid'),
  'meta skgid': meta(11, 'gid'),
  'meta nftrace': meta(12, 'integer8'),
  'meta rtclassid': meta(13, 'realm'),
  'meta nfproto': meta(15, 'nf_proto'),
  'meta l4proto': meta(16, 'inet_proto'),
  'meta ibrname': meta(17, 'ifname'),
  'meta obrname': meta(18, 'ifname'),
  'meta pkttype': meta(19, 'pkt_type'),
  'meta cpu': meta(20, 'host32'),
  iifgroup: meta(21, 'devgroup'),
  oifgroup: meta(22, 'devgroup'),
  'meta cgroup': meta(23, 'host32'),
  'ct state': ct(0, 'ct_state'),
  'ct direction': ct(1, 'ct_dir'),
  'ct status': ct(2, 'ct_status'),
  'ct mark': ct(3, 'mark'),
  'ct helper': ct(6, 'ifname'),
  'ct zone': ct(17, 'host16'),
  'ct original protocol': ct(10, 'inet_proto', 0),
  'ct original ip saddr': ct(19, 'ipv4_addr', 0),
  'ct original ip daddr': ct(20, 'ipv4_addr', 0),
  'ct original ip6 saddr': ct(21, 'ipv6_addr', 0),
  'ct original ip6 daddr': ct(22, 'ipv6_addr', 0),
  'ct original proto-src': ct(11, 'inet_service', 0),
  'ct original proto-dst': ct(12, 'inet_service', 0),
  'ct original packets': ct(14, 'host64', 0),
  'ct original bytes': ct(15, 'host64', 0),
  'ct reply protocol': ct(10, 'inet_proto', 1),
  'ct reply ip saddr': ct(19, 'ipv4_addr', 1),
  'ct reply ip daddr': ct(20, 'ipv4_addr', 1),
  'ct reply ip6 saddr': ct(21, 'ipv6_addr', 1),
  'ct reply ip6 daddr': ct(22, 'ipv6_addr', 1),
  'ct reply proto-src': ct(11, 'inet_service', 1),
  'ct reply proto-dst': ct(12, 'inet_service', 1),
  'ct reply packets': ct(14, 'host64', 1),
  'ct reply bytes': ct(15, 'host64', 1),
  'ct packets': ct(14, 'host64'),
  'ct bytes': ct(15, 'host64'),
  'rt classid': { type: 'realm', place: { from: 'rt', key: 0 } },
  'rt mtu': { type: 'host16', place: { from: 'rt', key: 3 } },
  'socket transparent': { type: 'integer8', place: { from: 'socket', key: 0 } },
  'socket mark': { type: 'mark', place: { from: 'socket', key: 1 } },
  'socket wildcard': { type: 'integer8', place: { from: 'socket', key: 2 } },
} as const satisfies Readonly<Record<string, NftFieldRow>>;

/** A field by the name that `nft` gives it: `ip saddr`, `tcp dport`, `ct state`, `meta mark`, … */
export type NftField = keyof typeof NFT_FIELDS;

const ROWS: Readonly<Record<string, NftFieldRow>> = NFT_FIELDS;

/** Returns the row of a field; undefined for text that is no field. */
export function nftFieldRow(name: string): NftFieldRow | undefined {
  return Object.hasOwn(ROWS, name) ? ROWS[name] : undefined;
}
