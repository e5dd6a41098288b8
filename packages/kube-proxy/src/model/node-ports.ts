import { cidrContains, familyOf, type IpFamily, isLoopback } from './address.js';

/** The host addresses on which node ports answer: prefixes of one family. */
export interface NodePortAddresses {
  readonly matchesAll: boolean;
  readonly cidrs: readonly string[];
}

/** @param cidrs canonical prefixes of either family */
export function nodePortAddresses(family: IpFamily, cidrs: readonly string[]): NodePortAddresses {
  const own = cidrs.filter((cidr) => familyOf(cidr) === family);
  const matchesAll = own.length === 0 || own.some((cidr) => cidr.endsWith('/0'));
  const everything = family === 'IPv4' ? '0.0.0.0/0' : '::/0';
  return { matchesAll, cidrs: matchesAll ? [everything] : own };
}

/** Replaces `primary` by the node's known addresses. */
export function nodePortCidrs(
  configured: readonly string[],
  nodeIps: readonly string[],
): readonly string[] {
  if (configured[0] !== 'primary') return configured;
  const known = nodeIps.filter((ip) => !isLoopback(ip));
  return known.map((ip) => `${ip}/${familyOf(ip) === 'IPv4' ? 32 : 128}`);
}

/** True when node ports also answer on 127.0.0.1; IPv4 only. */
export function containsLoopback({ cidrs }: NodePortAddresses): boolean {
  return cidrs.some(
    (cidr) =>
      familyOf(cidr) === 'IPv4' &&
      (isLoopback(cidr.split('/')[0] ?? '') || cidrContains(cidr, '127.0.0.0')),
  );
}

export function matchingAddresses(
  { cidrs }: NodePortAddresses,
  addresses: readonly string[],
): readonly string[] {
  return addresses.filter((ip) => cidrs.some((cidr) => cidrContains(cidr, ip)));
}
