/**
 * Parses /proc/meminfo, whose figures are in KiB, to bytes by name. Leaves out counts, and figures
 * too large for an exact number.
 */
export function parseMeminfo(text: string): ReadonlyMap<string, number> {
  const found = [...text.matchAll(/^([^:\s]+):\s+(\d{1,12}) kB$/gm)];
  return new Map(found.map(([, name = '', kib]) => [name, Number(kib) * 1024]));
}

/** Counts the numbers in a list such as `0-3,8`, the format of /sys/devices/system/cpu/online. */
export function countCpuList(text: string): number | undefined {
  let count = 0;
  for (const range of text.trim().split(',')) {
    const found = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range);
    if (found === null) return undefined;
    const [first, last] = [Number(found[1]), Number(found[2] ?? found[1])];
    if (last < first) return undefined;
    count += last - first + 1;
  }
  return count;
}

/** Returns PRETTY_NAME of an os-release file, without quotes. @see os-release(5) */
export function parsePrettyName(text: string): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1]?.trim();
  return value === undefined ? undefined : value.replace(/^(["'])(.*)\1$/, '$2');
}

const ROUTE_UP = 0x1;
const ROUTE_REJECT = 0x200;

/** Returns the interface of the default route with the lowest metric, from /proc/net/route. */
export function parseDefaultRoute4(text: string): string | undefined {
  return leastMetric(
    text.split('\n').flatMap((line) => {
      const [iface = '', net, , flags = '0', , , metric, mask] = line.trim().split(/\s+/);
      const isDefault = net === '00000000' && mask === '00000000';
      return isDefault
        ? [{ iface, flags: Number.parseInt(flags, 16), metric: Number(metric) }]
        : [];
    }),
  );
}

/** Does the same with /proc/net/ipv6_route. */
export function parseDefaultRoute6(text: string): string | undefined {
  return leastMetric(
    text.split('\n').flatMap((line) => {
      const [net, prefix, , , , metric = '0', , , flags = '0', iface = ''] = line
        .trim()
        .split(/\s+/);
      const isDefault = /^0{32}$/.test(net ?? '') && prefix === '00' && iface !== 'lo';
      if (!isDefault) return [];
      return [{ iface, flags: Number.parseInt(flags, 16), metric: Number.parseInt(metric, 16) }];
    }),
  );
}

/**
 * Returns a text that is equal for equal local addresses. It leaves out link-local addresses,
 * because every pod adds one. Empty when neither table exists.
 *
 * @param fibTrie /proc/net/fib_trie
 * @param ifInet6 /proc/net/if_inet6: address, index, prefix length, scope, flags, interface
 */
export function localAddressesKey(fibTrie: string, ifInet6: string): string {
  const ipv4 = [...fibTrie.matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)].map(
    ([, address]) => address,
  );
  const ipv6 = ifInet6.split('\n').flatMap((line) => {
    const [address = '', , , scope, , iface = ''] = line.trim().split(/\s+/);
    return address === '' || scope === SCOPE_LINK ? [] : [`${address}%${iface}`];
  });
  return [...new Set([...ipv4, ...ipv6])].sort().join(' ');
}

/** IPV6_ADDR_LINKLOCAL in hexadecimal. @see Linux include/net/ipv6.h */
const SCOPE_LINK = '20';

function leastMetric(
  routes: readonly Readonly<{ iface: string; flags: number; metric: number }>[],
): string | undefined {
  const usable = routes.filter(({ flags }) => (flags & (ROUTE_UP | ROUTE_REJECT)) === ROUTE_UP);
  return usable.toSorted((a, b) => a.metric - b.metric)[0]?.iface;
}

/** Go's names for architectures, by Node.js's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
};

export function goArchitecture(nodeName: string): string {
  return ARCHITECTURES[nodeName] ?? nodeName;
}
