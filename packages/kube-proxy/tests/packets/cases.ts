import type { IpFamily, ProxyMode } from '../../src/index.js';

/**
 * The required outcome of packets to Services in every mode: the server that answers, the address
 * that the connection seems to come from, or the form of refusal. One table for every backend, for
 * real packets in network namespaces and for the packet tracer.
 */

/** Hosts of the test network. `client` and `stranger` are outside the cluster. */
export type HostName = 'client' | 'stranger' | 'node' | 'podA' | 'podB' | 'remotePod';

/** The pods that serve: `a` and `b` on the node under test, `remote` on another. */
export type ServerName = 'a' | 'b' | 'remote';

export type Expected =
  /** The sender is refused at once: port unreachable, or reset. */
  | 'refused'
  /** The sender hears nothing. */
  | 'no answer'
  | Answered;

export interface Answered {
  /** Each of these servers must answer at some time, and no other server ever. */
  readonly servers: readonly ServerName[];
  /**
   * The source address that the server sees: the sender's, or any address of the node. Absent:
   * either.
   */
  readonly sees?: 'sender' | 'node';
  /** All answers to one client come from one server. */
  readonly sticky?: boolean;
}

/** The destination of a packet: an address of a Service, of the node, or a made-up one. */
export type Target =
  | Readonly<{ clusterIp: string }>
  | Readonly<{ externalIp: string }>
  | Readonly<{ loadBalancerIp: string }>
  /** The node's address on the client's side; for `pod` on the side of pod a; or loopback. */
  | Readonly<{ node: 'client' | 'pod' | 'loopback' }>;

export interface PacketCase {
  readonly name: string;
  readonly from: HostName;
  readonly to: Target;
  readonly port: number;
  /** TCP when absent. */
  readonly protocol?: 'udp' | 'sctp';
  readonly want: Expected;
  /**
   * Known differences of a mode or family. ipvs has one list of servers for all senders: under a
   * local policy those on this node, and all others when there are none; it never drops.
   */
  readonly except?: Readonly<Partial<Record<ProxyMode | 'IPv6', Expected>>>;
}

export interface EndpointSketch {
  readonly pod: ServerName;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
  readonly zones?: readonly string[];
  readonly nodes?: readonly string[];
}

export interface PortSketch {
  /** The Service's port. */
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
  readonly nodePort?: number;
}

export interface ServiceSketch {
  readonly name: string;
  readonly ports: readonly PortSketch[];
  readonly type?: 'NodePort' | 'LoadBalancer';
  readonly endpoints: readonly (ServerName | EndpointSketch)[];
  /** Both families when absent. */
  readonly families?: readonly IpFamily[];
  /** True when the Service has an external address. */
  readonly external?: boolean;
  /**
   * The kind of the Service's load balancer address; `Proxy`: one that never appears on packets at
   * the node.
   */
  readonly balanced?: 'VIP' | 'Proxy';
  readonly sourceRanges?: readonly string[];
  readonly sticky?: boolean;
  /** True when the Service is labelled for another proxy. */
  readonly otherProxy?: boolean;
  readonly externalPolicy?: 'Local';
  readonly internalPolicy?: 'Local';
}

/** Settings of the proxy that change the outcome for packets. */
export interface Settings {
  readonly masqueradeAll?: boolean;
  /**
   * By default, the range of all pods' addresses. The bridge is pod a's cable; the node's range
   * contains pod a.
   */
  readonly pods?: 'unknown' | 'by interface' | 'by bridge' | 'by the node’s range';
  readonly nodePortsOn?: 'client side';
}

/** Cases that share one proxy. */
export interface World {
  readonly name: string;
  readonly settings: Settings;
  readonly services: readonly ServiceSketch[];
  readonly cases: readonly PacketCase[];
}

const http = { port: 80 } as const;
const near: Answered = { servers: ['a', 'b'], sees: 'node' };

