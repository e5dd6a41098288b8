import { expect, it } from 'vitest';

import { parseProxyConfig, type ProxyConfig } from '../../src/model/config.js';
import { ipvsSettings } from '../../src/plan/ipvs/kernel-settings.js';
import { conntrackSettings } from '../../src/plan/kernel-settings.js';

type Row = readonly [
  field: string,
  value: object,
  of: (config: ProxyConfig) => unknown,
  want: unknown,
];

/** Value that the kernel's setting gets on a machine with two cores. */
const conntrackOf = (config: ProxyConfig, name: string): unknown =>
  conntrackSettings(config.conntrack, 2).find(({ key }) => key.endsWith(name))?.value;

/** A field, a value that is not its default, and the setting of a part of kube-proxy that follows. */
const EFFECTS: readonly Row[] = [
  [
    'clientConnection.kubeconfig',
    { clientConnection: { kubeconfig: '/a' } },
    (c) => c.clientConnection.kubeconfig,
    '/a',
  ],
  ['clientConnection.qps', { clientConnection: { qps: 9 } }, (c) => c.clientConnection.qps, 9],
  [
    'clientConnection.burst',
    { clientConnection: { burst: 8 } },
    (c) => c.clientConnection.burst,
    8,
  ],
  ['logging.format', { logging: { format: 'json' } }, (c) => c.logging.format, 'json'],
  ['logging.verbosity', { logging: { verbosity: 4 } }, (c) => c.logging.verbosity, 4],
  [
    'logging.vmodule',
    { logging: { vmodule: [{ filePattern: 'a', verbosity: 4 }] } },
    (c) => c.logging.modules,
    [{ filePattern: 'a', verbosity: 4 }],
  ],
  ['logging.flushFrequency', { logging: { flushFrequency: '7s' } }, (c) => c.logging.flushMs, 7000],
  ['hostnameOverride', { hostnameOverride: 'n9' }, (c) => c.hostnameOverride, 'n9'],
  ['bindAddress', { bindAddress: '10.0.0.9' }, (c) => c.bindAddress, '10.0.0.9'],
  [
    'healthzBindAddress',
    { healthzBindAddress: '10.0.0.9:80' },
    (c) => c.healthzBindAddress,
    { host: '10.0.0.9', port: 80 },
  ],
  [
    'metricsBindAddress',
    { metricsBindAddress: '[::]:99' },
    (c) => c.metricsBindAddress,
    { host: '::', port: 99 },
  ],
  ['bindAddressHardFail', { bindAddressHardFail: true }, (c) => c.bindAddressHardFail, true],
  ['mode', { mode: 'nftables' }, (c) => c.mode, 'nftables'],
  ['iptables.masqueradeBit', { iptables: { masqueradeBit: 3 } }, (c) => c.masqueradeMark, 8],
  ['iptables.masqueradeAll', { iptables: { masqueradeAll: true } }, (c) => c.masqueradeAll, true],
  [
    'iptables.localhostNodePorts',
    { iptables: { localhostNodePorts: false } },
    (c) => c.localhostNodePorts,
    false,
  ],
  ['iptables.syncPeriod', { iptables: { syncPeriod: '9s' } }, (c) => c.syncPeriodMs, 9000],
  ['iptables.minSyncPeriod', { iptables: { minSyncPeriod: '2s' } }, (c) => c.minSyncPeriodMs, 2000],
  [
    'nftables.masqueradeBit',
    { mode: 'nftables', nftables: { masqueradeBit: 4 } },
    (c) => c.masqueradeMark,
    16,
  ],
  [
    'nftables.masqueradeAll',
    { mode: 'nftables', nftables: { masqueradeAll: true } },
    (c) => c.masqueradeAll,
    true,
  ],
  [
    'nftables.syncPeriod',
    { mode: 'nftables', nftables: { syncPeriod: '9s' } },
    (c) => c.syncPeriodMs,
    9000,
  ],
  [
    'nftables.minSyncPeriod',
    { mode: 'nftables', nftables: { minSyncPeriod: '2s' } },
    (c) => c.minSyncPeriodMs,
    2000,
  ],
  ['ipvs.syncPeriod', { mode: 'ipvs', ipvs: { syncPeriod: '9s' } }, (c) => c.syncPeriodMs, 9000],
  [
    'ipvs.minSyncPeriod',
    { mode: 'ipvs', ipvs: { minSyncPeriod: '2s' } },
    (c) => c.minSyncPeriodMs,
    2000,
  ],
  ['ipvs.scheduler', { ipvs: { scheduler: 'mh' } }, (c) => c.ipvs.scheduler, 'mh'],
  [
    'ipvs.excludeCIDRs',
    { ipvs: { excludeCIDRs: ['10.9.0.0/16'] } },
    (c) => c.ipvs.excludeCidrs,
    ['10.9.0.0/16'],
  ],
  [
    'ipvs.strictARP',
    { ipvs: { strictARP: true } },
    (c) =>
      ipvsSettings({ release: '6.1.0', strictArp: c.ipvs.strictArp }).some(({ key }) =>
        key.includes('arp_ignore'),
      ),
    true,
  ],
  ['ipvs.tcpTimeout', { ipvs: { tcpTimeout: '9s' } }, (c) => c.ipvs.timeouts.tcpSeconds, 9],
  [
    'ipvs.tcpFinTimeout',
    { ipvs: { tcpFinTimeout: '8s' } },
    (c) => c.ipvs.timeouts.tcpFinSeconds,
    8,
  ],
  ['ipvs.udpTimeout', { ipvs: { udpTimeout: '7s' } }, (c) => c.ipvs.timeouts.udpSeconds, 7],
  ['detectLocalMode', { detectLocalMode: 'NodeCIDR' }, (c) => c.detectLocalMode, 'NodeCIDR'],
  [
    'detectLocal.bridgeInterface',
    { detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: 'br0' } },
    (c) => c.bridgeInterface,
    'br0',
  ],
  [
    'detectLocal.interfaceNamePrefix',
    { detectLocalMode: 'InterfaceNamePrefix', detectLocal: { interfaceNamePrefix: 'veth' } },
    (c) => c.interfaceNamePrefix,
    'veth',
  ],
  ['clusterCIDR', { clusterCIDR: '10.1.0.0/16' }, (c) => c.clusterCidrs, ['10.1.0.0/16']],
  [
    'nodePortAddresses',
    { nodePortAddresses: ['10.0.0.0/8'] },
    (c) => c.nodePortAddresses,
    ['10.0.0.0/8'],
  ],
  ['oomScoreAdj', { oomScoreAdj: -5 }, (c) => c.oomScoreAdj, -5],
  [
    'conntrack.maxPerCore',
    { conntrack: { maxPerCore: 100_000 } },
    (c) => conntrackOf(c, 'nf_conntrack_max'),
    200_000,
  ],
  [
    'conntrack.min',
    { conntrack: { min: 300_000 } },
    (c) => conntrackOf(c, 'nf_conntrack_max'),
    300_000,
  ],
  [
    'conntrack.tcpEstablishedTimeout',
    { conntrack: { tcpEstablishedTimeout: '9s' } },
    (c) => conntrackOf(c, 'tcp_timeout_established'),
    9,
  ],
  [
    'conntrack.tcpCloseWaitTimeout',
    { conntrack: { tcpCloseWaitTimeout: '8s' } },
    (c) => conntrackOf(c, 'tcp_timeout_close_wait'),
    8,
  ],
  [
    'conntrack.tcpBeLiberal',
    { conntrack: { tcpBeLiberal: true } },
    (c) => conntrackOf(c, 'tcp_be_liberal'),
    1,
  ],
  [
    'conntrack.udpTimeout',
    { conntrack: { udpTimeout: '7s' } },
    (c) => conntrackOf(c, 'udp_timeout'),
    7,
  ],
  [
    'conntrack.udpStreamTimeout',
    { conntrack: { udpStreamTimeout: '6s' } },
    (c) => conntrackOf(c, 'udp_timeout_stream'),
    6,
  ],
  ['portRange', { portRange: '8000-8099' }, (c) => c.portRange, { first: 8000, count: 100 }],
  ['udpIdleTimeout', { udpIdleTimeout: '9s' }, (c) => c.udpIdleMs, 9000],
];

const configOf = (value: object): ProxyConfig => parseProxyConfig({ ...value }, 'file').config;

it.each(EFFECTS)('%s changes how kube-proxy runs', (_, value, of, want) => {
  expect(of(configOf(value))).toEqual(want);
  expect(of(configOf({}))).not.toEqual(want);
});
