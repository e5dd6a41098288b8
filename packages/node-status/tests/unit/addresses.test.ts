import { describe, expect, it } from 'vitest';

import { type NetworkFacts, type NodeConfig, planAddresses } from '../../src/index.js';

const network: NetworkFacts = {
  interfaceAddresses: ['127.0.0.1', '10.0.0.5', '10.0.0.6', 'fd00::5', 'fe80::1'],
  resolvedAddresses: [],
  defaultRoute: { ipv4: '10.0.0.5', ipv6: 'fd00::5' },
};
const old = [{ type: 'InternalIP', address: '192.0.2.9' }];

const cases: readonly {
  name: string;
  config?: Partial<NodeConfig>;
  facts?: Partial<NetworkFacts>;
  previous?: typeof old;
  want: readonly string[] | string;
}[] = [
  { name: 'default route', want: ['10.0.0.5', 'n1'] },
  { name: 'default route, IPv6 wanted', config: { nodeIps: ['::'] }, want: ['fd00::5', 'n1'] },
  {
    name: 'only an IPv6 route',
    facts: { defaultRoute: { ipv6: 'fd00::5' } },
    want: ['fd00::5', 'n1'],
  },
  { name: 'explicit', config: { nodeIps: ['10.0.0.6'] }, want: ['10.0.0.6', 'n1'] },
  {
    name: 'dual stack, IPv6 written in another way',
    config: { nodeIps: ['10.0.0.6', 'fd00:0::0:5'] },
    want: ['10.0.0.6', 'fd00:0::0:5', 'n1'],
  },
  {
    name: 'name that is an address',
    config: { hostname: '10.9.9.9' },
    want: ['10.9.9.9', '10.9.9.9'],
  },
  {
    name: 'name that resolves to this machine',
    facts: { resolvedAddresses: ['127.0.0.1', 'fd00::5', '10.0.0.6'] },
    want: ['10.0.0.6', 'n1'],
  },
  {
    name: 'name that resolves to the other family only',
    facts: { resolvedAddresses: ['fd00::5'] },
    want: ['fd00::5', 'n1'],
  },
  {
    name: 'name that resolves elsewhere',
    facts: { resolvedAddresses: ['203.0.113.1'] },
    want: ['10.0.0.5', 'n1'],
  },
  {
    name: 'no address at all',
    facts: { defaultRoute: {} },
    want: "can't get ip address of node n1. error: no default routes found",
  },
  {
    name: 'another machine',
    config: { nodeIps: ['10.0.0.7'] },
    want: 'failed to validate nodeIP: node IP: "10.0.0.7" not found in the host\'s network interfaces',
  },
  {
    name: 'loopback',
    config: { nodeIps: ['127.0.0.1'] },
    want: "failed to validate nodeIP: nodeIP can't be loopback address",
  },
  {
    name: 'link-local',
    config: { nodeIps: ['fe80::1'] },
    want: "failed to validate nodeIP: nodeIP can't be a link-local unicast address",
  },
  {
    name: 'multicast',
    config: { nodeIps: ['ff02::1'] },
    want: "failed to validate nodeIP: nodeIP can't be a multicast address",
  },
  { name: 'external, new', config: { cloudProvider: 'external' }, want: ['n1'] },
  {
    name: 'external, with an IP',
    config: { cloudProvider: 'external', nodeIps: ['10.0.0.6'] },
    want: ['10.0.0.6', 'n1'],
  },
  {
    name: 'external, set by the cloud',
    config: { cloudProvider: 'external', nodeIps: ['10.0.0.6'] },
    previous: old,
    want: ['192.0.2.9'],
  },
];

describe(planAddresses, () => {
  it.each(cases)('$name', ({ config, facts, previous = [], want }) => {
    const whole = {
      nodeName: 'n1',
      hostname: 'n1',
      nodeIps: [],
      cloudProvider: 'none',
      ...config,
    } as const;
    const planned = planAddresses(whole, { ...network, ...facts }, previous);
    if (planned.kind === 'unknown') expect(planned.why).toBe(want);
    else expect(planned.addresses.map(({ address }) => address)).toEqual(want);
  });
});