const SERVICES: readonly ServiceSketch[] = [
  {
    name: 'web',
    type: 'NodePort',
    ports: [{ ...http, nodePort: 30_080 }],
    endpoints: ['a', 'b'],
  },
  { name: 'only', ports: [http], endpoints: ['a'] },
  { name: 'far', ports: [http], endpoints: ['remote'] },
  {
    name: 'empty',
    type: 'LoadBalancer',
    balanced: 'VIP',
    external: true,
    ports: [{ ...http, nodePort: 30_082 }],
    endpoints: [],
  },
  {
    name: 'unready',
    ports: [http],
    endpoints: [{ pod: 'a', ready: false, serving: false }],
  },
  {
    name: 'sticky',
    type: 'NodePort',
    sticky: true,
    ports: [{ ...http, nodePort: 30_083 }],
    endpoints: ['a', 'b'],
  },
  {
    name: 'local',
    type: 'LoadBalancer',
    balanced: 'VIP',
    external: true,
    externalPolicy: 'Local',
    internalPolicy: 'Local',
    ports: [{ ...http, nodePort: 30_084 }],
    endpoints: ['b', 'remote'],
  },
  {
    name: 'elsewhere',
    type: 'LoadBalancer',
    balanced: 'VIP',
    external: true,
    externalPolicy: 'Local',
    ports: [{ ...http, nodePort: 30_085 }],
    endpoints: ['remote'],
  },
  { name: 'elsewhere-inside', internalPolicy: 'Local', ports: [http], endpoints: ['remote'] },
  {
    name: 'guarded',
    type: 'LoadBalancer',
    balanced: 'VIP',
    sourceRanges: ['192.168.50.0/24', ' fd50::/64 '],
    ports: [{ ...http, nodePort: 30_086 }],
    endpoints: ['a'],
  },
  {
    name: 'guarded-local',
    type: 'LoadBalancer',
    balanced: 'VIP',
    externalPolicy: 'Local',
    sourceRanges: ['192.168.50.2/32', 'fd50::2/128'],
    ports: [{ ...http, nodePort: 30_091 }],
    endpoints: ['a', 'remote'],
  },
  {
    name: 'by-proxy',
    type: 'LoadBalancer',
    balanced: 'Proxy',
    ports: [{ ...http, nodePort: 30_087 }],
    endpoints: ['a'],
  },
  { name: 'outside', external: true, ports: [http], endpoints: ['a', 'b'] },
  {
    name: 'leaving',
    ports: [http],
    endpoints: [
      { pod: 'a', ready: false, serving: true, terminating: true },
      { pod: 'b', ready: false, serving: false, terminating: true },
    ],
  },
  {
    name: 'one-leaves',
    ports: [http],
    endpoints: ['b', { pod: 'a', ready: false, serving: true, terminating: true }],
  },
  {
    name: 'local-leaves',
    type: 'NodePort',
    externalPolicy: 'Local',
    ports: [{ ...http, nodePort: 30_088 }],
    endpoints: ['remote', { pod: 'a', ready: false, serving: true, terminating: true }],
  },
  {
    name: 'zoned',
    ports: [http],
    endpoints: [
      { pod: 'a', zones: ['zone-a'] },
      { pod: 'b', zones: ['zone-b', 'zone-c'] },
      { pod: 'remote', zones: ['zone-b'] },
    ],
  },
  {
    name: 'half-zoned',
    ports: [http],
    endpoints: [{ pod: 'a', zones: ['zone-a'] }, 'b'],
  },
  {
    name: 'same-node',
    ports: [http],
    endpoints: [
      { pod: 'b', zones: ['zone-a'], nodes: ['node-a'] },
      { pod: 'remote', zones: ['zone-a'], nodes: ['node-b'] },
    ],
  },
  {
    name: 'dns',
    type: 'NodePort',
    ports: [
      { port: 53, protocol: 'UDP', nodePort: 30_053 },
      { port: 53, protocol: 'TCP', nodePort: 30_054 },
    ],
    endpoints: ['a'],
  },
  { name: 'dns-empty', ports: [{ port: 53, protocol: 'UDP' }], endpoints: [] },
  {
    name: 'dns-local',
    type: 'NodePort',
    externalPolicy: 'Local',
    ports: [{ port: 53, protocol: 'UDP', nodePort: 30_055 }],
    endpoints: ['b', 'remote'],
  },
  {
    name: 'streams',
    type: 'NodePort',
    ports: [{ port: 9000, protocol: 'SCTP', nodePort: 30_090 }],
    endpoints: ['a', 'remote'],
  },
  { name: 'streams-empty', ports: [{ port: 9000, protocol: 'SCTP' }], endpoints: [] },
  {
    name: 'four-only',
    type: 'NodePort',
    families: ['IPv4'],
    ports: [{ ...http, nodePort: 30_089 }],
    endpoints: ['a'],
  },
  {
    name: 'not-ours',
    type: 'NodePort',
    otherProxy: true,
    ports: [{ ...http, nodePort: 30_092 }],
    endpoints: ['a'],
  },
];

