import { decodeAddress, encodeAddress } from '@nodeagent/netlink-codec';

import { IpvsError } from './errors.js';

/** The family of addresses; a service and its destinations may differ only with tunnels. */
export type IpFamily = 'IPv4' | 'IPv6';

/** @throws {IpvsError} `IPVS_INVALID` for text that is not an address; a zone is not allowed */
export function familyOf(address: string): IpFamily {
  return familyOfBytes(addressBytes(address));
}

/** @param bytes 4 or 16 bytes */
export function familyOfBytes(bytes: Uint8Array): IpFamily {
  return bytes.length === 4 ? 'IPv4' : 'IPv6';
}

/** @returns 4 or 16 bytes, network order. @throws {IpvsError} `IPVS_INVALID` */
export function addressBytes(address: string): Buffer {
  const bytes = encodeAddress(address);
  if (bytes !== undefined) return bytes;
  throw new IpvsError('IPVS_INVALID', `${JSON.stringify(address)} is not an IP address`);
}

/**
 * Returns the canonical text of an address, so that texts can be compared: RFC 5952 for IPv6.
 *
 * @throws {IpvsError} `IPVS_INVALID`
 */
export function canonicalAddress(address: string): string {
  return formatAddress(addressBytes(address));
}

/** @param bytes 4 or 16, network order. @throws {IpvsError} `IPVS_PROTOCOL` for any other number */
export function formatAddress(bytes: Uint8Array): string {
  const text = decodeAddress(bytes);
  if (text !== undefined) return text;
  throw new IpvsError('IPVS_PROTOCOL', `An address of ${bytes.length} bytes`);
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export function formatEndpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
