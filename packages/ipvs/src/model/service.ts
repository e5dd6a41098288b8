import { canonicalAddress, familyOf, formatEndpoint, type IpFamily } from './address.js';
import { invalid, IpvsError } from './errors.js';
import { checkedName, checkedNumber, checkedPort, U32_MAX } from './limits.js';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** What packets a service takes: those to an address and port, or those with a firewall mark. */
export type ServiceId =
  | {
      readonly kind: 'address';
      readonly protocol: Protocol;
      readonly address: string;
      /** 0 takes every port, with persistence only. */
      readonly port: number;
    }
  | { readonly kind: 'mark'; readonly family: IpFamily; readonly mark: number };

/**
 * Three bits whose meaning is the scheduler's: `1` is `sh-fallback` and `mh-fallback`, `2` is
 * `sh-port` and `mh-port`.
 */
export type SchedulerFlag = 1 | 2 | 3;

/** One client keeps its destination. */
export interface Persistence {
  /** How long after its last connection. */
  readonly timeoutSeconds: number;
  /** Clients with this many equal leading bits are one: 32 and 128 are each for itself. */
  readonly prefixLength: number;
}

/** A virtual server. Built by {@link defineService}, so its values are in range and canonical. */
export interface Service {
  readonly id: ServiceId;
  /** `rr`, `wrr`, `lc`, `wlc`, `lblc`, `lblcr`, `dh`, `sh`, `mh`, `sed`, `nq`, `fo`, `ovf`, `none`. */
  readonly scheduler: string;
  /** Ascending. */
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly persistence: Persistence | undefined;
  /** `sip`, say: what else than the client's address tells clients apart. */
  readonly persistenceEngine: string | undefined;
  /** UDP: every packet is scheduled by itself. */
  readonly onePacket: boolean;
}

export interface ServiceSpec {
  readonly id: ServiceId;
  /** `wlc` when absent, as for ipvsadm. */
  readonly scheduler?: string;
  readonly schedulerFlags?: readonly SchedulerFlag[];
  readonly persistence?: Readonly<{ timeoutSeconds: number; prefixLength?: number }> | undefined;
  readonly persistenceEngine?: string | undefined;
  readonly onePacket?: boolean;
}

/** The kernel counts the timeout in ticks of 1 ms to 10 ms in 32 bits; this fits in any. */
const MAX_TIMEOUT_SECONDS = Math.floor(U32_MAX / 1000);

/**
 * Fills in what is absent and refuses what the kernel would refuse or silently change.
 *
 * @throws {IpvsError} `IPVS_INVALID`, `IPVS_FAMILY`
 */
export function defineService(spec: ServiceSpec): Service {
  const { scheduler = 'wlc', schedulerFlags = [], persistenceEngine, onePacket = false } = spec;
  const id = defineServiceId(spec.id);
  const what = `Service ${formatServiceId(id)}:`;
  if (onePacket && id.kind === 'address' && id.protocol !== 'udp') {
    throw invalid(`${what} one-packet scheduling of`, id.protocol, 'only UDP has it');
  }
  const persistence = spec.persistence && definePersistence(what, id, spec.persistence);
  if (id.kind === 'address' && id.port === 0 && persistence === undefined) {
    throw invalid(`${what} port`, 0, 'all ports can be taken with persistence only');
  }
  if (persistenceEngine !== undefined) checkedName(`${what} persistence engine`, persistenceEngine);
  return {
    id,
    scheduler: checkedName(`${what} scheduler`, scheduler),
    schedulerFlags: ([1, 2, 3] as const).filter((flag) => schedulerFlags.includes(flag)),
    persistence,
    persistenceEngine,
    onePacket,
  };
}

/** @throws {IpvsError} `IPVS_INVALID` */
export function defineServiceId(id: ServiceId): ServiceId {
  if (id.kind === 'mark') {
    return { kind: 'mark', family: id.family, mark: checkedNumber('Mark', id.mark, 1, U32_MAX) };
  }
  const { protocol } = id;
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) {
    throw invalid('Protocol', protocol, 'IPVS balances tcp, udp and sctp');
  }
  const address = canonicalAddress(id.address);
  return { kind: 'address', protocol, address, port: checkedPort('Port', id.port) };
}

function definePersistence(
  what: string,
  id: ServiceId,
  spec: NonNullable<ServiceSpec['persistence']>,
): Persistence {
  const bits = serviceFamily(id) === 'IPv4' ? 32 : 128;
  const { timeoutSeconds, prefixLength = bits } = spec;
  return {
    timeoutSeconds: checkedNumber(`${what} timeout`, timeoutSeconds, 1, MAX_TIMEOUT_SECONDS),
    prefixLength: checkedNumber(`${what} prefix length`, prefixLength, 1, bits),
  };
}

export function serviceFamily(id: ServiceId): IpFamily {
  return id.kind === 'mark' ? id.family : familyOf(id.address);
}

/** Unique among services: `tcp 10.0.0.1:80`, `mark 7`, `mark 7 IPv6`. */
export function formatServiceId(id: ServiceId): string {
  if (id.kind === 'mark') return `mark ${id.mark}${id.family === 'IPv6' ? ' IPv6' : ''}`;
  return `${id.protocol} ${formatEndpoint(id.address, id.port)}`;
}

export function sameService(a: Service, b: Service): boolean {
  return (
    a.scheduler === b.scheduler &&
    a.onePacket === b.onePacket &&
    a.persistenceEngine === b.persistenceEngine &&
    a.persistence?.timeoutSeconds === b.persistence?.timeoutSeconds &&
    a.persistence?.prefixLength === b.persistence?.prefixLength &&
    a.schedulerFlags.join() === b.schedulerFlags.join()
  );
}

/** Tunnels carry one family in the other; everything else needs the service's own. */
export function assertFamily(id: ServiceId, destination: IpFamily, tunnelled: boolean): void {
  const family = serviceFamily(id);
  if (destination === family || tunnelled) return;
  throw new IpvsError(
    'IPVS_FAMILY',
    `Service ${formatServiceId(id)} is ${family}, its destination ${destination}: only tunnels cross families`,
  );
}