const CLUSTER_IP: readonly PacketCase[] = [
  {
    name: 'from outside, as the node',
    from: 'client',
    to: { clusterIp: 'web' },
    port: 80,
    want: near,
  },
  {
    name: 'from a pod, as itself',
    from: 'podB',
    to: { clusterIp: 'only' },
    port: 80,
    want: { servers: ['a'], sees: 'sender' },
  },
  {
    name: 'from a pod to another node, as itself',
    from: 'podA',
    to: { clusterIp: 'far' },
    port: 80,
    want: { servers: ['remote'], sees: 'sender' },
  },
  {
    name: 'from a pod to itself, as the node',
    from: 'podA',
    to: { clusterIp: 'only' },
    port: 80,
    want: { servers: ['a'], sees: 'node' },
  },
  {
    name: 'from the node',
    from: 'node',
    to: { clusterIp: 'web' },
    port: 80,
    want: { servers: ['a', 'b'], sees: 'node' },
  },
  {
    name: 'one client keeps its server with affinity',
    from: 'client',
    to: { clusterIp: 'sticky' },
    port: 80,
    want: { servers: ['a', 'b'], sticky: true },
  },
  {
    name: 'another port of a Service',
    from: 'client',
    to: { clusterIp: 'web' },
    port: 81,
    want: 'no answer',
    except: { nftables: 'refused', ipvs: 'refused' },
  },
  {
    name: 'no endpoint, from outside',
    from: 'client',
    to: { clusterIp: 'empty' },
    port: 80,
    want: 'refused',
  },
  {
    name: 'no endpoint, from a pod',
    from: 'podA',
    to: { clusterIp: 'empty' },
    port: 80,
    want: 'refused',
  },
  {
    name: 'no endpoint, from the node',
    from: 'node',
    to: { clusterIp: 'empty' },
    port: 80,
    want: 'refused',
  },
  {
    name: 'no ready endpoint',
    from: 'client',
    to: { clusterIp: 'unready' },
    port: 80,
    want: 'refused',
  },
  {
    name: 'of one family only',
    from: 'client',
    to: { clusterIp: 'four-only' },
    port: 80,
    want: { servers: ['a'], sees: 'node' },
    except: { IPv6: 'no answer' },
  },
  {
    name: 'of a Service that another proxy serves',
    from: 'client',
    to: { clusterIp: 'not-ours' },
    port: 80,
    want: 'no answer',
  },
  {
    name: 'all endpoints terminating: those that still serve',
    from: 'client',
    to: { clusterIp: 'leaving' },
    port: 80,
    want: { servers: ['a'] },
  },
  {
    name: 'some terminating: only the others',
    from: 'client',
    to: { clusterIp: 'one-leaves' },
    port: 80,
    want: { servers: ['b'] },
  },
  {
    name: 'hints for zones: this node’s zone',
    from: 'client',
    to: { clusterIp: 'zoned' },
    port: 80,
    want: { servers: ['a'] },
  },
  {
    name: 'hints for some endpoints only count for none',
    from: 'client',
    to: { clusterIp: 'half-zoned' },
    port: 80,
    want: { servers: ['a', 'b'] },
  },
  {
    name: 'hints for nodes win over those for zones',
    from: 'client',
    to: { clusterIp: 'same-node' },
    port: 80,
    want: { servers: ['b'] },
  },
];

