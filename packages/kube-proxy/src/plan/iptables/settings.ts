import type { Match } from '@nodeagent/netfilter';

import type { IpFamily } from '../../model/address.js';
import type { LocalTraffic } from '../../model/local-traffic.js';

/** Everything that the rules depend on besides the node view. */
export interface RuleSettings {
  readonly family: IpFamily;
  /** A mask with one bit. */
  readonly masqueradeMark: number;
  readonly masqueradeAll: boolean;
  /** True when the kernel and iptables support `MASQUERADE --random-fully`. */
  readonly randomFully: boolean;
  readonly localTraffic: LocalTraffic | undefined;
  /** A source range that contains it also admits the load balancer's own address. */
  readonly nodeIp: string | undefined;
  /** Node ports also answer on 127.0.0.1; IPv4 only. */
  readonly localhostNodePorts: boolean;
  /** Forwarded packets of unknown connections are dropped. */
  readonly dropInvalid: boolean;
  /** The kernel's named counters that exist. */
  readonly counters: Readonly<{ invalidDropped: boolean; localhostNodePorts: boolean }>;
}

/** Settings of a single sync. */
export interface SyncSettings extends RuleSettings {
  /** Node addresses on which node ports answer; `all`: every address of the host. */
  readonly nodePortIps: 'all' | readonly string[];
  /** Per-endpoint comments are left out above 1,000 endpoints. */
  readonly comments: boolean;
}

/** A cluster with more endpoints than this counts as large. */
export const LARGE_CLUSTER_ENDPOINTS = 1000;

export function fromLocalTraffic(traffic: LocalTraffic, negated = false): Match {
  const not = negated ? { negated: true } : {};
  switch (traffic.kind) {
    case 'from-cidr':
      return { kind: 'source', network: traffic.cidr, ...not };
    case 'from-interface':
      return { kind: 'in-interface', name: traffic.name, ...not };
    case 'from-interface-prefix':
      return { kind: 'in-interface', name: `${traffic.prefix}+`, ...not };
  }
}
