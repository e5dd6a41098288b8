import type { IpFamily } from '../../src/index.js';
import type { TracePacket } from '../../src/plan/explain/index.js';

export const SERVICE_PORTS = [80, 443] as const;

/** Returns the node port of a port by its index and the index of its Service. */
export const nodePortOf = (service: number, port: number): number => 30_000 + 10 * service + port;

export type Sender = Pick<TracePacket, 'from' | 'source' | 'inInterface'>;

/** The addresses of generated worlds, few enough that packets often hit a Service. */
export interface Places {
  readonly family: IpFamily;
  readonly clusterIp: (i: number) => string;
  readonly serviceCidr: string;
  readonly clusterCidr: string;
  readonly podCidrs: readonly string[];
  /** All addresses of the node, the primary one first. */
  readonly node: readonly string[];
  /** Loopback addresses other than the interface's own. */
  readonly loopback: readonly string[];
  readonly nodePortAddresses: readonly (readonly string[])[];
  /** One of them is the node's own address. */
  readonly external: readonly string[];
  /** One of them is also an external address, and one is the node's own. */
  readonly balancers: readonly string[];
  readonly sourceRanges: readonly string[];
  readonly endpoints: readonly Readonly<{ ip: string; here: boolean }>[];
  readonly senders: readonly Sender[];
  /** Addresses of no Service: inside the service range, a pod, outside. */
  readonly others: readonly string[];
}

interface Prefixes {
  readonly family: IpFamily;
  /** Joins a network's prefix and a host number. */
  readonly at: (network: string, host: string) => string;
  readonly bits: Readonly<{ cluster: number; net: number; host: number }>;
  readonly nets: Readonly<
    Record<
      'service' | 'pods' | 'far' | 'node' | 'side' | 'outer' | 'balancer' | 'client' | 'stranger',
      string
    >
  >;
  readonly clusterCidr: string;
  readonly loopback: Readonly<{ own: string; range: string; others: readonly string[] }>;
}

export const PLACES: Readonly<Record<IpFamily, Places>> = {
  IPv4: placesOf({
    family: 'IPv4',
    at: (network, host) => `${network}.${host}`,
    bits: { cluster: 16, net: 24, host: 32 },
    nets: {
      service: '10.96.0',
      pods: '10.244.1',
      far: '10.244.9',
      node: '192.168.0',
      side: '192.168.50',
      outer: '203.0.113',
      balancer: '198.51.100',
      client: '198.18.0',
      stranger: '198.19.0',
    },
    clusterCidr: '10.244.0.0/16',
    loopback: { own: '127.0.0.1', range: '127.0.0.0/8', others: ['127.0.0.2'] },
  }),
  IPv6: placesOf({
    family: 'IPv6',
    at: (network, host) => `${network}::${host}`,
    bits: { cluster: 48, net: 64, host: 128 },
    nets: {
      service: 'fd00:96',
      pods: 'fd00:10:244:1',
      far: 'fd00:10:244:9',
      node: 'fd00:168',
      side: 'fd00:50',
      outer: '2001:db8:1',
      balancer: '2001:db8:2',
      client: 'fd00:18',
      stranger: 'fd00:19',
    },
    clusterCidr: 'fd00:10:244::/48',
    loopback: { own: '::1', range: '::1/128', others: [] },
  }),
};

function placesOf({ family, at, bits, nets, clusterCidr, loopback }: Prefixes): Places {
  const range = (network: string): string => `${at(network, '0')}/${bits.net}`;
  const node = [at(nets.node, '2'), at(nets.side, '1'), loopback.own];
  const [primary, side] = [at(nets.node, '2'), at(nets.side, '1')];
  const everywhere = family === 'IPv4' ? '0.0.0.0/0' : '::/0';
  const external = [at(nets.outer, '1'), at(nets.outer, '2'), side];
  const balancers = [at(nets.balancer, '1'), at(nets.balancer, '2'), at(nets.outer, '1'), side];
  const pods = [at(nets.pods, '2'), at(nets.pods, '3')];
  const far = [at(nets.far, '2'), at(nets.far, '3')];
  const network = (source: string, inInterface: string): Sender => {
    return { from: 'network', source, inInterface };
  };
  return {
    family,
    clusterIp: (i) => at(nets.service, String(10 + i)),
    serviceCidr: range(nets.service),
    clusterCidr,
    podCidrs: [range(nets.pods)],
    node,
    loopback: loopback.others,
    nodePortAddresses: [
      [],
      [],
      ['primary'],
      [everywhere],
      [range(nets.side)],
      [loopback.range],
      [range(nets.node), loopback.range],
    ],
    external,
    balancers,
    sourceRanges: [
      range(nets.client),
      `${at(nets.client, '1')}/${bits.host}`,
      clusterCidr,
      range(nets.pods),
      range(nets.node),
    ],
    endpoints: [
      ...pods.map((ip) => ({ ip, here: true })),
      ...far.map((ip) => ({ ip, here: false })),
      { ip: primary, here: true }, // pods on the hosts' network
      { ip: at(nets.node, '9'), here: false },
    ],
    senders: [
      network(at(nets.client, '1'), 'eth0'),
      network(at(nets.client, '7'), 'eth0'),
      network(at(nets.stranger, '1'), 'eth0'),
      network(at(nets.node, '9'), 'eth0'),
      network(at(nets.balancer, '1'), 'eth0'),
      ...pods.map((ip, i) => network(ip, i === 0 ? 'pod-a' : 'pod-b')),
      ...far.map((ip) => network(ip, 'eth0')),
      ...node.map((source): Sender => ({ from: 'host', source })),
    ],
    others: [at(nets.service, '200'), at(nets.pods, '2'), at(nets.stranger, '9')],
  };
}
