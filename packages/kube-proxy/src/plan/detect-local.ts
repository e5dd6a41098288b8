import { canonicalCidr, familyOf, type IpFamily } from '../model/address.js';
import type { ProxyConfig } from '../model/config.js';
import type { LocalTraffic } from '../model/local-traffic.js';

/** Returns how traffic of pods is recognised in one family; undefined when it is not. */
export function detectLocal(
  config: ProxyConfig,
  podCidrs: readonly string[],
  family: IpFamily,
): LocalTraffic | undefined {
  const fromCidr = (cidrs: readonly string[]): LocalTraffic | undefined => {
    const cidr = cidrs.find((one) => familyOf(one) === family);
    return cidr === undefined ? undefined : { kind: 'from-cidr', cidr };
  };
  switch (config.detectLocalMode) {
    case 'ClusterCIDR':
      return fromCidr(config.clusterCidrs);
    case 'NodeCIDR':
      return fromCidr(podCidrs.flatMap((cidr) => canonicalCidr(cidr) ?? []));
    case 'BridgeInterface':
      return { kind: 'from-interface', name: config.bridgeInterface };
    case 'InterfaceNamePrefix':
      return { kind: 'from-interface-prefix', prefix: config.interfaceNamePrefix };
  }
}
