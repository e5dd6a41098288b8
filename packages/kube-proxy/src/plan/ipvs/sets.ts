import type { IpsetSpec, IpsetType } from '@nodeagent/netfilter/ipset';

import type { IpFamily } from '../../model/address.js';

/**
 * The address sets of ipvs mode; names and comments are upstream's, because people and tools search
 * for them.
 */
const SETS = {
  loopBack: [
    'KUBE-LOOP-BACK',
    'hash:ip,port,ip',
    'Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose',
  ],
  clusterIp: [
    'KUBE-CLUSTER-IP',
    'hash:ip,port',
    'Kubernetes service cluster ip + port for masquerade purpose',
  ],
  externalIp: [
    'KUBE-EXTERNAL-IP',
    'hash:ip,port',
    'Kubernetes service external ip + port for masquerade and filter purpose',
  ],
  externalIpLocal: [
    'KUBE-EXTERNAL-IP-LOCAL',
    'hash:ip,port',
    'Kubernetes service external ip + port with externalTrafficPolicy=local',
  ],
  loadBalancer: ['KUBE-LOAD-BALANCER', 'hash:ip,port', 'Kubernetes service lb portal'],
  loadBalancerLocal: [
    'KUBE-LOAD-BALANCER-LOCAL',
    'hash:ip,port',
    'Kubernetes service load balancer ip + port with externalTrafficPolicy=local',
  ],
  loadBalancerFirewall: [
    'KUBE-LOAD-BALANCER-FW',
    'hash:ip,port',
    'Kubernetes service load balancer ip + port for load balancer with sourceRange',
  ],
  loadBalancerSourceCidr: [
    'KUBE-LOAD-BALANCER-SOURCE-CIDR',
    'hash:ip,port,net',
    'Kubernetes service load balancer ip + port + source cidr for packet filter purpose',
  ],
  loadBalancerSourceIp: [
    'KUBE-LOAD-BALANCER-SOURCE-IP',
    'hash:ip,port,ip',
    'Kubernetes service load balancer ip + port + source IP for packet filter purpose',
  ],
  nodePortTcp: [
    'KUBE-NODE-PORT-TCP',
    'bitmap:port',
    'Kubernetes nodeport TCP port for masquerade purpose',
  ],
  nodePortLocalTcp: [
    'KUBE-NODE-PORT-LOCAL-TCP',
    'bitmap:port',
    'Kubernetes nodeport TCP port with externalTrafficPolicy=local',
  ],
  nodePortUdp: [
    'KUBE-NODE-PORT-UDP',
    'bitmap:port',
    'Kubernetes nodeport UDP port for masquerade purpose',
  ],
  nodePortLocalUdp: [
    'KUBE-NODE-PORT-LOCAL-UDP',
    'bitmap:port',
    'Kubernetes nodeport UDP port with externalTrafficPolicy=local',
  ],
  nodePortSctp: [
    'KUBE-NODE-PORT-SCTP-HASH',
    'hash:ip,port',
    "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
  ],
  nodePortLocalSctp: [
    'KUBE-NODE-PORT-LOCAL-SCTP-HASH',
    'hash:ip,port',
    "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
  ],
  healthCheckNodePort: [
    'KUBE-HEALTH-CHECK-NODE-PORT',
    'bitmap:port',
    'Kubernetes health check node port',
  ],
  ipvsIps: ['KUBE-IPVS-IPS', 'hash:ip', 'Addresses on the ipvs interface'],
} as const satisfies Readonly<Record<string, readonly [string, IpsetType, string]>>;

export type SetId = keyof typeof SETS;
export const SET_IDS = Object.keys(SETS) as readonly SetId[];

/** The kernel's limit on set names. */
const MAX_NAME = 31;

/** Returns `KUBE-CLUSTER-IP`, or `KUBE-6-CLUSTER-IP` for IPv6, cut to the kernel's limit. */
export function setName(id: SetId, family: IpFamily): string {
  const [name] = SETS[id];
  if (family === 'IPv4') return name;
  return name.replace(/^KUBE-/, 'KUBE-6-').slice(0, MAX_NAME);
}

export function setSpec(id: SetId, family: IpFamily): IpsetSpec {
  return { name: setName(id, family), type: SETS[id][1], family };
}

/** Returns the comment of rules that use the set. */
export function setComment(id: SetId): string {
  return SETS[id][2];
}
