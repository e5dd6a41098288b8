const MAPPED = '::ffff:';

/**
 * Returns the key under which an address counts towards limits. An IPv4 address counts for itself.
 * An IPv6 address counts for its /64 network, in which a single machine may have any number of
 * addresses.
 */
export function originOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  if (address.startsWith(MAPPED) && address.includes('.')) return address.slice(MAPPED.length);
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? [];
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0');
  const groups = tail === undefined ? first : [...first, ...zeros, ...last];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
