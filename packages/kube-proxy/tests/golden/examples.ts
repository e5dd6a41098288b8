import type { EndpointSlice, Service } from '@nodeagent/kube-client';

import type { SyncSettings } from '../../src/plan/iptables/settings.js';
import { aService, aSlice } from '../../src/testing/builders.js';

export const baseSettings: SyncSettings = {
  family: 'IPv4',
  masqueradeMark: 0x4000,
  masqueradeAll: false,
  randomFully: true,
  localTraffic: { kind: 'from-cidr', cidr: '10.244.0.0/16' },
  nodeIp: '192.168.0.2',
  localhostNodePorts: true,
  dropInvalid: true,
  counters: { invalidDropped: false, localhostNodePorts: false },
  nodePortIps: 'all',
  comments: true,
};

export interface Example {
  /** The example's golden file is `NAME.restore.txt`. */
  readonly name: string;
  readonly objects: readonly (Service | EndpointSlice)[];
  readonly settings: SyncSettings;
  /** Ports whose chains are written; all when absent. */
  readonly write?: readonly string[];
  readonly staleChains?: readonly string[];
}

const tcp = (port: number, name?: string, nodePort?: number) => ({
  port,
  protocol: 'TCP',
  ...(name === undefined ? {} : { name }),
  ...(nodePort === undefined ? {} : { nodePort }),
});
const udp = (port: number, name: string, nodePort?: number) => ({
  ...tcp(port, name, nodePort),
  protocol: 'UDP',
});

/** The Services and endpoints behind the golden files. */
export const EXAMPLES: readonly Example[] = [
  {
    name: 'cluster-ip',
    settings: baseSettings,
    objects: [
      aService('default/kubernetes', { clusterIP: '10.96.0.1', ports: [tcp(443, 'https')] }),
      aSlice('default/kubernetes', [tcp(6443, 'https')], ['192.168.0.10']),
      aService('kube-system/kube-dns', { clusterIP: '10.96.0.10', ports: [udp(53, 'dns')] }),
      aSlice('kube-system/kube-dns', [udp(53, 'dns')], ['10.244.1.9', '10.244.0.3', '10.244.0.2']),
      aService('ns6/svc6', { clusterIP: '10.96.0.46', ports: [tcp(80, 'p80')] }),
    ],
  },
  {
    name: 'node-port-affinity',
    settings: {
      ...baseSettings,
      counters: { invalidDropped: true, localhostNodePorts: true },
    },
    objects: [
      aService('default/web', {
        type: 'NodePort',
        clusterIP: '10.96.5.5',
        externalIPs: ['192.168.99.33'],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
        ports: [tcp(80, undefined, 30_080)],
      }),
      aSlice('default/web', [tcp(8080, '')], ['10.244.0.7', '10.244.1.7']),
    ],
  },
  {
    name: 'load-balancer-local',
    settings: baseSettings,
    objects: [
      aService(
        'ns3/lb',
        {
          type: 'LoadBalancer',
          clusterIP: '10.96.7.7',
          externalTrafficPolicy: 'Local',
          healthCheckNodePort: 30_999,
          loadBalancerSourceRanges: [' 192.168.0.0/24', '203.0.113.0/25'],
          ports: [tcp(443, 'https', 31_443)],
        },
        { ingress: [{ ip: '1.2.3.4' }, { ip: '5.5.5.5', ipMode: 'Proxy' }] },
      ),
      aSlice(
        'ns3/lb',
        [tcp(8443, 'https')],
        [
          { ip: '10.244.0.8', nodeName: 'node-a' },
          { ip: '10.244.1.8', nodeName: 'node-b' },
        ],
      ),
    ],
  },
  {
    name: 'no-local-endpoints',
    settings: {
      ...baseSettings,
      localhostNodePorts: false,
      nodePortIps: ['192.168.0.2', '127.0.0.1'],
    },
    objects: [
      aService(
        'ns4/loc',
        {
          type: 'LoadBalancer',
          clusterIP: '10.96.8.8',
          externalIPs: ['192.168.99.44'],
          externalTrafficPolicy: 'Local',
          internalTrafficPolicy: 'Local',
          healthCheckNodePort: 30_998,
          ports: [tcp(80, 'p80', 30_808)],
        },
        { ingress: [{ ip: '5.6.7.8' }] },
      ),
      aSlice(
        'ns4/loc',
        [tcp(80, 'p80')],
        [
          { ip: '10.244.1.9', nodeName: 'node-b' },
          { ip: '10.244.1.10', nodeName: 'node-b', ready: false, serving: true, terminating: true },
        ],
      ),
    ],
  },
  {
    name: 'ipv6-large-partial',
    settings: {
      ...baseSettings,
      family: 'IPv6',
      masqueradeAll: true,
      localTraffic: undefined,
      localhostNodePorts: false,
      comments: false,
    },
    objects: [
      aService('ns5/v6', {
        type: 'NodePort',
        clusterIP: 'fd00:96::a',
        ports: [udp(53, 'dns', 30_053)],
      }),
      aSlice('ns5/v6', [udp(5353, 'dns')], ['fd00:10:244::2', 'fd00:10:244:1::2']),
      aService('ns5/sctp', {
        clusterIP: 'fd00:96::b',
        ports: [{ name: 's', port: 9999, protocol: 'SCTP' }],
      }),
      aSlice('ns5/sctp', [{ name: 's', port: 9999, protocol: 'SCTP' }], ['fd00:10:244::3']),
    ],
    write: ['ns5/v6:dns/UDP'],
    staleChains: ['KUBE-SVC-AAAAAAAAAAAAAAAA'],
  },
];
