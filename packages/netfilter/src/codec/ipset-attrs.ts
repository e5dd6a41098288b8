import {
  type Attr,
  type AttrTable,
  type AttrValues,
  ByteWriter,
  cString,
  decodeAttrs,
  FLAG,
  inetAddress,
  listOf,
  nested,
  type NetlinkMessage,
  type OutgoingMessage,
  u8,
  u16be,
  u32,
  u32be,
  writeAttrs,
} from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import {
  type IpsetEntry,
  ipsetEntryText,
  type IpsetProtocol,
  type IpsetSpec,
  type IpsetType,
} from '../model/ipset.js';
import type { IpFamily } from '../model/iptables.js';

/** NFNL_SUBSYS_IPSET. @see Linux include/uapi/linux/netfilter/nfnetlink.h */
const SUBSYSTEM = 6;
const PROTOCOL_VERSION = 7;
/** The kernel insists on this flag for numbers and addresses in network order. */
const NLA_F_NET_BYTEORDER = 0x4000;

/** IPSET_CMD_*. @see Linux include/uapi/linux/netfilter/ipset/ip_set.h */
export const IPSET_COMMAND = {
  create: 2,
  destroy: 3,
  flush: 4,
  rename: 5,
  swap: 6,
  list: 7,
  add: 9,
  delete: 10,
} as const;

const netOrder = <T>(attr: Attr<T>): Attr<T> => ({ ...attr, flags: NLA_F_NET_BYTEORDER });

const ADDRESS = {
  v4: netOrder(inetAddress(1)),
  v6: netOrder(inetAddress(2)),
} as const satisfies AttrTable;

/** IPSET_ATTR_* of a new set. */
const CREATE_ATTRS = {
  port: netOrder(u16be(4)),
  portTo: netOrder(u16be(5)),
  hashSize: netOrder(u32be(18)),
  maxEntries: netOrder(u32be(19)),
  references: netOrder(u32be(25)),
} as const satisfies AttrTable;

/** IPSET_ATTR_* of an entry. */
const ENTRY_ATTRS = {
  ip: nested(1, ADDRESS),
  port: netOrder(u16be(4)),
  protocol: u8(7),
  second: nested(20, ADDRESS),
  secondLength: u8(21),
} as const satisfies AttrTable;

/** IPSET_ATTR_* of a message. */
const MESSAGE_ATTRS = {
  version: u8(1),
  name: cString(2, 32),
  /** Also holds the second name of `swap` and `rename`. */
  typeName: cString(3, 32),
  revision: u8(4),
  family: u8(5),
  create: nested(7, CREATE_ATTRS),
  entries: listOf(8, nested(7, ENTRY_ATTRS)),
  line: u32(9),
} as const satisfies AttrTable;

export type IpsetAttrs = AttrValues<typeof MESSAGE_ATTRS>;
type EntryAttrs = AttrValues<typeof ENTRY_ATTRS>;

const FAMILY_NUMBER: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 };
const PROTOCOL_NUMBER: Readonly<Record<IpsetProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Oldest revisions that ipset 7 still understands; every kernel since 2.6.39 has them. */
const REVISIONS: Readonly<Record<IpsetType, number>> = {
  'hash:ip': 0,
  'hash:ip,port': 1,
  'hash:ip,port,ip': 1,
  'hash:ip,port,net': 1,
  'bitmap:port': 0,
};
const TYPES = Object.keys(REVISIONS) as readonly IpsetType[];

/** nfgenmsg: family, version, resource. Sets carry their family in an attribute instead. */
const HEADER_BYTES = 4;

/** @param flags in addition to `request` */
export function encodeIpset(command: number, attrs: IpsetAttrs, flags = 0): OutgoingMessage {
  const out = new ByteWriter(256);
  out.u32(0);
  writeAttrs(out, MESSAGE_ATTRS, { version: PROTOCOL_VERSION, ...attrs });
  const type = (SUBSYSTEM << 8) | command;
  return { type, flags: FLAG.request | flags, payload: out.view() };
}

/** @throws {NetlinkError} `NETLINK_MALFORMED` */
export function decodeIpset({ payload }: NetlinkMessage): IpsetAttrs {
  return decodeAttrs(MESSAGE_ATTRS, payload.subarray(HEADER_BYTES));
}

/** Without the flag `exclusive`: an existing set with the same properties is accepted. */
export function encodeCreate(spec: IpsetSpec): OutgoingMessage {
  const { name, type, family, maxEntries = 65_536 } = spec;
  const isBitmap = type === 'bitmap:port';
  return encodeIpset(
    IPSET_COMMAND.create,
    {
      name,
      typeName: type,
      revision: REVISIONS[type],
      family: isBitmap ? 0 : FAMILY_NUMBER[family],
      create: isBitmap ? { port: 0, portTo: 0xffff } : { hashSize: 1024, maxEntries },
    },
    FLAG.create,
  );
}

/** Adds or removes many entries. Entries that are already there (or already gone) are accepted. */
export function encodeEntries(
  command: typeof IPSET_COMMAND.add | typeof IPSET_COMMAND.delete,
  { name, type }: IpsetSpec,
  entries: readonly IpsetEntry[],
): OutgoingMessage {
  return encodeIpset(command, {
    name,
    entries: entries.map((entry) => entryAttrs(type, entry)),
    line: 0,
  });
}

function entryAttrs(type: IpsetType, { ip, protocol, port, second }: IpsetEntry): EntryAttrs {
  const [address, length] = second?.split('/') ?? [];
  const full = address?.includes(':') === true ? 128 : 32;
  return {
    ip: addressAttrs(ip),
    port,
    protocol: protocol && PROTOCOL_NUMBER[protocol],
    second: addressAttrs(address),
    secondLength: type === 'hash:ip,port,net' ? Number(length ?? full) : undefined,
  };
}

function addressAttrs(ip: string | undefined): EntryAttrs['ip'] {
  if (ip === undefined) return undefined;
  return ip.includes(':') ? { v6: ip } : { v4: ip };
}

/**
 * Reads a set's specification from the first message about it; undefined for a type unknown to this
 * package.
 */
export function decodeSpec(attrs: IpsetAttrs): IpsetSpec | undefined {
  const { name, typeName, family, create } = attrs;
  const type = TYPES.find((each) => each === typeName);
  if (name === undefined || type === undefined) return undefined;
  const max = create?.maxEntries;
  return {
    name,
    type,
    family: family === FAMILY_NUMBER.IPv6 ? 'IPv6' : 'IPv4',
    ...(max === undefined ? {} : { maxEntries: max }),
  };
}

/** @throws {NetfilterError} `NETFILTER_PARSE` for an entry that lacks a required part */
export function decodeEntry(attrs: EntryAttrs): string {
  const ip = attrs.ip?.v4 ?? attrs.ip?.v6;
  const { port } = attrs;
  const known = Object.entries(PROTOCOL_NUMBER).find(([, number]) => number === attrs.protocol);
  // other programs may have entries of other protocols: the protocol's number stands for them
  const protocol = (known?.[0] ?? String(attrs.protocol)) as IpsetProtocol;
  const address = attrs.second?.v4 ?? attrs.second?.v6;
  if (ip === undefined && port === undefined) {
    throw new NetfilterError('NETFILTER_PARSE', 'ipset: an entry without address and port');
  }
  const length = attrs.secondLength;
  const second = address === undefined || length === undefined ? address : `${address}/${length}`;
  return ipsetEntryText({
    ...(ip === undefined ? {} : { ip }),
    ...(port === undefined ? {} : { port, protocol }),
    ...(second === undefined ? {} : { second }),
  });
}
