import type { Flow } from '@nodeagent/netfilter/conntrack';
import { describe, expect, it } from 'vitest';

import { staleFlowTest } from '../../../src/plan/stale-flows.js';
import { aCluster, aService, aSlice, type EndpointSketch } from '../../../src/testing/index.js';

const port = { port: 53, protocol: 'UDP', name: 'dns' };
const service = aService(
  'default/dns',
  {
    type: 'LoadBalancer',
    clusterIP: '10.96.0.10',
    externalIPs: ['203.0.113.1'],
    ports: [{ ...port, nodePort: 30_053 }],
  },
  { ingress: [{ ip: '198.51.100.1' }] },
);

const flow = (destination: string, to: string, destinationPort = 53): Flow => ({
  protocol: 'udp',
  original: { source: '192.0.2.1', sourcePort: 40_000, destination, destinationPort },
  reply: { source: to, sourcePort: 53, destination: '192.0.2.1', destinationPort: 40_000 },
  zone: 0,
  id: undefined,
});

function stale(endpoints: readonly (EndpointSketch | string)[], ...flows: Flow[]) {
  const { builder } = aCluster([service, aSlice('default/dns', [port], endpoints)]);
  builder.update();
  const found = flows.filter(staleFlowTest(builder.view.ports.values()) ?? (() => false));
  return found.map(({ original, reply }) => `${original.destination} ${reply.source}`);
}

describe(staleFlowTest, () => {
  it.each([
    ['the cluster IP', '10.96.0.10', 53],
    ['an external IP', '203.0.113.1', 53],
    ['a load balancer IP', '198.51.100.1', 53],
    ['the node port, whatever the address', '192.168.0.2', 30_053],
  ])('finds flows by %s to an endpoint that is gone', (_by, destination, destinationPort) => {
    const gone = flow(destination, '10.0.0.9', destinationPort);
    const good = flow(destination, '10.0.0.1', destinationPort);
    expect(stale(['10.0.0.1'], gone, good)).toEqual([`${destination} 10.0.0.9`]);
  });

  it('finds flows from before there was an endpoint: they lead nowhere', () => {
    expect(stale(['10.0.0.1'], flow('10.96.0.10', '10.96.0.10'))).toEqual([
      '10.96.0.10 10.96.0.10',
    ]);
  });

  it('keeps flows to endpoints that serve, ready or not', () => {
    const leaving = { ip: '10.0.0.2', ready: false, serving: true, terminating: true };
    expect(stale(['10.0.0.1', leaving], flow('10.96.0.10', '10.0.0.2'))).toEqual([]);
  });

  it('keeps everything while no endpoint serves: no flow can be stale', () => {
    const down = { ip: '10.0.0.1', ready: false, serving: false };
    expect(stale([down], flow('10.96.0.10', '10.0.0.9'))).toEqual([]);
    const { builder } = aCluster([service, aSlice('default/dns', [port], [down])]);
    builder.update();
    expect(staleFlowTest(builder.view.ports.values())).toBeUndefined();
  });

  it('keeps TCP flows and flows of no Service', () => {
    const tcp: Flow = { ...flow('10.96.0.10', '10.0.0.9'), protocol: 'tcp' };
    expect(stale(['10.0.0.1'], tcp, flow('8.8.8.8', '8.8.8.8'))).toEqual([]);
  });
});
