import { NO_STATISTICS, printable, type Statistics } from '../model/state.js';
import type { StatsAttrs } from './attrs.js';

/** Reads counters of either width; absent numbers are 0. */
export function decodeStatistics(attrs: StatsAttrs | undefined): Statistics {
  if (attrs === undefined) return NO_STATISTICS;
  return printable({
    connections: BigInt(attrs.connections ?? 0),
    packetsIn: BigInt(attrs.packetsIn ?? 0),
    packetsOut: BigInt(attrs.packetsOut ?? 0),
    bytesIn: BigInt(attrs.bytesIn ?? 0),
    bytesOut: BigInt(attrs.bytesOut ?? 0),
    rates: {
      connections: Number(attrs.connectionRate ?? 0),
      packetsIn: Number(attrs.packetInRate ?? 0),
      packetsOut: Number(attrs.packetOutRate ?? 0),
      bytesIn: Number(attrs.byteInRate ?? 0),
      bytesOut: Number(attrs.byteOutRate ?? 0),
    },
  });
}
