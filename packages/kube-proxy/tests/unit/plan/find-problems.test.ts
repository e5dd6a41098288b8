import type { Endpoint } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { projectSlice } from '../../../src/model/endpoint.js';
import { projectService } from '../../../src/model/service.js';
import { findServiceProblems, findSliceProblems } from '../../../src/plan/find-problems.js';
import { aService, aSlice } from '../../../src/testing/index.js';

const port = { port: 80, protocol: 'TCP', name: 'http' };

describe(findServiceProblems, () => {
  it.each([
    [{}, []],
    [{ type: 'ExternalName', externalIPs: ['x'] }, []],
    [{ externalIPs: ['10.0.0.300'] }, ['external IP "10.0.0.300" is not an IP address']],
    [
      { loadBalancerSourceRanges: ['10.0.0.0/33'] },
      ['load balancer source range "10.0.0.0/33" is not a CIDR'],
    ],
    [{ ports: [{ ...port, protocol: 'DCCP' }] }, ['port "http" has the unknown protocol "DCCP"']],
    [{ ports: [{ ...port, port: 70_000 }] }, ['port "http": 70000 is not a port number']],
    [{ ports: [{ ...port, nodePort: -1 }] }, ['port "http": node port -1 is not a port number']],
    [
      { type: 'LoadBalancer', externalTrafficPolicy: 'Local' },
      ['externalTrafficPolicy Local without a healthCheckNodePort'],
    ],
  ])('of %j', (spec, want) => {
    const service = aService('default/web', { clusterIP: '10.96.0.1', ports: [port], ...spec });
    expect(findServiceProblems(service)).toEqual(want);
  });

  it('still serves the rest of the Service', () => {
    const ports = [{ ...port, protocol: 'DCCP', name: 'odd' }, port, { ...port, port: 0 }];
    const externalIPs = ['nonsense', '1.2.3.4', '1.2.3.4'];
    const service = aService('default/web', { clusterIP: '10.96.0.1', ports, externalIPs });
    expect(projectService(service).IPv4).toMatchObject([
      { label: 'default/web:http', externalIps: ['1.2.3.4'] },
    ]);
  });
});

describe(findSliceProblems, () => {
  it.each([
    ['10.0.0.1', undefined],
    ['127.0.0.1', 'endpoint 127.0.0.1 cannot be forwarded to'],
    ['169.254.169.254', 'endpoint 169.254.169.254 cannot be forwarded to'],
    ['224.0.0.1', 'endpoint 224.0.0.1 cannot be forwarded to'],
    ['fe80::1', 'endpoint fe80::1 cannot be forwarded to'],
    ['::1', 'endpoint ::1 cannot be forwarded to'],
    ['fd00::1', undefined],
  ])('of an endpoint at %s', (ip, want) => {
    const slice = aSlice('default/web', [port], [ip]);
    expect(findSliceProblems(slice)).toEqual(want === undefined ? [] : [want]);
    expect(projectSlice(slice, 'node-a')?.ips).toEqual(want === undefined ? [ip] : []);
  });

  it.each([[{ addresses: null }], [{}], [{ addresses: [] }]])(
    'skips an endpoint with %j, and keeps the others',
    (endpoint) => {
      const slice = aSlice('default/web', [port], ['10.0.0.1']);
      const endpoints = [endpoint, ...(slice.endpoints ?? [])] as Endpoint[];
      expect(projectSlice({ ...slice, endpoints }, 'node-a')?.ips).toEqual(['10.0.0.1']);
      expect(findSliceProblems({ ...slice, endpoints })).toEqual([]);
    },
  );
});
