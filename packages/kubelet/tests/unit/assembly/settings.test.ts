import { describe, expect, it } from 'vitest';

import { completeIdentity } from '../../../src/assembly/model/identity.js';
import { nodeConfig } from '../../../src/assembly/plan/node-config.js';
import {
  allPodsLimits,
  cgroupRules,
  crashLoopRules,
  idRange,
  pullRules,
} from '../../../src/assembly/plan/pod-rules.js';
import { runtimeSettings } from '../../../src/assembly/plan/runtime-settings.js';
import { type KubeletConfig, parseKubeletConfig } from '../../../src/config/index.js';

const source = 'kubelet.yaml';
const configOf = (value: object = {}): KubeletConfig =>
  parseKubeletConfig({
    file: { value: { ...value }, directory: '/' },
    dropIns: [],
    flags: {},
    source,
  }).config;
const gated = (featureGates: Readonly<Record<string, boolean>>): KubeletConfig =>
  configOf({ featureGates });

const identity = completeIdentity({ nodeName: 'host-1', nodeIps: ['10.0.0.1', 'fd00::1'] });

const MACHINE = {
  memoryBytes: 2 ** 30,
  cgroupVersion: 2,
  runtime: {
    hugepageKib: [2048],
    maskedPaths: [],
    selinux: false,
    swapBytes: 2 ** 20,
    limitsSwap: { v1: false, v2: true },
  },
} as const;
const V1 = { ...MACHINE, cgroupVersion: 1 } as const;

describe(crashLoopRules, () => {
  it.each([
    [{}, { initialMs: 10_000, maxMs: 300_000 }],
    [{ ReduceDefaultCrashLoopBackOffDecay: true }, { initialMs: 1000, maxMs: 300_000 }],
    [
      { ReduceDefaultCrashLoopBackOffDecay: true, KubeletCrashLoopBackOffMax: false },
      { initialMs: 1000, maxMs: 60_000 },
    ],
    [{ KubeletCrashLoopBackOffMax: false }, { initialMs: 10_000, maxMs: 300_000 }],
  ])('with the gates %j are %j', (gates, want) => {
    expect(crashLoopRules(gated(gates))).toEqual(want);
  });

  it('limits even the first delay to the configured maximum', () => {
    const config = configOf({ crashLoopBackOff: { maxContainerRestartPeriod: '2s' } });
    expect(crashLoopRules(config)).toEqual({ initialMs: 2000, maxMs: 2000 });
  });
});

describe('cgroup rules', () => {
  it('give all pods together the capacity minus the reserved resources', () => {
    const config = configOf({
      systemReserved: { cpu: '500m', memory: '1Gi' },
      kubeReserved: { cpu: '500m' },
    });
    const machine = { cpuCount: 2, memoryBytes: 4 * 2 ** 30 };
    expect(allPodsLimits(config, machine, 1000)).toEqual({
      cpuShares: 1024,
      memoryLimitBytes: 3 * 2 ** 30,
      pidsMax: 1000,
    });
  });

  it('give periods in microseconds', () => {
    const config = configOf({ cpuCFSQuotaPeriod: '50ms', podPidsLimit: 100 });
    expect(cgroupRules(config)).toEqual({
      cpuCfsQuota: true,
      cpuPeriodUs: 50_000,
      podPidsLimit: 100,
    });
  });
});

describe(pullRules, () => {
  it('verifies pull credentials unless a gate disables it', () => {
    expect(pullRules(configOf()).verification).toEqual({
      policy: 'NeverVerifyPreloadedImages',
      allowlist: [],
    });
    const without = gated({ KubeletEnsureSecretPulledImages: false });
    expect(pullRules(without).verification).toBeUndefined();
  });

  it.each([
    [{}, 1],
    [{ serializeImagePulls: false }, undefined],
  ])('with %j allows %s pulls at a time', (value, concurrency) => {
    expect(pullRules(configOf(value))).toMatchObject({ concurrency, qps: 5, burst: 10 });
  });
});

describe(runtimeSettings, () => {
  it('limits swap as configured if the machine supports it', () => {
    const config = configOf();
    const swap = { cgroups: 2, behavior: 'NoSwap', swapBytes: 2 ** 20 };
    expect(runtimeSettings(config, identity, MACHINE).swap).toEqual(swap);
    expect(runtimeSettings(config, identity, V1).swap).toBeUndefined();
    const limited = configOf({ memorySwap: { swapBehavior: 'LimitedSwap' } });
    expect(runtimeSettings(limited, identity, MACHINE).swap?.behavior).toBe('LimitedSwap');
  });

  it('kills a container as a whole on cgroup v2 only', () => {
    const { unified } = runtimeSettings(configOf(), identity, MACHINE);
    expect(unified).toEqual({ 'memory.oom.group': '1' });
    expect(runtimeSettings(configOf(), identity, V1).unified).toEqual({});
  });

  it('places links to logs beside the logs', () => {
    const logsDir = (value: object): string =>
      runtimeSettings(configOf(value), identity, MACHINE).containerLogsDir;
    expect(logsDir({})).toBe('/var/log/containers');
    expect(logsDir({ podLogsDir: '/srv/n1/pods' })).toBe('/srv/n1/containers');
  });
});

describe(idRange, () => {
  it('takes the subordinate ids of the user kubelet if it exists', () => {
    const config = configOf();
    const whole = { first: 65_536, length: 2 ** 32 - 65_536, idsPerPod: 65_536 };
    expect(idRange(config, undefined, identity.placeOf)).toEqual(whole);
    const of = (text: string) => idRange(config, { uids: text, gids: text }, identity.placeOf);
    expect(of('0: kubelet 65536 7208960\n')).toEqual({ ...whole, length: 7_208_960 });
    expect(() => of('0: kubelet 65536 655360\n')).toThrow('too few for 110 pods');
  });
});

describe(nodeConfig, () => {
  it('declares features unless their gates disable them', () => {
    const feature = 'RestartAllContainersOnContainerExits';
    const others = [
      'InPlacePodLevelResourcesVerticalScaling',
      'InPlacePodVerticalScalingInitContainers',
    ];
    expect(nodeConfig(configOf(), identity).declaredFeatures).toEqual([...others, feature]);
    const without = nodeConfig(gated({ [feature]: false }), identity);
    expect(without.declaredFeatures).toEqual(others);
  });

  it('takes name and addresses of the node from the identity', () => {
    expect(nodeConfig(configOf(), identity)).toMatchObject({
      nodeName: 'host-1',
      hostname: 'host-1',
      nodeIps: ['10.0.0.1', 'fd00::1'],
      kubeletVersion: 'v1.36.0',
      kubeletPort: 10_250,
    });
  });
});
