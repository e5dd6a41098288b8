import { networkInterfaces } from 'node:os';

import { localAddressesKey } from '../codec/proc.js';

export interface InterfaceAddress {
  readonly iface: string;
  readonly address: string;
  readonly family: string;
}

/**
 * The machine's addresses by interface. Asking the kernel for them waits, with the whole process,
 * for the lock that is held while a pod's network is made: 200 ms a time on a node that starts
 * pods. So it is asked only when the tables under /proc, which need no lock, show others than before.
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
