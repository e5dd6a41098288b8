import type { Clock } from '@nodeagent/base';
import { KernelIpvs } from '@nodeagent/ipvs';
import { KernelIpset } from '@nodeagent/netfilter/ipset';

import type { NetlinkAccess, OpenNetlink } from '../../ports.js';
import { KernelServiceInterface } from './service-interface.js';

/** The name by which people and tools know it. */
const INTERFACE = 'kube-ipvs0';

export interface NetlinkAccessOptions {
  readonly openNetlink: OpenNetlink;
  readonly clock: Clock;
  /** The text of /proc/net/ip_vs. */
  readonly readIpvsTable?: () => Promise<string | undefined>;
}

/** What ipvs mode programs; connections are made when they are first used. */
export function createNetlinkAccess(options: NetlinkAccessOptions): NetlinkAccess {
  const { openNetlink, clock, readIpvsTable } = options;
  const ipvs = new KernelIpvs({
    open: () => openNetlink('generic'),
    clock,
    ...(readIpvsTable === undefined ? {} : { readProcTable: readIpvsTable }),
  });
  const ipset = new KernelIpset({ open: () => openNetlink('netfilter'), clock });
  const serviceInterface = new KernelServiceInterface({
    name: INTERFACE,
    open: () => openNetlink('route'),
    clock,
  });
  return {
    ipvs,
    ipset,
    serviceInterface,
    close: () => {
      ipvs.close();
      ipset.close();
      serviceInterface.close();
    },
  };
}
