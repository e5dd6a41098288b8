import type { Destination } from './destination.js';
import type { Service } from './service.js';

/**
 * Counters since the object was created or zeroed, and rates over the last seconds. The kernel
 * publishes them every two seconds, so they lag by up to two seconds. Those of services and
 * destinations that were read can be given to `JSON.stringify`, which writes totals as text: they
 * have 64 bits, which numbers in JSON do not hold.
 */
export interface Statistics {
  readonly connections: bigint;
  readonly packetsIn: bigint;
  readonly packetsOut: bigint;
  readonly bytesIn: bigint;
  readonly bytesOut: bigint;
  /** Per second. */
  readonly rates: Readonly<Record<RateName, number>>;
}

/** Names of the rates per second that the kernel estimates. */
export type RateName = 'connections' | 'packetsIn' | 'packetsOut' | 'bytesIn' | 'bytesOut';

export const RATE_NAMES: readonly RateName[] = [
  'connections',
  'packetsIn',
  'packetsOut',
  'bytesIn',
  'bytesOut',
];

/** Gives statistics a form for `JSON.stringify`, which refuses the type of their totals. */
export function printable(statistics: Statistics): Statistics {
  return Object.defineProperty({ ...statistics }, 'toJSON', { value: plainStatistics });
}

function plainStatistics(this: Statistics): Readonly<Record<string, unknown>> {
  const { rates, ...totals } = this;
  const strings = Object.entries(totals).map(([name, total]) => [name, String(total)] as const);
  return { ...Object.fromEntries(strings), rates };
}

export const NO_STATISTICS: Statistics = printable({
  connections: 0n,
  packetsIn: 0n,
  packetsOut: 0n,
  bytesIn: 0n,
  bytesOut: 0n,
  rates: { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 },
});

/** A service as the kernel reports it. */
export interface ServiceState extends Service {
  readonly statistics: Statistics;
}

/** A destination as the kernel reports it. */
export interface DestinationState extends Destination {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  readonly persistentConnections: number;
  readonly statistics: Statistics;
}

/** The state of a destination that has had no connection yet. */
export function unusedState(destination: Destination): DestinationState {
  return {
    ...destination,
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    statistics: NO_STATISTICS,
  };
}

/** How long the kernel remembers idle connections. */
export interface Timeouts {
  readonly tcpSeconds: number;
  /** After the first FIN. */
  readonly tcpFinSeconds: number;
  readonly udpSeconds: number;
}

/** The kernel's IPVS, as `ipvsadm` prints it in its first line. */
export interface IpvsInfo {
  /** `1.2.1` */
  readonly version: string;
  /** Number of buckets in the connection table. */
  readonly connectionTableSize: number;
}

/** A daemon that sends connections to other directors (`primary`) or receives them (`backup`). */
export interface SyncDaemon {
  readonly role: 'primary' | 'backup';
  readonly interface: string;
  /** 0 to 255: directors with the same id belong together. */
  readonly syncId: number;
  /** Largest payload of a datagram. */
  readonly maxLength?: number;
  /** Multicast group; 224.0.0.81 when absent. */
  readonly group?: string;
  /** 8848 when absent. */
  readonly port?: number;
  /** 1 when absent. */
  readonly ttl?: number;
}
