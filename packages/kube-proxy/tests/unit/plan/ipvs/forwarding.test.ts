import { formatServiceId } from '@nodeagent/ipvs';
import type { EndpointSlice, Service } from '@nodeagent/kube-client';
import { expect, it } from 'vitest';

import { ForwardingPlanner } from '../../../../src/plan/ipvs/forwarding.js';
import { aCluster, aService, aSlice } from '../../../../src/testing/index.js';

const port = { name: 'p', port: 80, protocol: 'TCP' };
const machine = { nodePortIps: ['192.168.0.2'], others: new Set(['192.168.0.2']) };

function planOf(objects: readonly (Service | EndpointSlice)[], more = {}) {
  const { builder } = aCluster(objects);
  builder.update();
  const settings = { family: 'IPv4', scheduler: 'rr', nodeIp: '192.168.0.2', ...more } as const;
  return new ForwardingPlanner(settings).plan(builder.view, machine);
}
const entries = (map: ReadonlyMap<string, unknown>) => [...map.keys()];

it('also hashes by port when the scheduler is mh', () => {
  const web = aService('ns/web', { clusterIP: '10.96.0.1', ports: [port] });
  expect(planOf([web], { scheduler: 'mh' }).servers[0]?.service).toMatchObject({
    scheduler: 'mh',
    schedulerFlags: [2],
  });
  expect(planOf([web]).servers[0]?.service).toMatchObject({ scheduler: 'rr', schedulerFlags: [] });
});

it('makes a client persistent for as long as the Service says', () => {
  const web = aService('ns/web', {
    clusterIP: '10.96.0.1',
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 77 } },
    ports: [port],
  });
  expect(planOf([web]).servers[0]?.service.persistence?.timeoutSeconds).toBe(77);
});

it('serves an address and port for the first Service that has it, and reports the other', () => {
  const shared = { externalIPs: ['203.0.113.1'], ports: [port] };
  const plan = planOf([
    aService('ns/first', { clusterIP: '10.96.0.1', ...shared }),
    aService('ns/second', { clusterIP: '10.96.0.2', ...shared }),
  ]);
  expect(plan.servers.map(({ service }) => formatServiceId(service.id))).toEqual([
    'tcp 10.96.0.1:80',
    'tcp 203.0.113.1:80',
    'tcp 10.96.0.2:80',
  ]);
  expect(entries(plan.taken)).toEqual(['ns/second:p/tcp']);
});

it('admits a load balancer address to itself only when its ranges contain the node', () => {
  const guarded = (ranges: string[]) =>
    planOf([
      aService(
        'ns/web',
        {
          clusterIP: '10.96.0.1',
          type: 'LoadBalancer',
          loadBalancerSourceRanges: ranges,
          ports: [port],
        },
        { ingress: [{ ip: '198.51.100.1' }] },
      ),
    ]);
  const open = guarded(['192.168.0.0/16']);
  expect(entries(open.sets.loadBalancerSourceCidr)).toEqual(['198.51.100.1,tcp:80,192.168.0.0/16']);
  expect(entries(open.sets.loadBalancerSourceIp)).toEqual(['198.51.100.1,tcp:80,198.51.100.1']);
  expect(open.guarded).toEqual([]);
  const closed = guarded(['10.0.0.0/8']);
  expect(entries(closed.sets.loadBalancerSourceIp)).toEqual([]);
  expect(closed.guarded).toEqual([{ ip: '198.51.100.1', port: 80, protocol: 'tcp' }]);
  expect(entries(guarded([]).sets.loadBalancerFirewall)).toEqual([]);
});

it('uses all endpoints when the policy is local and none is on this node', () => {
  const web = aService('ns/web', {
    clusterIP: '10.96.0.1',
    type: 'NodePort',
    externalTrafficPolicy: 'Local',
    ports: [{ ...port, nodePort: 30_080 }],
  });
  const at = (nodeName: string) => ({ ip: `10.0.0.${nodeName.length}`, nodeName });
  const servers = (...names: string[]) =>
    planOf([web, aSlice('ns/web', [port], names.map(at))])
      .servers.find(({ service }) => formatServiceId(service.id) === 'tcp 192.168.0.2:30080')
      ?.destinations.map(({ address }) => address);
  expect(servers('node-a', 'other')).toEqual(['10.0.0.6']);
  expect(servers('other')).toEqual(['10.0.0.5']);
});

it('keeps SCTP node ports by address', () => {
  const sctp = { name: 'p', port: 80, protocol: 'SCTP', nodePort: 30_080 };
  const web = aService('ns/web', { clusterIP: '10.96.0.1', type: 'NodePort', ports: [sctp] });
  expect(entries(planOf([web]).sets.nodePortSctp)).toEqual(['192.168.0.2,sctp:30080']);
});

it('makes the same object for an unchanged virtual server', () => {
  const { builder, put } = aCluster([
    aService('ns/web', { clusterIP: '10.96.0.1', ports: [port] }),
    aService('ns/api', { clusterIP: '10.96.0.2', ports: [port] }),
    aSlice('ns/web', [port], ['10.0.0.1']),
    aSlice('ns/api', [port], ['10.0.0.2']),
  ]);
  builder.update();
  const planner = new ForwardingPlanner({ family: 'IPv4', scheduler: 'rr', nodeIp: undefined });
  const before = planner.plan(builder.view, machine).servers;
  put(aSlice('ns/web', [port], ['10.0.0.9']));
  builder.update();
  const after = planner.plan(builder.view, machine).servers;
  expect(after[0]).not.toBe(before[0]);
  expect(after[1]).toBe(before[1]);
});
