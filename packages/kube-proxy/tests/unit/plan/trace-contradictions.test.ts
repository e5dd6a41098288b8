import { describe, expect, it } from 'vitest';

import { parseProxyConfig, type ProxyMode } from '../../../src/index.js';
import { buildView, explainPacket, type TracePacket } from '../../../src/plan/explain/index.js';
import { aService, aSlice } from '../../../src/testing/index.js';

const NODE_IP = '192.168.0.2';
const SIDE_IP = '192.168.50.1';
const FAR_POD = '10.244.9.2';
const OUTSIDER = '198.18.0.1';

const balanced = (ip: string) => ({ ingress: [{ ip }] });
const services = [
  aService(
    'default/web',
    {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.10',
      externalIPs: ['203.0.113.10'],
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30_080 }],
    },
    balanced('198.51.100.10'),
  ),
  aService(
    'default/empty',
    {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.11',
      externalIPs: ['203.0.113.11'],
      loadBalancerSourceRanges: ['172.16.0.0/12'],
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30_081 }],
    },
    balanced('198.51.100.11'),
  ),
];
const port = { port: 8080, protocol: 'TCP', name: '' };
const slices = [aSlice('default/web', [port], [{ ip: FAR_POD, nodeName: 'node-b' }])];

function explained(mode: ProxyMode, packet: Partial<TracePacket>, settings: object = {}) {
  const given = { mode, clusterCIDR: '10.244.0.0/16', ...settings };
  const { config } = parseProxyConfig(given, 'test');
  const node = {
    name: 'node-a',
    zone: undefined,
    addresses: [NODE_IP, SIDE_IP, '127.0.0.1'],
    podCidrs: [],
  };
  const topology = { nodeName: 'node-a', zone: undefined };
  const view = buildView({ services, slices, serviceCidrs: ['10.96.0.0/16'] }, 'IPv4', topology);
  const usual = {
    from: 'network',
    protocol: 'tcp',
    source: OUTSIDER,
    destinationPort: 80,
  } as const;
  const whole = { destination: '', ...usual, ...packet };
  const { steps, outcomes, rules } = explainPacket({ config, view, family: 'IPv4', node }, whole);
  const ends = (ways: typeof outcomes) =>
    ways.map(({ verdict, to, masqueraded }) =>
      verdict === 'accepted' ? `${to}${masqueraded ? ' sees the node' : ''}` : verdict,
    );
  return { reason: steps.at(-1), said: ends(outcomes), done: ends(rules) };
}

const onSide = { nodePortAddresses: ['192.168.50.0/24'] };
const host = { from: 'host', source: NODE_IP } as const;

/** In each of these cases the explanation once differed from the rules. */
describe('the explanation agrees with the rules', () => {
  it.each<{
    name: string;
    mode: ProxyMode;
    packet: Partial<TracePacket>;
    settings?: object;
    end: string;
    reason?: string;
  }>([
    {
      name: 'nftables: another port of an external address is routed',
      mode: 'nftables',
      packet: { destination: '203.0.113.10', destinationPort: 81 },
      end: '203.0.113.10:81',
      reason: 'the packet is routed like any other',
    },
    {
      name: 'nftables: another port of a load balancer address is routed',
      mode: 'nftables',
      packet: { destination: '198.51.100.10', destinationPort: 81 },
      end: '198.51.100.10:81',
      reason: 'the packet is routed like any other',
    },
    {
      name: 'nftables: another port of a cluster IP is refused',
      mode: 'nftables',
      packet: { destination: '10.96.0.10', destinationPort: 81 },
      end: 'rejected',
      reason: 'other ports of cluster IPs are refused',
    },
    {
      name: 'nftables: an unassigned address of the service range is dropped',
      mode: 'nftables',
      packet: { destination: '10.96.0.200' },
      end: 'dropped',
      reason: '10.96.0.200 is not a cluster IP, but inside the service range 10.96.0.0/16: dropped',
    },
    {
      name: 'nftables: without endpoints a source outside loadBalancerSourceRanges is dropped',
      mode: 'nftables',
      packet: { destination: '198.51.100.11' },
      end: 'dropped',
      reason: `loadBalancerSourceRanges 172.16.0.0/12 do not admit ${OUTSIDER}`,
    },
    {
      name: 'iptables: without endpoints no source range is looked at',
      mode: 'iptables',
      packet: { destination: '198.51.100.11' },
      end: 'rejected',
      reason: 'refused at once',
    },
    {
      name: 'iptables: a node port without endpoints is refused outside nodePortAddresses, too',
      mode: 'iptables',
      packet: { destination: NODE_IP, destinationPort: 30_081 },
      settings: onSide,
      end: 'rejected',
      reason: 'refused at once, on every address of the node',
    },
    {
      name: 'nftables: a node port without endpoints is refused in nodePortAddresses only',
      mode: 'nftables',
      packet: { destination: NODE_IP, destinationPort: 30_081 },
      settings: onSide,
      end: `${NODE_IP}:30081`,
      reason: 'the packet is for this node itself',
    },
    {
      name: 'iptables: an external address without endpoints is not refused to the node itself',
      mode: 'iptables',
      packet: { ...host, destination: '203.0.113.11' },
      end: '203.0.113.11:80',
      reason: 'the packet is routed like any other',
    },
    {
      name: 'nftables: an external address without endpoints is refused to the node itself',
      mode: 'nftables',
      packet: { ...host, destination: '203.0.113.11' },
      end: 'rejected',
      reason: 'refused at once',
    },
    {
      name: 'iptables: a source that is not loopback is dropped on its way to 127.0.0.0/8',
      mode: 'iptables',
      packet: { ...host, destination: '127.0.0.1' },
      end: 'dropped',
      reason: `${NODE_IP} is not a loopback address, so it may not reach 127.0.0.1: dropped`,
    },
    {
      name: 'iptables: a node port on 127.0.0.1 is served to every source',
      mode: 'iptables',
      packet: { ...host, destination: '127.0.0.1', destinationPort: 30_080 },
      end: `${FAR_POD}:8080 sees the node`,
    },
    {
      name: 'nftables: an endpoint of another node that reaches itself keeps its source',
      mode: 'nftables',
      packet: { source: FAR_POD, destination: '10.96.0.10' },
      end: `${FAR_POD}:8080`,
      reason: `${FAR_POD} may reach itself: then it sees its own address as sender`,
    },
    {
      name: 'iptables: an endpoint of another node that reaches itself sees this node',
      mode: 'iptables',
      packet: { source: FAR_POD, destination: '10.96.0.10' },
      end: `${FAR_POD}:8080 sees the node`,
      reason: `${FAR_POD} may reach itself: then it sees this node as the sender`,
    },
  ])('$name', ({ mode, packet, settings, end, reason }) => {
    const found = explained(mode, packet, settings);
    expect(found).toMatchObject({ said: [end], done: [end] });
    if (reason !== undefined) expect(found.reason).toBe(reason);
  });
});
