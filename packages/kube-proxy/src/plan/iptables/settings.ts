import type { Match } from '@nodeagent/netfilter';

import type { IpFamily } from '../../model/address.js';
import type { LocalTraffic } from '../../model/local-traffic.js';

/** What the rules depend on beside the node view. */
export interface RuleSettings {
  readonly family: IpFamily;
  /** One bit. */
  readonly masqueradeMark: number;
  readonly masqueradeAll: boolean;
  /** `MASQUERADE --random-fully` is there. */
  readonly randomFully: boolean;
  readonly localTraffic: LocalTraffic | undefined;
  /** Source ranges that hold it also admit the load balancer's own address. */
  readonly nodeIp: string | undefined;
  /** Node ports answer on 127.0.0.1 too; IPv4 only. */
  readonly localhostNodePorts: boolean;
  /** Packets of no known connection are dropped when forwarded. */
  readonly dropInvalid: boolean;
  /** The kernel's named counters that exist. */
  readonly counters: Readonly<{ invalidDropped: boolean; localhostNodePorts: boolean }>;
}

/** What a single sync adds. */
export interface SyncSettings extends RuleSettings {
  /** Node addresses on which node ports answer; `all`: every address of the host. */
  readonly nodePortIps: 'all' | readonly string[];
  /** Per-endpoint comments are left out above {@link LARGE_CLUSTER_ENDPOINTS}. */
  readonly comments: boolean;
}

/** More endpoints than this make a large cluster. */
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
