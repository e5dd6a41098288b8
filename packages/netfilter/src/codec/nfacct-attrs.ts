import {
  type AttrValues,
  ByteWriter,
  cString,
  decodeAttrs,
  FLAG,
  type NetlinkMessage,
  type OutgoingMessage,
  u64be,
  writeAttrs,
} from '@nodeagent/netlink-codec';

/** NFNL_SUBSYS_ACCT. @see Linux include/uapi/linux/netfilter/nfnetlink.h */
const SUBSYSTEM = 7;

/** NFNL_MSG_ACCT_*. @see Linux include/uapi/linux/netfilter/nfnetlink_acct.h */
export const COUNTER_COMMAND = { new: 0, get: 1, delete: 3 } as const;

/** NFACCT_*; names have at most 31 bytes. */
const ATTRS = { name: cString(1, 32), packets: u64be(2), bytes: u64be(3) } as const;

/** nfgenmsg: family, version, resource. */
const HEADER_BYTES = 4;

/** @param flags in addition to `request` */
export function encodeCounter(
  command: (typeof COUNTER_COMMAND)[keyof typeof COUNTER_COMMAND],
  name: string,
  flags = 0,
): OutgoingMessage {
  const out = new ByteWriter(64);
  out.u32(0);
  writeAttrs(out, ATTRS, { name });
  return { type: (SUBSYSTEM << 8) | command, flags: FLAG.request | flags, payload: out.view() };
}

/** @throws {NetlinkError} `NETLINK_MALFORMED` */
export function decodeCounter({ payload }: NetlinkMessage): AttrValues<typeof ATTRS> {
  return decodeAttrs(ATTRS, payload.subarray(HEADER_BYTES));
}
