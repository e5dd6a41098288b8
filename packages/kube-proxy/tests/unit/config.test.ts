import { describe, expect, it } from 'vitest';

import { parseProxyConfig } from '../../src/model/config.js';

const parse = (value: object) => parseProxyConfig(value, 'proxy.yaml');

describe(parseProxyConfig, () => {
  it('fills in the defaults', () => {
    const { file } = parse({}).config;
    expect(file).toMatchObject({
      healthzBindAddress: '0.0.0.0:10256',
      metricsBindAddress: '127.0.0.1:10249',
      clientConnection: { qps: 5, burst: 10, contentType: 'application/vnd.kubernetes.protobuf' },
      configSyncPeriod: '15m0s',
      oomScoreAdj: -999,
      mode: 'iptables',
      detectLocalMode: 'ClusterCIDR',
      iptables: { masqueradeBit: 14, syncPeriod: '30s', minSyncPeriod: '1s' },
      ipvs: { syncPeriod: '0s', minSyncPeriod: '0s' },
      nftables: { syncPeriod: '0s', minSyncPeriod: '0s' },
      conntrack: {
        maxPerCore: 32_768,
        min: 131_072,
        tcpEstablishedTimeout: '24h0m0s',
        tcpCloseWaitTimeout: '1h0m0s',
      },
    });
  });

  it('listens on IPv6 when it is bound to IPv6', () => {
    const { file } = parse({ bindAddress: '::' }).config;
    expect(file.healthzBindAddress).toBe('[::]:10256');
    expect(file.metricsBindAddress).toBe('[::1]:10249');
  });

  it('reads null, empty text and zero durations, which kubeadm writes, as the default', () => {
    const { config } = parse({
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      clientConnection: { kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf', qps: 0, burst: 0 },
      iptables: { masqueradeBit: null, minSyncPeriod: '0s', syncPeriod: '0s' },
      conntrack: { maxPerCore: null, min: null, tcpEstablishedTimeout: null },
      nodePortAddresses: null,
      mode: '',
      logging: { flushFrequency: 0, options: { json: { infoBufferSize: '0' } }, verbosity: 0 },
      winkernel: null,
    });
    expect(config).toMatchObject({
      masqueradeMark: 0x4000,
      syncPeriodMs: 30_000,
      minSyncPeriodMs: 1000,
      nodePortAddresses: [],
      clientConnection: { qps: 5, burst: 10 },
      conntrack: { min: 131_072, tcpEstablishedSeconds: 86_400 },
    });
  });

  it('adds only the missing port to an address', () => {
    const given = { healthzBindAddress: '10.0.0.1', metricsBindAddress: '[fd00::1]:99' };
    expect(parse(given).config).toMatchObject({
      healthzBindAddress: { host: '10.0.0.1', port: 10_256 },
      metricsBindAddress: { host: 'fd00::1', port: 99 },
      file: { healthzBindAddress: '10.0.0.1:10256', metricsBindAddress: '[fd00::1]:99' },
    });
  });

  it('warns about unknown fields', () => {
    expect(parse({ resourceContainer: '/kube-proxy', iptables: { foo: 1 } }).warnings).toEqual([
      'proxy.yaml: unknown field "iptables.foo"',
      'proxy.yaml: unknown field "resourceContainer"',
    ]);
  });

  it('ignores a UDP idle time of 0, which old configurations have', () => {
    expect(parse({ udpIdleTimeout: '0s' }).config.udpIdleMs).toBe(60_000);
    expect(parse({ udpIdleTimeout: '2s' }).config.udpIdleMs).toBe(2000);
  });

  it('reports all problems at once, by file and field', () => {
    const wrong = {
      mode: 'ebpf',
      oomScoreAdj: 1001,
      bindAddress: 'here',
      iptables: { masqueradeBit: 32, syncPeriod: 'soon' },
      nodePortAddresses: ['10.0.0.0'],
      clientConnection: { burst: -1 },
      metricsBindAddress: '127.0.0.1:0',
    };
    expect(() => parse(wrong)).toThrow(/^proxy\.yaml: 8 problems\n/);
    for (const field of [
      'mode: must be iptables, ipvs, nftables, userspace or empty',
      'oomScoreAdj',
      'bindAddress: must be an IP address',
      'iptables.masqueradeBit',
      'iptables.syncPeriod: must be a duration such as 1m30s',
      'nodePortAddresses[0]: must be a CIDR such as 10.0.0.0/8',
      'clientConnection.burst',
      'metricsBindAddress: must be an IP address with or without a port',
    ]) {
      expect(() => parse(wrong)).toThrow(field);
    }
  });

  it.each([
    [{ iptables: { minSyncPeriod: '31s' } }, 'iptables.minSyncPeriod: must not be longer'],
    [{ nodePortAddresses: ['primary', '10.0.0.0/8'] }, '"primary" must be the only element'],
    [{ detectLocalMode: 'BridgeInterface' }, 'detectLocal.bridgeInterface: must be set'],
    [{ showHiddenMetricsForVersion: '1.34' }, 'showHiddenMetricsForVersion: must be the minor'],
    [{ logging: { options: { json: { splitStream: true } } } }, 'LoggingAlphaOptions'],
    [{ detectLocalMode: 'InterfaceNamePrefix' }, 'detectLocal.interfaceNamePrefix: must be set'],
    [{ clusterCIDR: '10.0.0.0/8,10.1.0.0/16' }, 'clusterCIDR: must be one CIDR, or one of each'],
    [{ clusterCIDR: '10.0.0.0/8,fd00::/8,fd01::/16' }, 'clusterCIDR'],
    [{ clusterCIDR: '10.0.0/8' }, 'clusterCIDR'],
    [{ portRange: '99-1' }, 'portRange: must be a range of ports such as 8000-8099, or empty'],
    [{ featureGates: { Nonsense: true } }, 'featureGates: unrecognized feature gate: Nonsense'],
    [{ featureGates: { NFTablesProxyMode: false } }, 'feature is locked to true'],
  ])('refuses %j', (value, message) => {
    expect(() => parse(value)).toThrow(message);
  });

  it('accepts every feature gate that Kubernetes knows', () => {
    const featureGates = { NFTablesProxyMode: true, AllAlpha: false };
    expect(parse({ featureGates }).config.file.featureGates).toEqual(featureGates);
  });

  it('reads addresses with leading zeros as decimal', () => {
    expect(parse({ bindAddress: '010.0.0.1' }).config.bindAddress).toBe('10.0.0.1');
    expect(parse({ healthzBindAddress: '010.0.0.1:80' }).config).toMatchObject({
      healthzBindAddress: { host: '10.0.0.1', port: 80 },
    });
    expect(parse({ clusterCIDR: '10.244.1.0/16' }).config.clusterCidrs).toEqual(['10.244.0.0/16']);
  });
});
