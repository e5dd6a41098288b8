import assert from 'node:assert/strict';

import { isConfigError, parseConfigFile } from '@nodeagent/component-base';
import {
  checkReader,
  mapped,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import {
  canonicalCidr,
  canonicalIp,
  cidrContains,
  familyOf,
  isUsableEndpointIp,
} from '../../src/model/address.js';
import { parseProxyConfig, type ProxyConfig } from '../../src/model/config.js';
import { CONFIG_KIND } from '../../src/model/config-file.js';
import { parsePortRange } from '../../src/model/port-range.js';

/** A configuration as kubeadm writes it, with every section filled in. */
const CONFIG = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  featureGates: { NFTablesProxyMode: true },
  clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf', qps: 5, burst: 10 },
  logging: {
    format: 'text',
    flushFrequency: 5_000_000_000,
    verbosity: 2,
    options: { text: { infoBufferSize: '0' }, json: { infoBufferSize: '0', splitStream: false } },
  },
  hostnameOverride: 'node1',
  bindAddress: '0.0.0.0',
  healthzBindAddress: '0.0.0.0:10256',
  metricsBindAddress: '[::1]:10249',
  mode: 'iptables',
  iptables: {
    masqueradeBit: 14,
    masqueradeAll: false,
    localhostNodePorts: null,
    syncPeriod: '30s',
    minSyncPeriod: '1s',
  },
  ipvs: { excludeCIDRs: ['10.1.0.0/16'], scheduler: 'rr', syncPeriod: '30s', tcpTimeout: '15m' },
  nftables: { masqueradeBit: 14, masqueradeAll: true, syncPeriod: '30s', minSyncPeriod: '1s' },
  winkernel: { enableDSR: false, networkName: '' },
  detectLocalMode: 'ClusterCIDR',
  detectLocal: { bridgeInterface: 'cni0', interfaceNamePrefix: 'veth' },
  clusterCIDR: '10.244.0.0/16,fd00:10:244::/56',
  nodePortAddresses: ['192.168.0.0/24', 'fd00::/64'],
  oomScoreAdj: -999,
  conntrack: {
    maxPerCore: 32_768,
    min: 131_072,
    tcpBeLiberal: false,
    tcpCloseWaitTimeout: '1h0m0s',
    tcpEstablishedTimeout: '24h0m0s',
    udpTimeout: '30s',
  },
  configSyncPeriod: '15m0s',
  portRange: '8000-8099',
};

const CONFIGS = [
  CONFIG,
  { ...CONFIG, mode: 'nftables', nodePortAddresses: ['primary'] },
  { ...CONFIG, mode: 'ipvs', detectLocalMode: 'BridgeInterface' },
];

const isConfigInvalid = (error: unknown): boolean => isConfigError(error, 'CONFIG_INVALID');

/** Checks what the rest of the proxy relies on. */
function checkProxyConfig({ file, ...config }: ProxyConfig): void {
  const { syncPeriodMs, minSyncPeriodMs, masqueradeMark, udpIdleMs, conntrack } = config;
  for (const number of [...Object.values(conntrack), syncPeriodMs, minSyncPeriodMs, udpIdleMs]) {
    assert.ok(typeof number === 'boolean' || (Number.isFinite(number) && number >= 0), `${number}`);
  }
  assert.ok(syncPeriodMs > 0 && minSyncPeriodMs <= syncPeriodMs, `${syncPeriodMs}`);
  assert.ok(Number.isInteger(Math.log2(masqueradeMark)) && masqueradeMark <= 2 ** 31);
  assert.ok(Number.isInteger(config.oomScoreAdj) && Math.abs(config.oomScoreAdj) <= 1000);
  assert.ok(Number.isFinite(config.clientConnection.qps), `${config.clientConnection.qps}`);
  assert.ok(config.clientConnection.burst > 0);
  assert.equal(canonicalIp(config.bindAddress), config.bindAddress);
  for (const cidr of config.nodePortAddresses) {
    if (cidr !== 'primary') assert.equal(canonicalCidr(cidr), cidr);
  }
  if (config.detectLocalMode === 'ClusterCIDR') {
    for (const cidr of config.clusterCidrs) assert.equal(canonicalCidr(cidr), cidr);
  }
  for (const address of [config.healthzBindAddress, config.metricsBindAddress]) {
    if (address === undefined) assert.fail('a server is switched off by flags only');
    assert.equal(canonicalIp(address.host), address.host);
    assert.ok(address.port >= 1 && address.port <= 65_535, `${address.port}`);
  }
  JSON.stringify(file); // the configuration in force is also shown in the API's form
}

const WARNING = /^kube-proxy\.yaml: (unknown field |featureGates: |[\w.]+ has no effect: )/;

describe('Configurations of the proxy', () => {
  test('every file is read as consistent settings or refused with a ConfigError', () =>
    checkReader({
      name: 'parseConfigFile, parseProxyConfig',
      inputs: oneOf(
        mapped(mutatedTrees(CONFIGS), text),
        mutatedTexts([JSON.stringify(CONFIG, undefined, 1)]),
      ),
      read: (file) => {
        const { value } = parseConfigFile(file, 'kube-proxy.yaml', CONFIG_KIND);
        checkProxyConfig(parseProxyConfig(value, 'kube-proxy.yaml').config);
      },
      refuses: isConfigInvalid,
      share: 100, // large YAML files take long to read
    }));

  test('every value is read as consistent settings or refused with a ConfigError', () =>
    checkReader({
      name: 'parseProxyConfig',
      inputs: mutatedTrees(CONFIGS),
      read: (value) => {
        const { config, warnings } = parseProxyConfig(value, 'kube-proxy.yaml');
        checkProxyConfig(config);
        for (const warning of warnings) assert.match(warning, WARNING);
      },
      refuses: isConfigInvalid,
    }));

  test('every range of ports is read as existing ports, as any port, or refused', () =>
    checkReader({
      name: 'parsePortRange',
      inputs: mutatedTexts(['8000-8099', '8000+99', '8000', '0-0', '']),
      read: (words) => {
        const range = parsePortRange(words);
        if (range === 'any' || range === undefined) return;
        assert.ok(range.first > 0 && range.count > 0 && range.first + range.count <= 65_536);
      },
      share: 1000,
    }));
});

describe('Addresses in configurations and objects', () => {
  test('every address has one form, and every prefix contains the address that it was written with', () =>
    checkReader({
      name: 'canonicalIp, canonicalCidr',
      inputs: mutatedTexts([
        '10.96.0.1/12',
        '010.0.0.1/8',
        'fd00:10:96::a/112',
        '::1.2.3.4/128',
        '2001:db8:1:2:3:4:5:6/61',
        '::ffff:10.0.0.1/32',
      ]),
      read: (words) => {
        const [address = ''] = words.split('/');
        for (const form of [canonicalIp(words), canonicalIp(address)]) {
          if (form === undefined) continue;
          assert.equal(canonicalIp(form), form);
          isUsableEndpointIp(form, familyOf(form));
        }
        const cidr = canonicalCidr(words);
        if (cidr === undefined) return;
        assert.equal(canonicalCidr(cidr), cidr);
        assert.ok(cidrContains(cidr, canonicalIp(address) ?? ''), `${words} is ${cidr}`);
      },
    }));
});

function text(value: unknown): string {
  try {
    const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
    return json ?? '';
  } catch {
    return `{"kind":"KubeProxyConfiguration","iptables":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
  }
}
