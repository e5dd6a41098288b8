import { canonicalAddress, familyOf, formatEndpoint } from './address.js';
import { invalid } from './errors.js';
import { checkedNumber, checkedPort, U32_MAX } from './limits.js';
import { assertFamily, type ServiceId } from './service.js';

/** Checksums of GUE and GRE tunnels; `remote` leaves the inner one to the receiver. */
export type TunnelChecksum = 'none' | 'full' | 'remote';

/** Packets of the service travel to the destination inside other packets. */
export interface Tunnel {
  readonly kind: 'ipip' | 'gue' | 'gre';
  /** UDP port of the far end; 0 for kinds other than `gue`. */
  readonly port: number;
  readonly checksum: TunnelChecksum;
}

/**
 * `masquerade` rewrites addresses, and answers come back through this machine · `direct` changes
 * only the link address: the destination holds the service's address itself · `local` is this
 * machine · `bypass` forwards to the original destination (for caches) · or a tunnel.
 */
export type Forwarding = 'masquerade' | 'direct' | 'local' | 'bypass' | Tunnel;

/** Identifies a destination within its service. */
export interface DestinationId {
  readonly address: string;
  readonly port: number;
}

/** A real server. Built by {@link defineDestination}. */
export interface Destination extends DestinationId {
  readonly forwarding: Forwarding;
  /**
   * Share of new connections; with 0 the destination gets no new ones and keeps its present ones.
   */
  readonly weight: number;
  /** The destination gets no new connections above this number; 0 means no limit. */
  readonly upperThreshold: number;
  /**
   * The destination gets new connections again below this number; 0 means three quarters of the
   * upper threshold.
   */
  readonly lowerThreshold: number;
}

export interface DestinationSpec extends DestinationId {
  /** `direct` when absent, as in ipvsadm. */
  readonly forwarding?:
    | Exclude<Forwarding, Tunnel>
    | Readonly<{ kind: Tunnel['kind']; port?: number; checksum?: TunnelChecksum }>;
  /** 1 when absent. */
  readonly weight?: number;
  readonly upperThreshold?: number;
  readonly lowerThreshold?: number;
}

const MAX_WEIGHT = 0x7fff_ffff;

/**
 * Fills in absent values and refuses values that the kernel would refuse or silently change.
 *
 * @throws {IpvsError} `IPVS_INVALID`
 */
export function defineDestination(spec: DestinationSpec): Destination {
  const { forwarding = 'direct', weight = 1, upperThreshold = 0, lowerThreshold = 0 } = spec;
  const address = canonicalAddress(spec.address);
  const port = checkedPort('Destination port', spec.port);
  const what = `Destination ${formatEndpoint(address, port)}:`;
  checkedNumber(`${what} upper threshold`, upperThreshold, 0, U32_MAX);
  if (lowerThreshold > upperThreshold) {
    throw invalid(
      `${what} lower threshold`,
      lowerThreshold,
      `is above the upper ${upperThreshold}`,
    );
  }
  return {
    address,
    port,
    forwarding: typeof forwarding === 'string' ? forwarding : defineTunnel(what, forwarding),
    weight: checkedNumber(`${what} weight`, weight, 0, MAX_WEIGHT),
    upperThreshold,
    lowerThreshold: checkedNumber(`${what} lower threshold`, lowerThreshold, 0, U32_MAX),
  };
}

function defineTunnel(
  what: string,
  spec: Exclude<DestinationSpec['forwarding'], string | undefined>,
): Tunnel {
  const { kind, port = 0, checksum = 'none' } = spec;
  if (!['ipip', 'gue', 'gre'].includes(kind)) {
    throw invalid(`${what} tunnel`, kind, 'must be ipip, gue or gre');
  }
  if (kind === 'gue') checkedPort(`${what} tunnel port`, port, 1);
  else if (port !== 0) throw invalid(`${what} tunnel port`, port, `must be 0 for ${kind}`);
  if (checksum !== 'none' && (kind === 'ipip' || (kind === 'gre' && checksum === 'remote'))) {
    throw invalid(`${what} tunnel checksum`, checksum, `${kind} does not support it`);
  }
  return { kind, port, checksum };
}

/** Identifies a destination within its service: `10.1.0.1:8080`, `[2001:db8::1]:8080`. */
export function destinationKey({ address, port }: DestinationId): string {
  return formatEndpoint(address, port);
}

/** @throws {IpvsError} `IPVS_FAMILY` */
export function assertFits(service: ServiceId, destination: Destination): void {
  const tunnelled = typeof destination.forwarding !== 'string';
  assertFamily(service, familyOf(destination.address), tunnelled);
}

/** True if the kernel would change nothing: weight, thresholds and forwarding are equal. */
export function sameDestination(a: Destination, b: Destination): boolean {
  return (
    a.weight === b.weight &&
    a.upperThreshold === b.upperThreshold &&
    a.lowerThreshold === b.lowerThreshold &&
    sameForwarding(a.forwarding, b.forwarding)
  );
}

function sameForwarding(a: Forwarding, b: Forwarding): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.kind === b.kind && a.port === b.port && a.checksum === b.checksum;
}
