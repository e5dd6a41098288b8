import type { Clock } from '@nodeagent/base';
import { KernelIpvs } from '@nodeagent/ipvs';
import { KernelIpset } from '@nodeagent/netfilter/ipset';

import type { NetlinkAccess, OpenNetlink } from '../../ports.js';
import { KernelServiceInterface } from './service-interface.js';

/** The interface's name, which people and tools know. */
const INTERFACE = 'kube-ipvs0';

export interface NetlinkAccessOptions {
  readonly openNetlink: OpenNetlink;
  readonly clock: Clock;
  /** Returns the text of /proc/net/ip_vs. */
  readonly readIpvsTable?: () => Promise<string | undefined>;
}

/** Creates access to the objects that ipvs mode programs; connections are made on first use. */
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
