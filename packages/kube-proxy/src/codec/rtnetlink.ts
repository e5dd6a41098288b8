import {
  type AttrTable,
  type AttrValues,
  ByteWriter,
  cString,
  decodeAttrs,
  FLAG,
  inetAddress,
  LITTLE_ENDIAN,
  nested,
  type NetlinkMessage,
  type OutgoingMessage,
  u32,
  writeAttrs,
} from '@nodeagent/netlink-codec';

import { familyOf, type IpFamily } from '../model/address.js';

/** RTM_*. @see Linux include/uapi/linux/rtnetlink.h */
export const RTM = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
} as const;

const AF: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 };
/** IFA_F_NODAD: no other host has the address, so no duplicate check is needed. */
const NO_DUPLICATE_DETECTION = 2;
/** RT_SCOPE_LINK: the scope of link-local addresses. */
const SCOPE_LINK = 253;

/** Length of ifinfomsg and ifaddrmsg. */
const LINK_HEADER = 16;
const ADDRESS_HEADER = 8;

const LINK_ATTRS = {
  name: cString(3, 16),
  info: nested(18, { kind: cString(1) } as const satisfies AttrTable),
} as const satisfies AttrTable;

const ADDRESS_ATTRS = {
  address: inetAddress(1),
  local: inetAddress(2),
  flags: u32(8),
} as const satisfies AttrTable;

/** Encodes a request for the link of this name. */
export function encodeGetLink(name: string): OutgoingMessage {
  return link(RTM.getLink, FLAG.request, { name });
}

/** Encodes a new link of the given kind, down. */
export function encodeNewLink(name: string, kind: string): OutgoingMessage {
  const flags = FLAG.request | FLAG.create | FLAG.exclusive | FLAG.ack;
  return link(RTM.newLink, flags, { name, info: { kind } });
}

export function encodeDeleteLink(name: string): OutgoingMessage {
  return link(RTM.deleteLink, FLAG.request | FLAG.ack, { name });
}

function link(type: number, flags: number, attrs: AttrValues<typeof LINK_ATTRS>): OutgoingMessage {
  const out = new ByteWriter(128);
  out.zeros(LINK_HEADER);
  writeAttrs(out, LINK_ATTRS, attrs);
  return { type, flags, payload: out.view() };
}

/**
 * Decodes the number by which addresses refer to a link, 1 or more; undefined for a message about
 * something else.
 */
export function decodeLinkIndex({ type, payload }: NetlinkMessage): number | undefined {
  if (type !== RTM.newLink || payload.length < LINK_HEADER) return undefined;
  const index = LITTLE_ENDIAN ? payload.readInt32LE(4) : payload.readInt32BE(4);
  return index > 0 ? index : undefined;
}

/** Encodes a request for all addresses of one family, for a dump. */
export function encodeListAddresses(family: IpFamily): OutgoingMessage {
  const out = new ByteWriter(16);
  out.u8(AF[family]);
  out.zeros(ADDRESS_HEADER - 1);
  return { type: RTM.getAddress, flags: FLAG.request, payload: out.view() };
}

/** Encodes a single address (/32, /128) of a link. */
export function encodeAddress(
  type: typeof RTM.newAddress | typeof RTM.deleteAddress,
  linkIndex: number,
  ip: string,
): OutgoingMessage {
  const family = familyOf(ip);
  const out = new ByteWriter(64);
  out.u8(AF[family]);
  out.u8(family === 'IPv4' ? 32 : 128);
  out.u8(family === 'IPv6' ? NO_DUPLICATE_DETECTION : 0);
  out.u8(0);
  out.u32(linkIndex);
  writeAttrs(out, ADDRESS_ATTRS, family === 'IPv4' ? { address: ip, local: ip } : { address: ip });
  const flags = FLAG.request | (type === RTM.newAddress ? FLAG.create | FLAG.exclusive : 0);
  return { type, flags, payload: out.view() };
}

export interface LinkAddress {
  readonly linkIndex: number;
  readonly ip: string;
  /** The address is valid on the link only. */
  readonly isLinkLocal: boolean;
}

/** @throws {NetlinkError} `NETLINK_MALFORMED` */
export function decodeLinkAddress({ type, payload }: NetlinkMessage): LinkAddress | undefined {
  if (type !== RTM.newAddress || payload.length < ADDRESS_HEADER) return undefined;
  const { local, address } = decodeAttrs(ADDRESS_ATTRS, payload.subarray(ADDRESS_HEADER));
  const ip = local ?? address;
  if (ip === undefined) return undefined;
  const linkIndex = LITTLE_ENDIAN ? payload.readUInt32LE(4) : payload.readUInt32BE(4);
  return { linkIndex, ip, isLinkLocal: payload.readUInt8(3) === SCOPE_LINK };
}
