import { type Conntrack, createConntrack, KernelConntrack } from '@nodeagent/netfilter/conntrack';
import { isNetlinkError } from '@nodeagent/netlink-codec';

import type { IpFamily } from '../model/address.js';
import type { ModeContext } from './mode.js';

/**
 * Opens tracked flows over netlink, or with the `conntrack` program when there is no netlink.
 * Nothing is opened before first use.
 */
export function openConntrack(
  {
    openNetlink,
    clock,
    commands,
    log,
  }: Pick<ModeContext, 'openNetlink' | 'clock' | 'commands' | 'log'>,
  family: IpFamily,
): Conntrack {
  const program = createConntrack(commands, family);
  if (openNetlink === undefined) return program;
  const open = () => openNetlink('netfilter');
  let used: Conntrack = new KernelConntrack({ family, open, clock });
  const use = async <T>(call: (conntrack: Conntrack) => Promise<T>): Promise<T> => {
    try {
      return await call(used);
    } catch (error) {
      if (!isNetlinkError(error, 'NETLINK_ADDON_MISSING')) throw error;
      log.warn({ family, err: error }, 'netlink is not available: using the conntrack program');
      used = program;
      return call(used);
    }
  };
  return {
    list: (query, signal) => use((conntrack) => conntrack.list(query, signal)),
    delete: (flows, signal) => use((conntrack) => conntrack.delete(flows, signal)),
    close: () => used.close(),
  };
}
