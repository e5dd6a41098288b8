import type { EndpointSlice, Service } from '@nodeagent/kube-client';

import { canonicalCidr, canonicalIp, isUsableEndpointIp } from '../model/address.js';
import { firstAddress } from '../model/endpoint.js';
import { isPortName, isPortNumber, isProtocol } from '../model/service.js';

/** One sentence per part of an object that cannot be served; the rest of the object is served. */
export type FoundProblems = readonly string[];

const NONE: FoundProblems = [];

/**
 * Finds the parts of a Service that no rule can express. An API server refuses most of them;
 * objects from before a check existed, or from servers without the check, still have them.
 */
export function findServiceProblems({ spec, status }: Service): FoundProblems {
  if (spec === undefined || spec.type === 'ExternalName') return NONE;
  const found: string[] = [];
  const addresses = [spec.clusterIP ?? '', ...(spec.clusterIPs ?? [])];
  for (const ip of new Set(addresses)) {
    if (ip !== '' && ip !== 'None' && canonicalIp(ip) === undefined) {
      found.push(`cluster IP "${ip}" is not an IP address`);
    }
  }
  for (const ip of spec.externalIPs ?? []) {
    if (canonicalIp(ip) === undefined) found.push(`external IP "${ip}" is not an IP address`);
  }
  for (const range of spec.loadBalancerSourceRanges ?? []) {
    if (canonicalCidr(range.trim()) === undefined) {
      found.push(`load balancer source range "${range}" is not a CIDR`);
    }
  }
  for (const { ip } of status?.loadBalancer?.ingress ?? []) {
    if (ip !== undefined && ip !== '' && canonicalIp(ip) === undefined) {
      found.push(`load balancer address "${ip}" is not an IP address`);
    }
  }
  found.push(...portProblems(spec.ports ?? []));
  const wantsCheck = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
  if (wantsCheck && (spec.healthCheckNodePort ?? 0) === 0) {
    found.push('externalTrafficPolicy Local without a healthCheckNodePort');
  }
  return found;
}

type Ports = NonNullable<NonNullable<Service['spec']>['ports']>;

function portProblems(ports: Ports): string[] {
  return ports.flatMap(({ name, port, nodePort, protocol }) => {
    const what = `port ${name === undefined || name === '' ? port : `"${name}"`}`;
    if (name !== undefined && !isPortName(name))
      return [`${what} has a name that is not a DNS label`];
    const wrong: string[] = [];
    if (!isProtocol(protocol)) wrong.push(`${what} has the unknown protocol "${protocol}"`);
    if (!isPortNumber(port)) wrong.push(`${what}: ${port} is not a port number`);
    if (nodePort !== undefined && nodePort !== 0 && !isPortNumber(nodePort)) {
      wrong.push(`${what}: node port ${nodePort} is not a port number`);
    }
    return wrong;
  });
}

/** Finds endpoints to which nothing may be forwarded, and invalid ports. */
export function findSliceProblems({ addressType, endpoints, ports }: EndpointSlice): FoundProblems {
  if (addressType !== 'IPv4' && addressType !== 'IPv6') return NONE;
  const found: string[] = [];
  for (const endpoint of endpoints ?? []) {
    const text = firstAddress(endpoint);
    if (text === undefined) continue;
    const ip = canonicalIp(text);
    if (ip === undefined) found.push(`endpoint "${text}" is not an IP address`);
    else if (!isUsableEndpointIp(ip, addressType)) {
      found.push(`endpoint ${text} cannot be forwarded to`);
    }
  }
  for (const { name = '', port, protocol } of ports ?? []) {
    if (!isProtocol(protocol)) found.push(`port "${name}" has the unknown protocol "${protocol}"`);
    if (port !== undefined && port !== 0 && !isPortNumber(port)) {
      found.push(`port "${name}": ${port} is not a port number`);
    }
  }
  return found;
}