const INTERNAL_LOCAL: readonly PacketCase[] = [
  {
    name: 'from a pod, this node’s endpoints only',
    from: 'podA',
    to: { clusterIp: 'local' },
    port: 80,
    want: { servers: ['b'], sees: 'sender' },
  },
  {
    name: 'from the node, this node’s endpoints only',
    from: 'node',
    to: { clusterIp: 'local' },
    port: 80,
    want: { servers: ['b'], sees: 'node' },
  },
  {
    name: 'endpoints elsewhere only',
    from: 'podA',
    to: { clusterIp: 'elsewhere-inside' },
    port: 80,
    want: 'no answer',
    except: { ipvs: 'refused' },
  },
  {
    name: 'external policy does not affect the cluster IP',
    from: 'podA',
    to: { clusterIp: 'elsewhere' },
    port: 80,
    want: { servers: ['remote'], sees: 'sender' },
  },
];

const NODE_PORT: readonly PacketCase[] = [
  {
    name: 'from outside, as the node',
    from: 'client',
    to: { node: 'client' },
    port: 30_080,
    want: near,
  },
  {
    name: 'from a pod',
    from: 'podA',
    to: { node: 'client' },
    port: 30_080,
    want: { servers: ['a', 'b'], sees: 'node' },
  },
  {
    name: 'from a pod on the address that it sees',
    from: 'podA',
    to: { node: 'pod' },
    port: 30_080,
    want: { servers: ['a', 'b'], sees: 'node' },
    except: { nftables: 'refused' }, // node ports on the primary address only
  },
  {
    name: 'from the node',
    from: 'node',
    to: { node: 'client' },
    port: 30_080,
    want: { servers: ['a', 'b'], sees: 'node' },
  },
  {
    name: 'on loopback',
    from: 'node',
    to: { node: 'loopback' },
    port: 30_080,
    want: { servers: ['a', 'b'], sees: 'node' },
    except: {
      IPv6: 'refused',
      nftables: 'refused',
      ipvs: 'refused',
      userspace: { servers: ['a', 'b'] },
    },
  },
  { name: 'no endpoint', from: 'client', to: { node: 'client' }, port: 30_082, want: 'refused' },
  {
    name: 'one client keeps its server with affinity',
    from: 'client',
    to: { node: 'client' },
    port: 30_083,
    want: { servers: ['a', 'b'], sticky: true },
  },
  {
    name: 'local policy, from outside, as itself',
    from: 'client',
    to: { node: 'client' },
    port: 30_084,
    want: { servers: ['b'], sees: 'sender' },
  },
  {
    name: 'local policy, from a pod: any endpoint, as itself',
    from: 'podA',
    to: { node: 'client' },
    port: 30_084,
    want: { servers: ['b', 'remote'], sees: 'sender' },
    except: { ipvs: { servers: ['b'], sees: 'sender' } },
  },
  {
    name: 'local policy, from the node: any endpoint',
    from: 'node',
    to: { node: 'client' },
    port: 30_084,
    want: { servers: ['b', 'remote'], sees: 'node' },
    except: { ipvs: { servers: ['b'], sees: 'node' } },
  },
  {
    name: 'local policy, endpoints elsewhere, from outside',
    from: 'client',
    to: { node: 'client' },
    port: 30_085,
    want: 'no answer',
    except: { ipvs: { servers: ['remote'], sees: 'sender' } },
  },
  {
    name: 'local policy, endpoints elsewhere, from the node',
    from: 'node',
    to: { node: 'client' },
    port: 30_085,
    want: { servers: ['remote'], sees: 'node' },
  },
  {
    name: 'local policy, the local endpoint is terminating',
    from: 'client',
    to: { node: 'client' },
    port: 30_088,
    want: { servers: ['a'], sees: 'sender' },
  },
  {
    name: 'source ranges do not affect it',
    from: 'stranger',
    to: { node: 'client' },
    port: 30_086,
    want: { servers: ['a'], sees: 'node' },
  },
  {
    name: 'of a Service of one family only',
    from: 'client',
    to: { node: 'client' },
    port: 30_089,
    want: { servers: ['a'] },
    except: { IPv6: 'refused' },
  },
  {
    name: 'of a Service that another proxy serves',
    from: 'client',
    to: { node: 'client' },
    port: 30_092,
    want: 'refused',
  },
  {
    name: 'a port that no Service has',
    from: 'client',
    to: { node: 'client' },
    port: 30_999,
    want: 'refused',
  },
];

