import type { Node } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { canonicalCidr, canonicalIp } from '../../../src/model/address.js';
import { detectNodeIps, projectNode } from '../../../src/model/node-info.js';
import {
  containsLoopback,
  matchingAddresses,
  nodePortAddresses,
} from '../../../src/model/node-ports.js';
import { projectService } from '../../../src/model/service.js';
import { endpointChain, serviceChains } from '../../../src/plan/iptables/names.js';
import { aService } from '../../../src/testing/index.js';

const ports = [{ port: 80, protocol: 'TCP', name: 'p80' }];
const one = (spec: object, status?: object) =>
  projectService(aService('ns1/svc1', { clusterIP: '10.96.0.1', ports, ...spec }, status)).IPv4[0];

describe(projectService, () => {
  it.each([
    [{ type: 'ExternalName' }],
    [{ clusterIP: 'None', clusterIPs: ['None'] }],
    [{ clusterIP: '' }],
  ])('keeps nothing of %j', (spec) => {
    expect(one(spec)).toBeUndefined();
  });

  it.each([
    [{ ports: [{ port: 80, name: 'a b' }] }],
    [{ ports: [{ port: 80, name: 7 }] }],
    [{ ports: [{ port: '80', name: 'http' }] }],
    [{ ports: [{ port: 80, name: 'x'.repeat(64) }] }],
  ])('keeps no port of %j', (spec) => {
    expect(one(spec)).toBeUndefined();
  });

  it.each([['ns1/a"b'], ['ns1/a\n-A INPUT -j ACCEPT'], [`ns1/${'x'.repeat(300)}`], ['/svc1']])(
    'refuses a Service named %j',
    (name) => {
      expect(() => projectService(aService(name, { clusterIP: '10.96.0.1', ports }))).toThrow(
        'is not a name of a namespace or Service',
      );
    },
  );

  it.each([[{ timeoutSeconds: '1 x' }], [{ timeoutSeconds: -1 }], [{ timeoutSeconds: 1e9 }]])(
    'uses the default for the affinity %j',
    (clientIP) => {
      const spec = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP } };
      expect(one(spec)?.affinitySeconds).toBe(10_800);
    },
  );

  it('splits dual-stack Services by family', () => {
    const dual = {
      clusterIP: 'fd00::1',
      clusterIPs: ['fd00:0::1', '10.96.0.1'],
      ipFamilies: ['IPv6', 'IPv4'],
      externalIPs: ['1.2.3.4', 'fd00::9', 'nonsense'],
    };
    const found = projectService(aService('a/b', { ports, ...dual }));
    expect(found.IPv4[0]).toMatchObject({ clusterIp: '10.96.0.1', externalIps: ['1.2.3.4'] });
    expect(found.IPv6[0]).toMatchObject({ clusterIp: 'fd00::1', externalIps: ['fd00::9'] });
  });

  it('takes load balancer addresses that packets still have at the node', () => {
    const ingress = [{ ip: '1.1.1.1' }, { ip: '2.2.2.2', ipMode: 'Proxy' }, { hostname: 'x' }];
    const found = one({ type: 'LoadBalancer' }, { ingress });
    expect(found?.loadBalancerIps).toEqual(['1.1.1.1']);
  });

  it.each([
    [[' 10.0.0.0/8 ', 'fd00::/8'], ['10.0.0.0/8']],
    [['10.1.2.3/8', '0.0.0.0/0'], []],
  ])('reads source ranges %j', (ranges, want) => {
    const found = one({ type: 'LoadBalancer', loadBalancerSourceRanges: ranges });
    expect(found?.sourceRanges).toEqual(want);
  });

  it.each([
    ['LoadBalancer', 'Local', 30_999],
    ['LoadBalancer', 'Cluster', 0],
    ['NodePort', 'Local', 0],
  ])('%s with policy %s has health check port %i', (type, policy, want) => {
    const found = one({ type, externalTrafficPolicy: policy, healthCheckNodePort: 30_999 });
    expect(found?.healthCheckNodePort).toBe(want);
  });
});

