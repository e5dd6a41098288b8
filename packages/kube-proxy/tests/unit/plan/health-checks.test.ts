import { expect, it } from 'vitest';

import { planHealthChecks } from '../../../src/plan/health-checks.js';
import { aCluster, aService, aSlice, type EndpointSketch } from '../../../src/testing/index.js';

const ports = [
  { port: 80, protocol: 'TCP', name: 'http' },
  { port: 443, protocol: 'TCP', name: 'https' },
];
const spec = { type: 'LoadBalancer', healthCheckNodePort: 30_999, clusterIP: '10.96.0.1', ports };
const local = aService('default/web', { ...spec, externalTrafficPolicy: 'Local' });
const here = (ip: string, more: Partial<EndpointSketch> = {}): EndpointSketch => {
  return { ip, nodeName: 'node-a', ...more };
};

it.each<{ name: string; endpoints: readonly EndpointSketch[]; want: number }>([
  { name: 'none', endpoints: [], want: 0 },
  { name: 'each address once, whatever its ports', endpoints: [here('10.0.0.1')], want: 1 },
  { name: 'all on this node', endpoints: [here('10.0.0.1'), here('10.0.0.2')], want: 2 },
  { name: 'none on other nodes', endpoints: [{ ip: '10.0.0.3', nodeName: 'node-b' }], want: 0 },
  {
    name: 'none that is terminating, though it answers',
    endpoints: [
      here('10.0.0.1', { ready: false, serving: true, terminating: true }),
      { ip: '10.0.0.3', nodeName: 'node-b' },
    ],
    want: 0,
  },
])('counts $name', ({ endpoints, want }) => {
  const { builder } = aCluster([local, aSlice('default/web', ports, endpoints)]);
  builder.update();
  expect(planHealthChecks(builder.view.ports.values())).toEqual([
    { service: 'default/web', port: 30_999, localEndpoints: want },
  ]);
});
