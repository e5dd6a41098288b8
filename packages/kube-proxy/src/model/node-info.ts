import type { Node } from '@nodeagent/kube-client';

import { canonicalIp, familyOf, type IpFamily } from './address.js';

/** The part of the Node object that the proxy needs. */
export interface NodeInfo {
  /** At most one address of each family; the family of the status's first address comes first. */
  readonly ips: readonly string[];
  readonly podCidrs: readonly string[];
  /** Label `topology.kubernetes.io/zone`. */
  readonly zone: string | undefined;
  /**
   * Load balancers may send traffic to this node. False while the Node or the cluster autoscaler's
   * taint announces its removal.
   */
  readonly eligible: boolean;
}

const ZONE = 'topology.kubernetes.io/zone';
const GOING_AWAY = 'ToBeDeletedByClusterAutoscaler';

/**
 * Keeps the needed part of a Node. Every value has its declared type, whatever the API server sent.
 *
 * @throws {TypeError} when the object does not have the API's types
 */
export function projectNode({ metadata, spec, status }: Node): NodeInfo {
  const addresses = ['InternalIP', 'ExternalIP'].flatMap((type) =>
    (status?.addresses ?? [])
      .filter((address) => address.type === type)
      .flatMap(({ address }) => canonicalIp(address) ?? []),
  );
  const [first] = addresses;
  const second = addresses.find((ip) => first !== undefined && familyOf(ip) !== familyOf(first));
  const leaving =
    metadata?.deletionTimestamp !== undefined ||
    (spec?.taints ?? []).some(({ key }) => key === GOING_AWAY);
  return {
    ips: [first, second].filter((ip) => ip !== undefined),
    podCidrs: textsOf(spec?.podCIDRs ?? []),
    zone: zoneOf(metadata?.labels?.[ZONE]),
    eligible: !leaving,
  };
}

function textsOf(cidrs: unknown): readonly string[] {
  const isText = (cidr: unknown): cidr is string => typeof cidr === 'string';
  if (Array.isArray(cidrs) && cidrs.every(isText)) return cidrs;
  throw new TypeError('spec.podCIDRs: expected a list of strings');
}

function zoneOf(label: unknown): string | undefined {
  if (label === undefined || typeof label === 'string') return label;
  throw new TypeError(`the label ${ZONE}: expected a string`);
}

export interface NodeIps {
  readonly ips: Readonly<Record<IpFamily, string>>;
  readonly primary: IpFamily;
}

/**
 * Returns the node's address in each family: from its object, overridden by a bind address that is
 * not a wildcard; loopback when nothing is known. @see Kubernetes 1.36
 * cmd/kube-proxy/app/server.go, detectNodeIPs
 */
export function detectNodeIps(nodeIps: readonly string[], bindAddress: string): NodeIps {
  const ips: Record<IpFamily, string> = { IPv4: '127.0.0.1', IPv6: '::1' };
  let primary: IpFamily = 'IPv4';
  for (const ip of nodeIps.toReversed()) {
    primary = familyOf(ip);
    ips[primary] = ip;
  }
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') {
    primary = familyOf(bindAddress);
    ips[primary] = bindAddress;
  }
  return { ips, primary };
}