const LOAD_BALANCER: readonly PacketCase[] = [
  {
    name: 'no endpoint',
    from: 'client',
    to: { loadBalancerIp: 'empty' },
    port: 80,
    want: 'refused',
  },
  {
    name: 'local policy, from outside, as itself',
    from: 'client',
    to: { loadBalancerIp: 'local' },
    port: 80,
    want: { servers: ['b'], sees: 'sender' },
  },
  {
    name: 'local policy, endpoints elsewhere, from outside',
    from: 'client',
    to: { loadBalancerIp: 'elsewhere' },
    port: 80,
    want: 'no answer',
    except: { ipvs: { servers: ['remote'], sees: 'sender' } },
  },
  {
    name: 'local policy, endpoints elsewhere, from a pod, as itself',
    from: 'podA',
    to: { loadBalancerIp: 'elsewhere' },
    port: 80,
    want: { servers: ['remote'], sees: 'sender' },
  },
  {
    name: 'local policy, endpoints elsewhere, from the node',
    from: 'node',
    to: { loadBalancerIp: 'elsewhere' },
    port: 80,
    want: { servers: ['remote'], sees: 'node' },
    except: { ipvs: { servers: ['remote'] } },
  },
  {
    name: 'source ranges: from inside them',
    from: 'client',
    to: { loadBalancerIp: 'guarded' },
    port: 80,
    want: { servers: ['a'], sees: 'node' },
  },
  {
    name: 'source ranges: from elsewhere',
    from: 'stranger',
    to: { loadBalancerIp: 'guarded' },
    port: 80,
    want: 'no answer',
  },
  {
    name: 'source ranges: from a pod outside them',
    from: 'podB',
    to: { loadBalancerIp: 'guarded' },
    port: 80,
    want: 'no answer',
  },
  {
    name: 'source ranges do not affect the cluster IP',
    from: 'stranger',
    to: { clusterIp: 'guarded' },
    port: 80,
    want: { servers: ['a'] },
  },
  {
    name: 'source ranges and local policy: from inside, as itself',
    from: 'client',
    to: { loadBalancerIp: 'guarded-local' },
    port: 80,
    want: { servers: ['a'], sees: 'sender' },
  },
  {
    name: 'source ranges and local policy: from elsewhere',
    from: 'stranger',
    to: { loadBalancerIp: 'guarded-local' },
    port: 80,
    want: 'no answer',
  },
  {
    name: 'an address that the load balancer keeps to itself is not served',
    from: 'client',
    to: { loadBalancerIp: 'by-proxy' },
    port: 80,
    want: 'no answer',
  },
  {
    name: 'but its node port is served',
    from: 'client',
    to: { node: 'client' },
    port: 30_087,
    want: { servers: ['a'] },
  },
];

const EXTERNAL_IP: readonly PacketCase[] = [
  {
    name: 'from outside, as the node',
    from: 'client',
    to: { externalIp: 'outside' },
    port: 80,
    want: near,
  },
  {
    name: 'from a pod, as the node',
    from: 'podB',
    to: { externalIp: 'outside' },
    port: 80,
    want: near,
  },
  {
    name: 'from the node',
    from: 'node',
    to: { externalIp: 'outside' },
    port: 80,
    want: { servers: ['a', 'b'], sees: 'node' },
  },
  { name: 'no endpoint', from: 'client', to: { externalIp: 'empty' }, port: 80, want: 'refused' },
  {
    name: 'local policy, as itself',
    from: 'client',
    to: { externalIp: 'local' },
    port: 80,
    want: { servers: ['b'], sees: 'sender' },
  },
  {
    name: 'local policy, endpoints elsewhere',
    from: 'client',
    to: { externalIp: 'elsewhere' },
    port: 80,
    want: 'no answer',
    except: { ipvs: { servers: ['remote'], sees: 'sender' } },
  },
];

