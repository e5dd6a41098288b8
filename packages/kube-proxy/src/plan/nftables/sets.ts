import type { NftSet } from '@nodeagent/netfilter/nftables';

/** Key of a packet's destination: an address with a port, or a port of the node. */
const FRONTEND = ['address', 'protocol', 'port'] as const;
const NODE_PORT = ['protocol', 'port'] as const;
const BACKEND = ['address', 'port'] as const;

/** Every set and map that always exists. Those with upstream's names have upstream's types. */
export const SETS = {
  hairpin: {
    name: 'hairpin-connections',
    key: ['address', 'address', 'protocol', 'port'],
    comment: 'connections of endpoints with themselves',
  },
  clusterIps: { name: 'cluster-ips', key: ['address'], comment: 'cluster IPs in use' },
  nodePortIps: {
    name: 'nodeport-ips',
    key: ['address'],
    comment: 'addresses of this node that answer on node ports',
  },
  noEndpointServices: {
    name: 'no-endpoint-services',
    key: FRONTEND,
    data: 'verdict',
    comment: 'addresses of Services that nothing serves: reject or drop',
  },
  noEndpointNodePorts: {
    name: 'no-endpoint-nodeports',
    key: NODE_PORT,
    data: 'verdict',
    comment: 'node ports that nothing serves: reject or drop',
  },
  firewallIps: {
    name: 'firewall-ips',
    key: FRONTEND,
    data: 'verdict',
    comment: 'load balancer addresses that not everyone may use',
  },
  serviceIps: {
    name: 'service-ips',
    key: FRONTEND,
    data: 'verdict',
    comment: 'all addresses of Services, and how they choose an endpoint',
  },
  serviceNodePorts: {
    name: 'service-nodeports',
    key: NODE_PORT,
    data: 'verdict',
    comment: 'node ports, and how they choose an endpoint',
  },
  endpoints: {
    name: 'endpoints',
    key: [...FRONTEND, 'index'],
    data: BACKEND,
    comment: 'the endpoints of each address, numbered from 0',
  },
  localEndpoints: {
    name: 'local-endpoints',
    key: [...FRONTEND, 'index'],
    data: BACKEND,
    comment: 'those on this node, for traffic that must stay here',
  },
  nodePortEndpoints: {
    name: 'nodeport-endpoints',
    key: [...NODE_PORT, 'index'],
    data: BACKEND,
    comment: 'the endpoints of each node port, numbered from 0',
  },
  localNodePortEndpoints: {
    name: 'local-nodeport-endpoints',
    key: [...NODE_PORT, 'index'],
    data: BACKEND,
    comment: 'those on this node, for traffic that must stay here',
  },
} as const satisfies Readonly<Record<string, NftSet>>;

/** Sets that Services fill; the configuration fills the other one, `nodeport-ips`. */
export const SERVICE_SETS: readonly NftSet[] = Object.values(SETS).filter(
  (set) => set !== SETS.nodePortIps,
);
