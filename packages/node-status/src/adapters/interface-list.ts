import { networkInterfaces } from 'node:os';

import { localAddressesKey } from '../codec/proc.js';

export interface InterfaceAddress {
  readonly iface: string;
  readonly address: string;
  readonly family: string;
}

/**
 * Lists the machine's addresses by interface. The kernel's answer blocks the whole process on a
 * lock that is held while a pod's network is made: 200 ms each time on a node that starts pods. So
 * the kernel is asked only when the tables under /proc, which need no lock, have changed.
 */
export function createInterfaceList(
  file: (path: string) => Promise<string | undefined>,
): () => Promise<readonly InterfaceAddress[]> {
  let known: Readonly<{ key: string; all: readonly InterfaceAddress[] }> | undefined;
  return async () => {
    const [ipv4 = '', ipv6 = ''] = await Promise.all([
      file('proc/net/fib_trie'),
      file('proc/net/if_inet6'),
    ]);
    const key = localAddressesKey(ipv4, ipv6);
    if (known === undefined || known.key !== key || key === '') known = { key, all: all() };
    return known.all;
  };
}

function all(): readonly InterfaceAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([iface, own]) =>
    (own ?? []).map(({ address, family }) => ({ iface, address, family })),
  );
}
