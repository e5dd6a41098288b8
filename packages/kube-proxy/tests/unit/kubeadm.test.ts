import { expect, it } from 'vitest';

import { parseProxyConfig } from '../../src/index.js';

const SET = {
  bindAddress: '0.0.0.0',
  clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf' },
  clusterCIDR: '10.244.0.0/16',
};
const periods = { minSyncPeriod: '0s', syncPeriod: '0s' };

/**
 * The configuration in kubeadm's ConfigMap: Go's zero value in each field that nobody has set.
 *
 * @see Kubernetes 1.36 cmd/kubeadm/app/componentconfigs/kubeproxy.go
 */
const KUBEADM = {
  apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
  kind: 'KubeProxyConfiguration',
  ...SET,
  clientConnection: {
    ...SET.clientConnection,
    ...{ acceptContentTypes: '', burst: 0, contentType: '', qps: 0 },
  },
  bindAddressHardFail: false,
  configSyncPeriod: '0s',
  conntrack: {
    ...{ maxPerCore: null, min: null, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null },
    ...{ tcpBeLiberal: false, udpStreamTimeout: '0s', udpTimeout: '0s' },
  },
  detectLocal: { bridgeInterface: '', interfaceNamePrefix: '' },
  detectLocalMode: '',
  enableProfiling: false,
  healthzBindAddress: '',
  hostnameOverride: '',
  iptables: { localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, ...periods },
  ipvs: {
    ...{ excludeCIDRs: null, scheduler: '', strictARP: false, ...periods },
    ...{ tcpFinTimeout: '0s', tcpTimeout: '0s', udpTimeout: '0s' },
  },
  logging: {
    flushFrequency: 0,
    options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } },
    verbosity: 0,
  },
  metricsBindAddress: '',
  mode: '',
  nftables: { masqueradeAll: false, masqueradeBit: null, ...periods },
  nodePortAddresses: null,
  oomScoreAdj: null,
  portRange: '',
  showHiddenMetricsForVersion: '',
  winkernel: {
    ...{ enableDSR: false, forwardHealthCheckVip: false, networkName: '' },
    ...{ rootHnsEndpointName: '', sourceVip: '' },
  },
};

it('the configuration of kubeadm means what it sets, and the default elsewhere, without a warning', () => {
  const { config, warnings } = parseProxyConfig(KUBEADM, 'config.conf');
  expect(warnings).toEqual([]);
  const { config: wanted } = parseProxyConfig(SET, 'config.conf');
  expect({ ...config, file: undefined }).toEqual({ ...wanted, file: undefined });
});
