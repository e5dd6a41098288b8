import { BlockList, isIPv6 } from 'node:net';

/** @param network a prefix, or one address */
export function networkContains(network: string, address: string): boolean {
  const [base = '', length] = network.split('/');
  const kind = isIPv6(base) ? 'ipv6' : 'ipv4';
  if (isIPv6(address) !== (kind === 'ipv6')) return false;
  const list = new BlockList();
  list.addSubnet(base, length === undefined ? (kind === 'ipv6' ? 128 : 32) : Number(length), kind);
  return list.check(address, kind);
}
