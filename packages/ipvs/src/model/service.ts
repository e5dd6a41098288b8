import { canonicalAddress, familyOf, formatEndpoint, type IpFamily } from './address.js';
import { invalid, IpvsError } from './errors.js';
import { checkedName, checkedNumber, checkedPort, U32_MAX } from './limits.js';

/** Protocols that IPVS balances by address and port. */
export type Protocol = 'tcp' | 'udp' | 'sctp';

/**
 * Selects the packets of a service: those to an address and port, or those with a firewall mark.
 */
export type ServiceId =
  | {
      readonly kind: 'address';
      readonly protocol: Protocol;
      readonly address: string;
      /** With 0 the service takes every port; this needs persistence. */
      readonly port: number;
    }
  | { readonly kind: 'mark'; readonly family: IpFamily; readonly mark: number };

/**
 * Three bits whose meaning depends on the scheduler: `1` is `sh-fallback` and `mh-fallback`, `2` is
 * `sh-port` and `mh-port`.
 */
export type SchedulerFlag = 1 | 2 | 3;

/** A client keeps its destination. */
export interface Persistence {
  /** Time that the client keeps it after its last connection. */
  readonly timeoutSeconds: number;
  /**
   * Clients whose addresses share this many leading bits count as one: with 32 and 128 each client
   * counts for itself.
   */
  readonly prefixLength: number;
}

/** A virtual server. Built by {@link defineService}, so its values are in range and canonical. */
export interface Service {
  readonly id: ServiceId;
  /** `rr`, `wrr`, `lc`, `wlc`, `lblc`, `lblcr`, `dh`, `sh`, `mh`, `sed`, `nq`, `fo`, `ovf`, `none`. */
  readonly scheduler: string;
  /** In ascending order. */
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly persistence: Persistence | undefined;
  /** For example `sip`: what distinguishes clients apart from their addresses. */
  readonly persistenceEngine: string | undefined;
  /** Only UDP: every packet is scheduled on its own. */
  readonly onePacket: boolean;
}

/** A service as people write it; {@link defineService} fills in and checks the rest. */
export interface ServiceSpec {
  readonly id: ServiceId;
  /** `wlc` when absent, as in ipvsadm. */
  readonly scheduler?: string;
  readonly schedulerFlags?: readonly SchedulerFlag[];
  readonly persistence?: Readonly<{ timeoutSeconds: number; prefixLength?: number }> | undefined;
  readonly persistenceEngine?: string | undefined;
  readonly onePacket?: boolean;
}

/**
 * The kernel counts the timeout in ticks of 1 ms to 10 ms in 32 bits; this value fits with any of
 * them.
 */
const MAX_TIMEOUT_SECONDS = Math.floor(U32_MAX / 1000);

/**
 * Fills in absent values and refuses values that the kernel would refuse or silently change.
 *
 * @throws {IpvsError} `IPVS_INVALID`, `IPVS_FAMILY`
 */
export function defineService(spec: ServiceSpec): Service {
  const { scheduler = 'wlc', schedulerFlags = [], persistenceEngine, onePacket = false } = spec;
  const id = defineServiceId(spec.id);
  const what = `Service ${formatServiceId(id)}:`;
  if (onePacket && id.kind === 'address' && id.protocol !== 'udp') {
    throw invalid(`${what} one-packet scheduling of`, id.protocol, 'is for UDP only');
  }
  const persistence = spec.persistence && definePersistence(what, id, spec.persistence);
  if (id.kind === 'address' && id.port === 0 && persistence === undefined) {
    throw invalid(`${what} port`, 0, 'must not be 0 without persistence');
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

/** The family of a service's address, or the one that a firewall mark is declared for. */
export function serviceFamily(id: ServiceId): IpFamily {
  return id.kind === 'mark' ? id.family : familyOf(id.address);
}

/** Unique among services: `tcp 10.0.0.1:80`, `mark 7`, `mark 7 IPv6`. */
export function formatServiceId(id: ServiceId): string {
  if (id.kind === 'mark') return `mark ${id.mark}${id.family === 'IPv6' ? ' IPv6' : ''}`;
  return `${id.protocol} ${formatEndpoint(id.address, id.port)}`;
}

/** True if the kernel would change nothing: scheduler, flags, persistence and engine are equal. */
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

/** Throws unless the families fit: only tunnels carry one family in the other. */
export function assertFamily(id: ServiceId, destination: IpFamily, tunnelled: boolean): void {
  const family = serviceFamily(id);
  if (destination === family || tunnelled) return;
  throw new IpvsError(
    'IPVS_FAMILY',
    `Service ${formatServiceId(id)} is ${family}, its destination ${destination}: only tunnels cross families`,
  );
}