const OTHER_PROTOCOLS: readonly PacketCase[] = [
  {
    name: 'UDP to a cluster IP, as the node',
    from: 'client',
    to: { clusterIp: 'dns' },
    port: 53,
    protocol: 'udp',
    want: { servers: ['a'], sees: 'node' },
  },
  {
    name: 'TCP to the same port',
    from: 'client',
    to: { clusterIp: 'dns' },
    port: 53,
    want: { servers: ['a'], sees: 'node' },
  },
  {
    name: 'UDP from a pod, as itself',
    from: 'podB',
    to: { clusterIp: 'dns' },
    port: 53,
    protocol: 'udp',
    want: { servers: ['a'], sees: 'sender' },
  },
  {
    name: 'UDP to a node port',
    from: 'client',
    to: { node: 'client' },
    port: 30_053,
    protocol: 'udp',
    want: { servers: ['a'], sees: 'node' },
  },
  {
    name: 'UDP to a node port with local policy, as itself',
    from: 'client',
    to: { node: 'client' },
    port: 30_055,
    protocol: 'udp',
    want: { servers: ['b'], sees: 'sender' },
  },
  {
    name: 'UDP without endpoint',
    from: 'client',
    to: { clusterIp: 'dns-empty' },
    port: 53,
    protocol: 'udp',
    want: 'refused',
  },
  {
    name: 'SCTP to a cluster IP, as the node',
    from: 'client',
    to: { clusterIp: 'streams' },
    port: 9000,
    protocol: 'sctp',
    want: { servers: ['a', 'remote'], sees: 'node' },
    except: { userspace: 'no answer' }, // the userspace mode does not carry SCTP
  },
  {
    name: 'SCTP from a pod, as itself',
    from: 'podB',
    to: { clusterIp: 'streams' },
    port: 9000,
    protocol: 'sctp',
    want: { servers: ['a', 'remote'], sees: 'sender' },
    except: { userspace: 'no answer' },
  },
  {
    name: 'SCTP to a node port',
    from: 'client',
    to: { node: 'client' },
    port: 30_090,
    protocol: 'sctp',
    want: { servers: ['a', 'remote'], sees: 'node' },
    except: { userspace: 'refused' },
  },
  {
    name: 'SCTP without endpoint',
    from: 'client',
    to: { clusterIp: 'streams-empty' },
    port: 9000,
    protocol: 'sctp',
    want: 'refused',
    except: { userspace: 'no answer' },
  },
];

function titled(title: string, cases: readonly PacketCase[]): PacketCase[] {
  return cases.map((one) => ({ ...one, name: `${title}: ${one.name}` }));
}

const USUAL: World = {
  name: 'usual settings',
  settings: {},
  services: SERVICES,
  cases: [
    ...titled('cluster IP', CLUSTER_IP),
    ...titled('internal policy', INTERNAL_LOCAL),
    ...titled('node port', NODE_PORT),
    ...titled('load balancer', LOAD_BALANCER),
    ...titled('external IP', EXTERNAL_IP),
    ...titled('protocols', OTHER_PROTOCOLS),
  ],
};

const few = (...names: string[]): readonly ServiceSketch[] =>
  SERVICES.filter(({ name }) => names.includes(name));

const MASQUERADE_ALL: World = {
  name: 'everything masqueraded',
  settings: { masqueradeAll: true },
  services: few('only', 'web', 'local'),
  cases: [
    {
      name: 'cluster IP: from a pod, as the node',
      from: 'podB',
      to: { clusterIp: 'only' },
      port: 80,
      want: { servers: ['a'], sees: 'node' },
    },
    {
      name: 'node port: local policy still keeps the sender',
      from: 'client',
      to: { node: 'client' },
      port: 30_084,
      want: { servers: ['b'], sees: 'sender' },
    },
  ],
};

