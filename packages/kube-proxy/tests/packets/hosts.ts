import type { IpFamily } from '../../src/index.js';
import type { HostName, ServerName } from './cases.js';

export const FAMILIES: readonly IpFamily[] = ['IPv4', 'IPv6'];

/** The node under test, in {@link ZONE}, and the node of `remotePod`. */
export const NODE = 'node-a';
export const OTHER_NODE = 'node-b';
export const ZONE = 'zone-a';

export interface HostPlan {
  /** The cable's end on the node. */
  readonly device: string;
  readonly address: Readonly<Record<IpFamily, string>>;
  /** The node's address at this host's cable. */
  readonly gateway: Readonly<Record<IpFamily, string>>;
}

function host(device: string, net4: string, net6: string): HostPlan {
  return {
    device,
    address: { IPv4: `${net4}.2`, IPv6: `${net6}::2` },
    gateway: { IPv4: `${net4}.1`, IPv6: `${net6}::1` },
  };
}

/** Every host has its own cable to the node. */
export const HOSTS: Readonly<Record<Exclude<HostName, 'node'>, HostPlan>> = {
  client: host('out-client', '192.168.50', 'fd50'),
  stranger: host('out-stranger', '192.168.60', 'fd60'),
  podA: host('pod-a', '10.244.1', 'fd00:10:244:1'),
  podB: host('pod-b', '10.244.2', 'fd00:10:244:2'),
  remotePod: host('out-remote', '10.244.9', 'fd00:10:244:9'),
};

export const SERVERS: Readonly<Record<ServerName, 'podA' | 'podB' | 'remotePod'>> = {
  a: 'podA',
  b: 'podB',
  remote: 'remotePod',
};

/** `spec.podCIDRs` of the node: narrower than the cluster's range. */
export const NODE_POD_CIDRS = ['10.244.1.0/24', 'fd00:10:244:1::/64'];

/** The node's own addresses, the primary one first. */
export function nodeAddresses(family: IpFamily): readonly string[] {
  return Object.values(HOSTS).map(({ gateway }) => gateway[family]);
}
