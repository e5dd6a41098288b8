import { NetlinkError } from '../model/errors.js';
import { type AttrTable, type AttrValues, decodeAttrs, writeAttrs } from './attr.js';
import { arrayOf, cString, u16, u32 } from './attr-types.js';
import { ByteWriter } from './byte-writer.js';
import type { NetlinkMessage, OutgoingMessage } from './message.js';

/** Length of genlmsghdr: command, version, two reserved bytes. */
const GENERIC_HEADER = 4;

/** The family that resolves the others. @see Linux include/uapi/linux/genetlink.h */
export const CONTROLLER = { id: 16, version: 2, getFamily: 3 } as const;

/** CTRL_ATTR_* and CTRL_ATTR_MCAST_GRP_*. */
export const CONTROLLER_ATTRS = {
  id: u16(1),
  name: cString(2, 16),
  version: u32(3),
  headerSize: u32(4),
  maxAttr: u32(5),
  groups: arrayOf(7, { name: cString(1), id: u32(2) } as const),
} as const satisfies AttrTable;

/** struct genlmsghdr: a command of a family, and the version of its form. */
export interface GenericHeader {
  readonly command: number;
  readonly version: number;
}

/** The header before the attributes. */
export function writeGenericHeader(out: ByteWriter, { command, version }: GenericHeader): void {
  out.u8(command);
  out.u8(version);
  out.u16(0);
}

/** Encodes a generic netlink request: family id, command and attributes. */
export function encodeGeneric<T extends AttrTable>(
  family: { readonly id: number; readonly version: number },
  request: { readonly command: number; readonly flags: number },
  attrs: { readonly table: T; readonly values: AttrValues<T> },
): OutgoingMessage {
  const out = new ByteWriter(256);
  writeGenericHeader(out, { command: request.command, version: family.version });
  writeAttrs(out, attrs.table, attrs.values);
  return { type: family.id, flags: request.flags, payload: out.view() };
}

/**
 * Decodes header and attributes of a generic netlink message.
 *
 * @throws {NetlinkError} `NETLINK_MALFORMED`
 */
export function decodeGeneric<T extends AttrTable>(
  table: T,
  { payload }: NetlinkMessage,
): GenericHeader & { readonly values: AttrValues<T> } {
  if (payload.length < GENERIC_HEADER) {
    const message = `generic netlink header of ${payload.length} bytes`;
    throw new NetlinkError('NETLINK_MALFORMED', message);
  }
  return {
    command: payload.readUInt8(0),
    version: payload.readUInt8(1),
    values: decodeAttrs(table, payload.subarray(GENERIC_HEADER)),
  };
}
