import {
  type AttrValues,
  ByteWriter,
  decodeAttrs,
  FLAG,
  inetAddress,
  nested,
  type NetlinkMessage,
  type OutgoingMessage,
  u8,
  u16be,
  u32,
  u32be,
  writeAttrs,
} from '@nodeagent/netlink-codec';

import type { Flow, FlowPattern, FlowProtocol, FlowQuery, FlowTuple } from '../model/conntrack.js';
import type { IpFamily } from '../model/iptables.js';

/** NFNL_SUBSYS_CTNETLINK. @see Linux include/uapi/linux/netfilter/nfnetlink.h */
const SUBSYSTEM = 1;

/** IPCTNL_MSG_CT_*. @see Linux include/uapi/linux/netfilter/nfnetlink_conntrack.h */
const COMMAND = { get: 1, delete: 2 } as const;

const FAMILY_NUMBER: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 };
const PROTOCOL_NUMBER: Readonly<Record<FlowProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
const PROTOCOL_NAME = new Map(
  Object.entries(PROTOCOL_NUMBER).map(([name, number]) => [number, name as FlowProtocol]),
);

/** CTA_IP_*, CTA_PROTO_*, CTA_TUPLE_*. */
const TUPLE = {
  ip: nested(1, {
    source4: inetAddress(1),
    destination4: inetAddress(2),
    source6: inetAddress(3),
    destination6: inetAddress(4),
  }),
  protocol: nested(2, { number: u8(1), source: u16be(2), destination: u16be(3) }),
  zone: u16be(3),
} as const;

/** CTA_*. */
const ATTRS = {
  original: nested(1, TUPLE),
  reply: nested(2, TUPLE),
  id: u32be(12),
  zone: u16be(18),
  filter: nested(25, { original: u32(1), reply: u32(2) }),
} as const;

/** CTA_FILTER_F_*, in the machine's byte order: the tuple fields that the kernel compares. */
const FIELD = {
  source: 1,
  destination: 2,
  protocol: 8,
  sourcePort: 0x10,
  destinationPort: 0x20,
} as const;

/** nfgenmsg: family, version, resource. */
const HEADER_BYTES = 4;

/**
 * Asks for the flows of a family that match the query's protocol, ports and IPv4 addresses. The
 * kernel may send more, so the caller checks each flow. Before Linux 5.8 the kernel ignores the
 * filter and sends the whole family. The filter never holds IPv6 addresses: up to Linux 6.18 at
 * least, the kernel sends the flows that do not have them (ctnetlink_filter_match_tuple takes
 * "equal" for "differs").
 *
 * @param filtered without it: asks for the whole family
 * @throws {NetlinkError} `NETLINK_VALUE` for an invalid address or port
 */
export function encodeFlowDump(
  family: IpFamily,
  query: FlowQuery,
  filtered: boolean,
): OutgoingMessage {
  if (!filtered) return message(COMMAND.get, family, {});
  const { protocol } = query;
  const original = askable(family, query.original ?? {});
  const reply = query.reply && askable(family, query.reply);
  return message(COMMAND.get, family, {
    original: tupleAttrs(family, protocol, original),
    reply: reply && tupleAttrs(family, protocol, reply),
    filter: { original: fields(original), reply: reply === undefined ? 0 : fields(reply) },
  });
}

/**
 * Deletes one flow. The message always holds the original direction: without one the kernel would
 * delete everything.
 */
export function encodeFlowDelete(
  family: IpFamily,
  { protocol, original, zone, id }: Flow,
): OutgoingMessage {
  return message(COMMAND.delete, family, {
    original: tupleAttrs(family, protocol, original),
    id,
    zone: zone === 0 ? undefined : zone,
  });
}

/**
 * @returns undefined for flows of protocols without ports
 * @throws {NetlinkError} `NETLINK_MALFORMED`
 */
export function decodeFlow({ payload }: NetlinkMessage): Flow | undefined {
  const values = decodeAttrs(ATTRS, payload.subarray(HEADER_BYTES));
  const protocol = PROTOCOL_NAME.get(values.original?.protocol?.number ?? 0);
  const original = decodeTuple(values.original);
  const reply = decodeTuple(values.reply);
  if (protocol === undefined || original === undefined || reply === undefined) return undefined;
  const zone = values.zone ?? values.original?.zone ?? 0;
  return { protocol, original, reply, zone, id: values.id };
}

type TupleAttrs = AttrValues<typeof TUPLE>;

function decodeTuple(attrs: TupleAttrs | undefined): FlowTuple | undefined {
  const source = attrs?.ip?.source4 ?? attrs?.ip?.source6;
  const destination = attrs?.ip?.destination4 ?? attrs?.ip?.destination6;
  const sourcePort = attrs?.protocol?.source;
  const destinationPort = attrs?.protocol?.destination;
  if (source === undefined || destination === undefined) return undefined;
  if (sourcePort === undefined || destinationPort === undefined) return undefined;
  return { source, sourcePort, destination, destinationPort };
}

function tupleAttrs(
  family: IpFamily,
  protocol: FlowProtocol,
  { source, sourcePort, destination, destinationPort }: FlowPattern,
): TupleAttrs {
  return {
    ip:
      family === 'IPv4'
        ? { source4: source, destination4: destination }
        : { source6: source, destination6: destination },
    protocol: {
      number: PROTOCOL_NUMBER[protocol],
      source: sourcePort,
      destination: destinationPort,
    },
  };
}

function askable(family: IpFamily, wanted: FlowPattern): FlowPattern {
  return family === 'IPv4' ? wanted : { ...wanted, source: undefined, destination: undefined };
}

function fields({ source, sourcePort, destination, destinationPort }: FlowPattern): number {
  const bit = (value: unknown, bits: number): number => (value === undefined ? 0 : bits);
  return (
    FIELD.protocol |
    bit(source, FIELD.source) |
    bit(sourcePort, FIELD.sourcePort) |
    bit(destination, FIELD.destination) |
    bit(destinationPort, FIELD.destinationPort)
  );
}

function message(
  command: (typeof COMMAND)[keyof typeof COMMAND],
  family: IpFamily,
  attrs: AttrValues<typeof ATTRS>,
): OutgoingMessage {
  const out = new ByteWriter(128);
  out.u8(FAMILY_NUMBER[family]);
  out.zeros(3);
  writeAttrs(out, ATTRS, attrs);
  return { type: (SUBSYSTEM << 8) | command, flags: FLAG.request, payload: out.view() };
}