describe('chain names', () => {
  const named = (label: string, protocol: 'TCP' | 'UDP') => ({ ...one({})!, label, protocol });

  it.each([
    ['ns1/svc1:p80', 'TCP', 'XPGD46QRK7WJZT7O'],
    ['default/kubernetes:https', 'TCP', 'NPX46M4PTMTKRN6Y'],
    ['kube-system/kube-dns:dns', 'UDP', 'TCOU7JCQXEZGVUNU'],
    ['kube-system/kube-dns:dns-tcp', 'TCP', 'ERIFXISQEP7F7OF4'],
    ['default/web', 'TCP', 'LOLE4ISW44XBNF3G'],
  ] as const)('%s %s', (label, protocol, id) => {
    expect(serviceChains(named(label, protocol)).cluster).toBe(`KUBE-SVC-${id}`);
  });

  it.each([
    ['ns1/svc1:p80', 'TCP', '10.180.0.1:80', 'KUBE-SEP-SXIVWICOYRO3J4NJ'],
    ['kube-system/kube-dns:dns', 'UDP', '[fd00:10:244::2]:53', 'KUBE-SEP-2RL23PDDHWGDTTIH'],
  ] as const)('%s %s to %s', (label, protocol, endpoint, chain) => {
    expect(endpointChain(named(label, protocol), endpoint)).toBe(chain);
  });
});

describe('addresses', () => {
  it.each([
    ['010.0.0.1', '10.0.0.1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['FD00:0:0::1', 'fd00::1'],
    ['fe80::1%eth0', undefined],
    ['300.1.1.1', undefined],
  ])('canonicalIp(%s) is %s', (text, want) => expect(canonicalIp(text)).toBe(want));

  it.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.244.1.0/23', '10.244.0.0/23'],
    ['fd00:10:244:1::5/48', 'fd00:10:244::/48'],
    ['::1/0', '::/0'],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0', undefined],
    ['2001:db8:1:2:3:4:5:6/61', '2001:db8:1::/61'],
    ['::1.2.3.4/128', '::1.2.3.4/128'],
    ['::0102:0304/112', '::1.2.0.0/112'],
    ['64:ff9b::1.2.3.4/120', '64:ff9b::102:300/120'],
  ])('canonicalCidr(%s) is %s', (text, want) => expect(canonicalCidr(text)).toBe(want));
});

describe('node', () => {
  const address = (type: string, ip: string) => ({ type, address: ip });

  it('has one address of each family, internal before external', () => {
    const addresses = [
      address('Hostname', '9.9.9.9'),
      address('ExternalIP', 'fd00::7'),
      address('InternalIP', '10.0.0.1'),
      address('InternalIP', '10.0.0.2'),
    ];
    expect(projectNode({ status: { addresses } }).ips).toEqual(['10.0.0.1', 'fd00::7']);
  });

  it.each([
    [
      { spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } },
      false,
    ],
    [{ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, false],
    [{ spec: { taints: [{ key: 'other', effect: 'NoSchedule' }] } }, true],
  ])('%j is eligible: %s', (node, want) => expect(projectNode(node).eligible).toBe(want));

  it.each([
    [['10.0.0.1', 'fd00::1'], '0.0.0.0', 'IPv4', '10.0.0.1', 'fd00::1'],
    [['fd00::1', '10.0.0.1'], '0.0.0.0', 'IPv6', '10.0.0.1', 'fd00::1'],
    [['10.0.0.1'], 'fd00::9', 'IPv6', '10.0.0.1', 'fd00::9'],
    [[], '0.0.0.0', 'IPv4', '127.0.0.1', '::1'],
  ])('%j bound to %s: %s, %s, %s', (ips, bind, primary, IPv4, IPv6) => {
    expect(detectNodeIps(ips, bind)).toEqual({ primary, ips: { IPv4, IPv6 } });
  });

  it.each([
    [[], true, true],
    [['10.0.0.0/8', '0.0.0.0/0'], true, true],
    [['10.0.0.0/8'], false, false],
    [['127.0.0.0/8', '10.0.0.0/8'], false, true],
    [['fd00::/8'], true, true],
  ])('node ports on %j: all %s, loopback %s', (cidrs, matchesAll, loopback) => {
    const found = nodePortAddresses('IPv4', cidrs);
    expect(found.matchesAll).toBe(matchesAll);
    expect(containsLoopback(found)).toBe(loopback);
  });

  it('answers on the addresses inside the prefixes', () => {
    const found = nodePortAddresses('IPv4', ['10.0.0.0/8']);
    expect(matchingAddresses(found, ['10.1.1.1', '192.168.0.1'])).toEqual(['10.1.1.1']);
  });
});

describe('A Node whose fields are of other types', () => {
  it.each([[true], ['10.244.0.0/24'], [[5]], [[['10.244.0.0/24']]]])(
    'is refused for the pod ranges %j',
    (podCIDRs) => {
      const node = { spec: { podCIDRs } } as unknown as Node;
      expect(() => projectNode(node)).toThrow('spec.podCIDRs: expected a list of strings');
    },
  );

  it('is refused for a zone that is not text', () => {
    const labels = { 'topology.kubernetes.io/zone': 5 };
    const node = { metadata: { labels } } as unknown as Node;
    expect(() => projectNode(node)).toThrow('the label topology.kubernetes.io/zone');
  });
});