const PODS_UNKNOWN: World = {
  name: 'pods cannot be recognised',
  settings: { pods: 'unknown' },
  services: few('only', 'web', 'elsewhere'),
  cases: [
    {
      name: 'cluster IP: from outside, as itself',
      from: 'client',
      to: { clusterIp: 'only' },
      port: 80,
      want: { servers: ['a'], sees: 'sender' },
    },
    {
      name: 'cluster IP: from a pod to itself, as the node',
      from: 'podA',
      to: { clusterIp: 'only' },
      port: 80,
      want: { servers: ['a'], sees: 'node' },
    },
    {
      name: 'local policy: a pod cannot bypass it',
      from: 'podA',
      to: { loadBalancerIp: 'elsewhere' },
      port: 80,
      want: 'no answer',
      except: { ipvs: { servers: ['remote'], sees: 'sender' } },
    },
  ],
};

const PODS_BY_INTERFACE: World = {
  name: 'pods recognised by their interface',
  settings: { pods: 'by interface' },
  services: few('only', 'local', 'elsewhere'),
  cases: [
    {
      name: 'cluster IP: from a pod, as itself',
      from: 'podB',
      to: { clusterIp: 'only' },
      port: 80,
      want: { servers: ['a'], sees: 'sender' },
    },
    {
      name: 'cluster IP: from outside, as the node',
      from: 'client',
      to: { clusterIp: 'only' },
      port: 80,
      want: { servers: ['a'], sees: 'node' },
    },
    {
      name: 'local policy: from a pod, any endpoint, as itself',
      from: 'podA',
      to: { node: 'client' },
      port: 30_084,
      want: { servers: ['b', 'remote'], sees: 'sender' },
      except: { ipvs: { servers: ['b'], sees: 'sender' } },
    },
  ],
};

/** With these settings pod b does not count as a pod. */
const onlyPodA = (pods: 'by bridge' | 'by the node’s range'): World => ({
  name: `pods recognised ${pods}`,
  settings: { pods },
  services: few('far', 'elsewhere'),
  cases: [
    {
      name: 'cluster IP: from a pod, as itself',
      from: 'podA',
      to: { clusterIp: 'far' },
      port: 80,
      want: { servers: ['remote'], sees: 'sender' },
    },
    {
      name: 'cluster IP: from a pod that is not recognised, as the node',
      from: 'podB',
      to: { clusterIp: 'far' },
      port: 80,
      want: { servers: ['remote'], sees: 'node' },
    },
    {
      name: 'local policy: only a recognised pod can bypass it',
      from: 'podA',
      to: { loadBalancerIp: 'elsewhere' },
      port: 80,
      want: { servers: ['remote'], sees: 'sender' },
    },
    {
      name: 'local policy: others cannot bypass it',
      from: 'podB',
      to: { loadBalancerIp: 'elsewhere' },
      port: 80,
      want: 'no answer',
      except: { ipvs: { servers: ['remote'], sees: 'sender' } },
    },
  ],
});

const NODE_PORTS_SOMEWHERE: World = {
  name: 'node ports on some addresses',
  settings: { nodePortsOn: 'client side' },
  services: few('web', 'empty'),
  cases: [
    {
      name: 'on a chosen address',
      from: 'client',
      to: { node: 'client' },
      port: 30_080,
      want: near,
    },
    {
      name: 'on another address',
      from: 'podA',
      to: { node: 'pod' },
      port: 30_080,
      want: 'refused',
    },
    {
      name: 'on loopback, which is not chosen',
      from: 'node',
      to: { node: 'loopback' },
      port: 30_080,
      want: 'refused',
    },
  ],
};

export const WORLDS: readonly World[] = [
  USUAL,
  MASQUERADE_ALL,
  PODS_UNKNOWN,
  PODS_BY_INTERFACE,
  onlyPodA('by bridge'),
  onlyPodA('by the node’s range'),
  NODE_PORTS_SOMEWHERE,
];

/** Returns the required outcome for one mode in one family. */
export function wantedOf(one: PacketCase, mode: ProxyMode, family: IpFamily): Expected {
  const byFamily = family === 'IPv6' ? one.except?.IPv6 : undefined;
  const want = one.except?.[mode] ?? byFamily ?? one.want;
  // in this mode the proxy itself is the client of every server
  return mode === 'userspace' && typeof want === 'object' ? { ...want, sees: 'node' } : want;
}
