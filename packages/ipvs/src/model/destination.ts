import { canonicalAddress, familyOf, formatEndpoint } from './address.js';
import { invalid } from './errors.js';
import { checkedNumber, checkedPort, U32_MAX } from './limits.js';
import { assertFamily, type ServiceId } from './service.js';

export type TunnelChecksum = 'none' | 'full' | 'remote';

/** How packets of the service get to the destination, in another packet's belly. */
export interface Tunnel {
  readonly kind: 'ipip' | 'gue' | 'gre';
  /** UDP port of the far end; 0 but for `gue`. */
  readonly port: number;
  readonly checksum: TunnelChecksum;
}

/**
 * `masquerade` rewrites addresses, answers come back through here · `direct` only changes the link
 * address: the destination holds the service's address itself · `local` is this machine · `bypass`
 * sends on to the original destination (a cache's) · or a tunnel.
 */
export type Forwarding = 'masquerade' | 'direct' | 'local' | 'bypass' | Tunnel;

/** Names a destination within its service. */
export interface DestinationId {
  readonly address: string;
  readonly port: number;
}

/** A real server. Built by {@link defineDestination}. */
export interface Destination extends DestinationId {
  readonly forwarding: Forwarding;
  /** Share of new connections; 0 takes none and keeps those it has. */
  readonly weight: number;
  /** No new connections above this many; 0 is without limit. */
  readonly upperThreshold: number;
  /** New ones again below this many; 0 is three quarters of the upper one. */
  readonly lowerThreshold: number;
}

export interface DestinationSpec extends DestinationId {
  /** `direct` when absent, as for ipvsadm. */
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
 * Fills in what is absent and refuses what the kernel would refuse or silently change.
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
    throw invalid(`${what} tunnel`, kind, 'there are ipip, gue and gre');
  }
  if (kind === 'gue') checkedPort(`${what} tunnel port`, port, 1);
  else if (port !== 0) throw invalid(`${what} tunnel port`, port, `${kind} has none`);
  if (checksum !== 'none' && (kind === 'ipip' || (kind === 'gre' && checksum === 'remote'))) {
    throw invalid(`${what} tunnel checksum`, checksum, `${kind} has none of this kind`);
  }
  return { kind, port, checksum };
}

export function destinationKey({ address, port }: DestinationId): string {
  return formatEndpoint(address, port);
}

/** @throws {IpvsError} `IPVS_FAMILY` */
export function assertFits(service: ServiceId, destination: Destination): void {
  const tunnelled = typeof destination.forwarding !== 'string';
  assertFamily(service, familyOf(destination.address), tunnelled);
}

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
