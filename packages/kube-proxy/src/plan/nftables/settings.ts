import type { NftFamily, NftStep } from '@nodeagent/netfilter/nftables';

import type { IpFamily } from '../../model/address.js';
import type { LocalTraffic } from '../../model/local-traffic.js';

/** Everything that the rules depend on besides the node view. */
export interface NftSettings {
  readonly family: IpFamily;
  /** A mask with one bit. */
  readonly masqueradeMark: number;
  readonly masqueradeAll: boolean;
  readonly localTraffic: LocalTraffic | undefined;
  /** A source range that contains it also admits the load balancer's own address. */
  readonly nodeIp: string | undefined;
  /** Node addresses on which node ports answer; `all`: every address of the host. */
  readonly nodePortIps: 'all' | readonly string[];
}

export function nftFamily(family: IpFamily): NftFamily {
  return family === 'IPv4' ? 'ip' : 'ip6';
}

export function fromPods(traffic: LocalTraffic, negated = false): NftStep {
  const not = negated ? { negated: true } : {};
  switch (traffic.kind) {
    case 'from-cidr':
      return { kind: 'source', network: traffic.cidr, ...not };
    case 'from-interface':
      return { kind: 'in-interface', name: traffic.name, ...not };
    case 'from-interface-prefix':
      return { kind: 'in-interface', name: `${traffic.prefix}*`, ...not };
  }
}
