import { cidrContains } from '../../model/address.js';
import type { LocalTraffic } from '../../model/local-traffic.js';
import type { ServicePort } from '../../model/service.js';
import type { TraceNode, TracePacket } from './types.js';

export function isFromLocalTraffic(
  traffic: LocalTraffic,
  { source, inInterface = '' }: TracePacket,
): boolean {
  switch (traffic.kind) {
    case 'from-cidr':
      return cidrContains(traffic.cidr, source);
    case 'from-interface':
      return inInterface === traffic.name;
    case 'from-interface-prefix':
      return inInterface !== '' && inInterface.startsWith(traffic.prefix);
  }
}

/** True when this source may use the load balancer addresses of a Service with source ranges. */
export function isAdmitted(
  { sourceRanges, loadBalancerIps }: ServicePort,
  source: string,
  { nodeIp, admitsBalancer }: TraceNode,
): boolean {
  const holds = (ip: string): boolean => sourceRanges.some((range) => cidrContains(range, ip));
  if (holds(source)) return true;
  return (
    admitsBalancer && nodeIp !== undefined && holds(nodeIp) && loadBalancerIps.includes(source)
  );
}
