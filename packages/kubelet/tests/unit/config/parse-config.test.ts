import { isConfigError, type PlainObject } from '@nodeagent/component-base';
import { describe, expect, it } from 'vitest';

import { parseKubeletConfig } from '../../../src/config/index.js';

const ENVELOPE = { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration' };

function parse(value: PlainObject, more: { flags?: PlainObject; dropIns?: PlainObject[] } = {}) {
  const file = { value: { ...ENVELOPE, ...value }, directory: '/etc/kubelet' };
  return parseKubeletConfig({ file, dropIns: [], flags: {}, source: 'k.yaml', ...more });
}

function problemsOf(value: PlainObject): readonly string[] {
  try {
    parse(value);
  } catch (error) {
    if (isConfigError(error)) return error.problems.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe(parseKubeletConfig, () => {
  it('fills in the defaults', () => {
    expect(parse({}).config).toMatchObject({
      syncFrequencyMs: 60_000,
      port: 10_250,
      readOnlyPort: 0,
      maxPods: 110,
      cgroupDriver: 'cgroupfs',
      failCgroupV1: true,
      healthzPort: 10_248,
      authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
      authorization: { mode: 'Webhook' },
      enforceNodeAllocatable: ['pods'],
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
      crashLoopBackOff: { maxContainerRestartPeriodMs: 300_000 },
      containerLogMaxBytes: 10 * 2 ** 20,
      swapBehavior: 'NoSwap',
      resolvConfPath: '/etc/resolv.conf',
    });
  });

  it('allows anonymous access without a configuration file', () => {
    const none = { file: undefined, dropIns: [], flags: {}, source: 'command line' };
    expect(parseKubeletConfig(none).config).toMatchObject({
      readOnlyPort: 10_255,
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
      authorization: { mode: 'AlwaysAllow' },
    });
  });

  it('lets flags win over drop-ins, and drop-ins over the file', () => {
    const dropIns = [
      { ...ENVELOPE, maxPods: 20, clusterDNS: ['2.2.2.2'], evictionHard: { 'pid.available': '1' } },
    ];
    const flags = { maxPods: 30, featureGates: { EnvFiles: false } };
    const value = {
      maxPods: 10,
      clusterDNS: ['1.1.1.1'],
      featureGates: { ContainerStopSignals: true, EnvFiles: true },
      evictionHard: { 'nodefs.available': '2' },
    };
    expect(parse(value, { dropIns, flags }).config).toMatchObject({
      maxPods: 30,
      clusterDNS: ['2.2.2.2'],
      features: { ContainerStopSignals: true, EnvFiles: false },
      document: { evictionHard: { 'pid.available': '1', 'nodefs.available': '2' } },
    });
  });

  it('replaces a map of the file with the map of a flag', () => {
    const value = { systemReserved: { cpu: '1', memory: '1Gi' } };
    const { config } = parse(value, { flags: { systemReserved: { cpu: '2' } } });
    expect(config.systemReserved).toEqual({ cpu: 2_000_000_000n });
  });

  it('resolves relative paths against the file’s directory', () => {
    const value = {
      staticPodPath: 'manifests',
      authentication: { x509: { clientCAFile: 'ca.crt' } },
    };
    const { config } = parse(value);
    expect(config.staticPodPath).toBe('/etc/kubelet/manifests');
    expect(config.authentication.x509.clientCAFile).toBe('/etc/kubelet/ca.crt');
  });

  it('replaces reserved amounts of CPU by the CPUs that are reserved', () => {
    const { config } = parse({
      reservedSystemCPUs: '0-1,3',
      systemReserved: { cpu: '100m', memory: '1Gi' },
      kubeReserved: { cpu: '200m', pid: '10' },
    });
    expect([...config.reservedCpus]).toEqual([0, 1, 3]);
    expect(config.systemReserved).toEqual({ cpu: 3_000_000_000n, memory: 2n ** 30n * 10n ** 9n });
    expect(config.kubeReserved).toEqual({ pid: 10_000_000_000n });
    expect(config.document).toMatchObject({ reservedSystemCPUs: '0-1,3' });
  });

  it('warns about unknown fields', () => {
    const { warnings } = parse({ maxPod: 3, authentication: { basic: {} } });
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toContain('maxPod');
  });

  it('reports all problems at once', () => {
    const value = {
      maxPods: -1,
      podLogsDir: 'relative',
      imageGCLowThresholdPercent: 90,
      cgroupDriver: 'x',
      syncFrequency: 'soon',
      systemReserved: { gpus: '1' },
    };
    expect([...problemsOf(value)].sort()).toEqual([
      'cgroupDriver',
      'imageGCLowThresholdPercent',
      'maxPods',
      'syncFrequency',
      'systemReserved',
    ]);
  });

  const wrong: readonly (readonly [string, PlainObject])[] = [
    ['runOnce', { runOnce: true }],
    ['showHiddenMetricsForVersion', { showHiddenMetricsForVersion: '1.34' }],
    ['logging.options.text.splitStream', { logging: { options: { text: { splitStream: true } } } }],
    ['podLogsDir', { podLogsDir: '/var/../log' }],
    ['cpuCFSQuotaPeriod', { cpuCFSQuotaPeriod: '2s' }],
    ['maxParallelImagePulls', { maxParallelImagePulls: 5, serializeImagePulls: true }],
    ['shutdownGracePeriodCriticalPods', { shutdownGracePeriodCriticalPods: '10s' }],
    ['crashLoopBackOff', { crashLoopBackOff: { maxContainerRestartPeriod: '301s' } }],
    ['enforceNodeAllocatable', { enforceNodeAllocatable: ['none', 'pods'] }],
    ['enforceNodeAllocatable', { enforceNodeAllocatable: ['system-reserved'] }],
    ['containerLogMonitorInterval', { containerLogMonitorInterval: '1s' }],
    ['containerLogMaxSize', { containerLogMaxSize: 'much' }],
    ['imageMaximumGCAge', { imageMaximumGCAge: '1m' }],
    ['registerWithTaints[0].effect', { registerWithTaints: [{ key: 'a', effect: 'Never' }] }],
    ['port', { port: 0 }],
    ['featureGates', { featureGates: { NodeSwap: false } }],
    ['cpuManagerPolicy', { cpuManagerPolicy: 'bogus' }],
    ['cpuManagerPolicyOptions', { cpuManagerPolicyOptions: { 'full-pcpus-only': 'true' } }],
    [
      'cpuManagerPolicyOptions.fastest',
      { cpuManagerPolicy: 'static', cpuManagerPolicyOptions: { fastest: 'true' } },
    ],
    [
      'cpuManagerPolicyOptions.align-by-socket',
      { cpuManagerPolicy: 'static', cpuManagerPolicyOptions: { 'align-by-socket': 'true' } },
    ],
    [
      'topologyManagerPolicyOptions.max-allowable-numa-nodes',
      { topologyManagerPolicyOptions: { 'max-allowable-numa-nodes': '7' } },
    ],
    ['reservedSystemCPUs', { reservedSystemCPUs: 'zzz' }],
    ['reservedSystemCPUs', { reservedSystemCPUs: '3-1' }],
    ['reservedSystemCPUs', { reservedSystemCPUs: '0-99999999' }],
    [
      'reservedMemory[0].limits.cpu',
      { reservedMemory: [{ numaNode: 0, limits: { cpu: '1', memory: '1Gi' } }] },
    ],
    ['reservedMemory[0].limits.memory', { reservedMemory: [{ limits: { memory: '0' } }] }],
    ['qosReserved.cpu', { qosReserved: { cpu: '10%' } }],
    ['qosReserved.memory', { qosReserved: { memory: '101%' } }],
    ['evictionHard.foo.bar', { evictionHard: { 'foo.bar': '1' } }],
    ['evictionSoft.memory.available', { evictionSoft: { 'memory.available': '1Gi' } }],
    [
      'evictionSoftGracePeriod.pid.available',
      { evictionSoftGracePeriod: { 'pid.available': '-1s' } },
    ],
    ['evictionMinimumReclaim.pid.available', { evictionMinimumReclaim: { 'pid.available': '0%' } }],
    ['memoryReservationPolicy', { memoryReservationPolicy: 'TieredReservation' }],
    [
      'serverTLSBootstrap',
      { serverTLSBootstrap: true, featureGates: { RotateKubeletServerCertificate: false } },
    ],
    ['logging.vmodule[0].filePattern', { logging: { vmodule: [{ filePattern: 'a=b' }] } }],
    [
      'shutdownGracePeriodByPodPriority[0].priority',
      { shutdownGracePeriodByPodPriority: [{ priority: 'high' }] },
    ],
  ];
  it('shows an offending value as the file contains it', () => {
    expect(() => parse({ cpuCFSQuotaPeriod: '2s' })).toThrow(
      'cpuCFSQuotaPeriod: must be 1ms to 1s, found "2s"',
    );
  });

  it.each(wrong)('refuses %s in %j', (field, value) => {
    expect(problemsOf(value)).toEqual([field]);
  });
});

const reportMs = (...args: Parameters<typeof parse>): number =>
  parse(...args).config.nodeStatusReportFrequencyMs;

describe('dependent defaults', () => {
  it('depend on fields of the file, not of drop-ins and flags', () => {
    const dropIns = [{ nodeStatusUpdateFrequency: '4s' }];
    expect(reportMs({}, { dropIns })).toBe(300_000);
    const flags = { nodeStatusUpdateFrequency: '4s' };
    expect(reportMs({}, { flags })).toBe(300_000);
    expect(parse({ maxParallelImagePulls: 5 }).config.serializeImagePulls).toBe(false);
    const parallel = { dropIns: [{ maxParallelImagePulls: 5 }] };
    expect(() => parse({}, parallel)).toThrow(/serializeImagePulls/);
    expect(parse({ serializeImagePulls: false }, parallel).config).toMatchObject({
      maxParallelImagePulls: 5,
    });
  });
});

describe('the report period of an unchanged status', () => {
  it('follows the update frequency when only that is given', () => {
    expect(reportMs({})).toBe(300_000);
    expect(reportMs({ nodeStatusUpdateFrequency: '4s' })).toBe(4000);
    expect(reportMs({ nodeStatusReportFrequency: '1m' })).toBe(60_000);
    const zero = { nodeStatusReportFrequency: '0s', nodeStatusUpdateFrequency: '20s' };
    expect(reportMs(zero)).toBe(20_000);
  });
});

describe('eviction thresholds', () => {
  const own = { evictionHard: { 'nodefs.available': '20%', 'memory.available': '0%' } };

  it('take defaults only if a file sets none', () => {
    expect(parse({}).config.evictionHard.get('memory.available')).toEqual({
      bytes: 100 * 2 ** 20,
    });
    const none = { file: undefined, dropIns: [], flags: {}, source: 'command line' };
    expect(parseKubeletConfig(none).config.evictionHard.size).toBe(0);
    expect([...parse(own).config.evictionHard]).toEqual([
      ['nodefs.available', { fraction: Math.fround(0.2) }],
    ]);
    const merged = parse({ ...own, mergeDefaultEvictionSettings: true }).config;
    expect(merged.evictionHard.has('imagefs.available')).toBe(true);
  });

  it('are extended by drop-ins and replaced by a flag', () => {
    const signals = (...args: Parameters<typeof parse>): readonly string[] =>
      Object.keys(parse(...args).config.document.evictionHard);
    const dropIns = [{ evictionHard: { 'pid.available': '5%' } }];
    expect(signals({}, { dropIns })).toHaveLength(6);
    const merges = { mergeDefaultEvictionSettings: true };
    expect(signals(own, { dropIns: [merges] })).toEqual(Object.keys(own.evictionHard));
    const flags = { evictionHard: { 'memory.available': '1Gi' } };
    expect(signals(merges, { dropIns, flags })).toEqual(['memory.available']);
  });

  it.each([
    ['100Mi', { bytes: 100 * 2 ** 20 }],
    ['1.5k', { bytes: 1500 }],
    ['1e999', { bytes: Number.MAX_SAFE_INTEGER }],
    ['12.5%', { fraction: 0.125 }],
    ['0%', undefined],
    ['100%', undefined],
  ])('parse %j to %j', (text, want) => {
    const evictionHard = { 'memory.available': text };
    expect(parse({ evictionHard }).config.evictionHard.get('memory.available')).toEqual(want);
  });

  it.each(['much', '', '0', '-1Mi', '-5%', '101%', '5 %'])('refuse %j', (text) => {
    expect(problemsOf({ evictionHard: { 'nodefs.available': text } })).toEqual([
      'evictionHard.nodefs.available',
    ]);
  });
});
