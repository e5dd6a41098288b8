import {
  type Attr,
  type AttrTable,
  type AttrValues,
  bytes,
  cString,
  LITTLE_ENDIAN,
  nested,
  NetlinkError,
  u8,
  u16,
  u16be,
  u32,
  u64,
} from '@nodeagent/netlink-codec';

/** Name and version of the generic netlink family. @see Linux include/uapi/linux/ip_vs.h */
export const IPVS_FAMILY = { name: 'IPVS', version: 1 } as const;

/** IPVS_CMD_* */
export const COMMAND = {
  newService: 1,
  setService: 2,
  deleteService: 3,
  getService: 4,
  newDestination: 5,
  setDestination: 6,
  deleteDestination: 7,
  getDestination: 8,
  newDaemon: 9,
  deleteDaemon: 10,
  getDaemon: 11,
  setConfig: 12,
  getConfig: 13,
  setInfo: 14,
  getInfo: 15,
  zero: 16,
  flush: 17,
} as const;

/** IP_VS_SVC_F_* that can be set; the kernel owns 0x2. */
export const SERVICE_FLAG = {
  persistent: 0x1,
  onePacket: 0x4,
  scheduler: [0x8, 0x10, 0x20],
} as const;

/** IP_VS_CONN_F_* of the forwarding method. */
export const FORWARDING = { masquerade: 0, local: 1, tunnel: 2, direct: 3, bypass: 4 } as const;
export const FORWARDING_MASK = 7;

/** Flags, and the bits of them that count: struct ip_vs_flags. */
export interface MaskedFlags {
  readonly flags: number;
  readonly mask: number;
}

const maskedFlags = (id: number): Attr<MaskedFlags> => ({
  id,
  flags: 0,
  write: (out, value) => {
    out.u32(value.flags);
    out.u32(value.mask);
  },
  read: (payload) => {
    if (payload.length < 8) {
      throw new NetlinkError('NETLINK_MALFORMED', `flags of ${payload.length} bytes`);
    }
    const read = (at: number) =>
      LITTLE_ENDIAN ? payload.readUInt32LE(at) : payload.readUInt32BE(at);
    return { flags: read(0), mask: read(4) };
  },
});

/** IPVS_STATS_ATTR_* with totals of 32 bits, and of 64 (Linux 4.1). */
export const STATS_ATTRS = {
  connections: u32(1),
  packetsIn: u32(2),
  packetsOut: u32(3),
  bytesIn: u64(4),
  bytesOut: u64(5),
  connectionRate: u32(6),
  packetInRate: u32(7),
  packetOutRate: u32(8),
  byteInRate: u32(9),
  byteOutRate: u32(10),
} as const satisfies AttrTable;

export const STATS64_ATTRS = {
  connections: u64(1),
  packetsIn: u64(2),
  packetsOut: u64(3),
  bytesIn: u64(4),
  bytesOut: u64(5),
  connectionRate: u64(6),
  packetInRate: u64(7),
  packetOutRate: u64(8),
  byteInRate: u64(9),
  byteOutRate: u64(10),
} as const satisfies AttrTable;

/**
 * IPVS_SVC_ATTR_*. Addresses are written with 4 or 16 bytes and read with 16, IPv4 in the first
 * four. The netmask is a mask in network order for IPv4, a length in the machine's for IPv6.
 */
export const SERVICE_ATTRS = {
  family: u16(1),
  protocol: u16(2),
  address: bytes(3),
  port: u16be(4),
  mark: u32(5),
  scheduler: cString(6, 16),
  flags: maskedFlags(7),
  timeout: u32(8),
  netmask: bytes(9),
  statistics: nested(10, STATS_ATTRS),
  engine: cString(11, 16),
  statistics64: nested(12, STATS64_ATTRS),
} as const satisfies AttrTable;

/** IPVS_DEST_ATTR_* */
export const DESTINATION_ATTRS = {
  address: bytes(1),
  port: u16be(2),
  forwarding: u32(3),
  weight: u32(4),
  upperThreshold: u32(5),
  lowerThreshold: u32(6),
  activeConnections: u32(7),
  inactiveConnections: u32(8),
  persistentConnections: u32(9),
  statistics: nested(10, STATS_ATTRS),
  family: u16(11),
  statistics64: nested(12, STATS64_ATTRS),
  tunnelType: u8(13),
  tunnelPort: u16be(14),
  tunnelFlags: u16(15),
} as const satisfies AttrTable;

/** IPVS_DAEMON_ATTR_*. The port is in the machine's order, unlike everywhere else. */
export const DAEMON_ATTRS = {
  state: u32(1),
  interface: cString(2, 16),
  syncId: u32(3),
  maxLength: u16(4),
  group4: bytes(5),
  group6: bytes(6),
  port: u16(7),
  ttl: u8(8),
} as const satisfies AttrTable;

/** IPVS_CMD_ATTR_* of every command except `info`. */
export const COMMAND_ATTRS = {
  service: nested(1, SERVICE_ATTRS),
  destination: nested(2, DESTINATION_ATTRS),
  daemon: nested(3, DAEMON_ATTRS),
  tcpTimeout: u32(4),
  tcpFinTimeout: u32(5),
  udpTimeout: u32(6),
} as const satisfies AttrTable;

/** IPVS_INFO_ATTR_* */
export const INFO_ATTRS = {
  version: u32(1),
  connectionTableSize: u32(2),
} as const satisfies AttrTable;

export type ServiceAttrs = AttrValues<typeof SERVICE_ATTRS>;
export type DestinationAttrs = AttrValues<typeof DESTINATION_ATTRS>;
export type DaemonAttrs = AttrValues<typeof DAEMON_ATTRS>;
export type CommandAttrs = AttrValues<typeof COMMAND_ATTRS>;
export type StatsAttrs = AttrValues<typeof STATS_ATTRS> | AttrValues<typeof STATS64_ATTRS>;
