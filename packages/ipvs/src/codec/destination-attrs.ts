import { addressBytes, familyOfBytes, type IpFamily } from '../model/address.js';
import type {
  Destination,
  DestinationId,
  Forwarding,
  Tunnel,
  TunnelChecksum,
} from '../model/destination.js';
import { IpvsError } from '../model/errors.js';
import type { DestinationState } from '../model/state.js';
import { type DestinationAttrs, FORWARDING, FORWARDING_MASK } from './attrs.js';
import { ADDRESS_FAMILY, decodeAddressOf, decodeFamily } from './service-attrs.js';
import { decodeStatistics } from './statistics-attrs.js';

/** IP_VS_CONN_F_TUNNEL_TYPE_*, by number. */
const TUNNEL_KINDS: readonly Tunnel['kind'][] = ['ipip', 'gue', 'gre'];
/** IP_VS_TUNNEL_ENCAP_FLAG_*, by number. */
const CHECKSUMS: readonly TunnelChecksum[] = ['none', 'full', 'remote'];

export function destinationIdAttrs({ address, port }: DestinationId): DestinationAttrs {
  const bytes = addressBytes(address);
  return { address: bytes, port, family: ADDRESS_FAMILY[familyOfBytes(bytes)] };
}

/** @param address the destination's address, as bytes */
export function destinationAttrs(destination: Destination, address: Buffer): DestinationAttrs {
  const { forwarding, weight, upperThreshold, lowerThreshold } = destination;
  const tunnel = typeof forwarding === 'string' ? undefined : forwarding;
  return {
    address,
    port: destination.port,
    family: ADDRESS_FAMILY[familyOfBytes(address)],
    forwarding: typeof forwarding === 'string' ? FORWARDING[forwarding] : FORWARDING.tunnel,
    weight,
    upperThreshold,
    lowerThreshold,
    tunnelType: tunnel && TUNNEL_KINDS.indexOf(tunnel.kind),
    tunnelPort: tunnel?.port,
    tunnelFlags: tunnel && CHECKSUMS.indexOf(tunnel.checksum),
  };
}

/**
 * @param family the service's family: kernels before 3.18 do not send the destination's
 * @throws {IpvsError} `IPVS_PROTOCOL`
 */
export function decodeDestination(attrs: DestinationAttrs, family: IpFamily): DestinationState {
  const { address, port } = attrs;
  if (address === undefined || port === undefined) {
    throw new IpvsError('IPVS_PROTOCOL', 'A destination without address or port');
  }
  const own = attrs.family === undefined ? family : decodeFamily(attrs.family);
  return {
    address: decodeAddressOf(own, address),
    port,
    forwarding: decodeForwarding(attrs),
    weight: attrs.weight ?? 0,
    upperThreshold: attrs.upperThreshold ?? 0,
    lowerThreshold: attrs.lowerThreshold ?? 0,
    activeConnections: attrs.activeConnections ?? 0,
    inactiveConnections: attrs.inactiveConnections ?? 0,
    persistentConnections: attrs.persistentConnections ?? 0,
    statistics: decodeStatistics(attrs.statistics64 ?? attrs.statistics),
  };
}

function decodeForwarding(attrs: DestinationAttrs): Forwarding {
  const method = (attrs.forwarding ?? 0) & FORWARDING_MASK;
  if (method === FORWARDING.tunnel) return decodeTunnel(attrs);
  const known = (['masquerade', 'local', 'direct', 'bypass'] as const).find(
    (name) => FORWARDING[name] === method,
  );
  if (known !== undefined) return known;
  throw new IpvsError('IPVS_PROTOCOL', `Forwarding method ${method}`);
}

function decodeTunnel({
  tunnelType = 0,
  tunnelPort = 0,
  tunnelFlags = 0,
}: DestinationAttrs): Tunnel {
  const kind = TUNNEL_KINDS[tunnelType];
  if (kind === undefined) throw new IpvsError('IPVS_PROTOCOL', `Tunnel type ${tunnelType}`);
  // the kernel keeps port and flags also for kinds that do not use them
  const checksum = CHECKSUMS[tunnelFlags] ?? 'none';
  return {
    kind,
    port: kind === 'gue' ? tunnelPort : 0,
    checksum: kind === 'ipip' ? 'none' : checksum,
  };
}
