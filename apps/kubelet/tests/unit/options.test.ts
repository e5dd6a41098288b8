import { isConfigError, parseFlags } from '@nodeagent/component-base';
import { describe, expect, it } from 'vitest';

import { FLAGS } from '../../src/flags.js';
import { type Options, readOptions } from '../../src/options.js';
import {
  allPodsLimits,
  cgroupRules,
  crashLoopRules,
  idRange,
  nodeConfig,
  pullRules,
  runtimeSettings,
} from '../../src/settings.js';

const noFiles = () => Promise.resolve({ file: undefined, dropIns: [], warnings: [] });

function options(...argv: readonly string[]): Promise<Options> {
  const flags = parseFlags(FLAGS, ['--kubeconfig=/k', ...argv]);
  return readOptions(flags, 'Host-1', noFiles);
}

async function problems(...argv: readonly string[]): Promise<readonly string[]> {
  try {
    await options(...argv);
    return [];
  } catch (error) {
    if (isConfigError(error)) return error.problems.map(({ field }) => field);
    throw error;
  }
}

it('takes the cgroup of the container runtime from its flag', async () => {
  expect((await options()).runtimeCgroups).toBe('');
  expect((await options('--runtime-cgroups=/runtime.slice')).runtimeCgroups).toBe('/runtime.slice');
});

describe('settings of what is made of pods', () => {
  it.each([
    [[], { initialMs: 10_000, maxMs: 300_000 }],
    [['ReduceDefaultCrashLoopBackOffDecay=true'], { initialMs: 1000, maxMs: 300_000 }],
    [
      ['ReduceDefaultCrashLoopBackOffDecay=true', 'KubeletCrashLoopBackOffMax=false'],
      { initialMs: 1000, maxMs: 60_000 },
    ],
    [['KubeletCrashLoopBackOffMax=false'], { initialMs: 10_000, maxMs: 300_000 }],
  ])('restarts wait with the gates %j', async (gates, want) => {
    const { config } = await options(...gates.map((gate) => `--feature-gates=${gate}`));
    expect(crashLoopRules(config)).toEqual(want);
  });

  it('restarts wait no longer than the configuration says, the first too', async () => {
    const { config } = await options();
    const short = { ...config, crashLoopBackOff: { maxContainerRestartPeriod: 2000 } };
    expect(crashLoopRules(short)).toEqual({ initialMs: 2000, maxMs: 2000 });
  });

  it('all pods together are held to what is not reserved', async () => {
    const { config } = await options();
    const reserving = {
      ...config,
      systemReserved: { cpu: '500m', memory: '1Gi' },
      kubeReserved: { cpu: '500m' },
    };
    const machine = { cpuCount: 2, memoryBytes: 4 * 2 ** 30 };
    expect(allPodsLimits(reserving, machine)).toEqual({
      cpuShares: 1024,
      memoryLimitBytes: 3 * 2 ** 30,
    });
  });
});

describe('flags', () => {
  it('have names of their own', () => {
    const names = FLAGS.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('of old service files are accepted with a warning', async () => {
    const { warnings } = await options(
      '--container-runtime=remote',
      '--network-plugin=cni',
      '--image-pull-progress-deadline=2m',
      '--cni-bin-dir=/opt/cni/bin',
      '--pod-infra-container-image=pause',
      '--cert-dir=/etc/pki',
      '--max-pods=20',
    );
    expect(warnings).toHaveLength(6);
    expect(warnings[0]).toContain('--container-runtime');
  });

  it('name a kubeconfig to join with, and where the one is kept that comes of it', async () => {
    const joined = await options('--bootstrap-kubeconfig=/b');
    expect(joined).toMatchObject({ kubeconfig: '/k', bootstrapKubeconfig: '/b' });
    expect(await problems('--bootstrap-kubeconfig=/b', '--kubeconfig=')).toEqual(['--kubeconfig']);
  });

  it('are shown as given, but for what may be secret', async () => {
    const { flags } = await options('--max-pods=20', '--manifest-url-header=X-Token:abc');
    expect(flags).toEqual({
      ...{ kubeconfig: '/k', 'max-pods': '20' },
      'manifest-url-header': 'CLASSIFIED',
    });
  });

  it('name credential providers and where they are, or neither', async () => {
    const [config, binDir] = ['/etc/providers.yaml', '/opt/bin'];
    const flags = [
      `--image-credential-provider-config=${config}`,
      `--image-credential-provider-bin-dir=${binDir}`,
    ] as const;
    expect((await options(...flags)).credentialProviders).toEqual({ config, binDir });
    expect((await options()).credentialProviders).toBeUndefined();
    expect(await problems(flags[0])).toEqual(['--image-credential-provider-bin-dir']);
    expect(await problems(flags[1])).toEqual(['--image-credential-provider-config']);
  });

  it('need no kubeconfig: then there is no API server', async () => {
    expect((await options('--kubeconfig=')).kubeconfig).toBeUndefined();
    expect((await options()).kubeconfig).toBe('/k');
  });

  it('name the sources of static pods', async () => {
    const { config } = await options(
      '--pod-manifest-path=/etc/kubernetes/manifests',
      '--manifest-url=http://config.test/pods',
      '--manifest-url-header=X-A:1,X-B:2',
      '--manifest-url-header=X-A:http://3',
    );
    expect(config).toMatchObject({
      staticPodPath: '/etc/kubernetes/manifests',
      staticPodURL: 'http://config.test/pods',
      staticPodURLHeader: { 'X-A': ['1', 'http://3'], 'X-B': ['2'] },
      fileCheckFrequency: 20_000,
    });
  });

  it('reach the configuration', async () => {
    const { config } = await options(
      '--cluster-dns=10.0.0.10,10.0.0.11',
      '--eviction-hard=memory.available<200Mi,nodefs.available<5%',
      '--system-reserved=cpu=100m,memory=1Gi',
      '--register-with-taints=a=b:NoSchedule,c:NoExecute',
      '--feature-gates=EventedPLEG=true,NodeSwap=false',
      '--anonymous-auth=false',
      '--sync-frequency=30s',
      '--v=4',
    );
    expect(config).toMatchObject({
      clusterDNS: ['10.0.0.10', '10.0.0.11'],
      evictionHard: { 'memory.available': '200Mi', 'nodefs.available': '5%' },
      systemReserved: { cpu: '100m', memory: '1Gi' },
      registerWithTaints: [
        { key: 'a', value: 'b', effect: 'NoSchedule' },
        { key: 'c', value: '', effect: 'NoExecute' },
      ],
      featureGates: { EventedPLEG: true, NodeSwap: false },
      authentication: { anonymous: { enabled: false } },
      syncFrequency: 30_000,
      logging: { verbosity: 4 },
    });
  });

  const wrong: readonly (readonly [string, readonly string[]])[] = [
    ['allowedUnsafeSysctls', ['--allowed-unsafe-sysctls=vm.swappiness']],
    ['--manifest-url-header', ['--manifest-url-header=nothing']],
    ['--cloud-provider', ['--cloud-provider=aws']],
    ['--node-ip', ['--node-ip=10.0.0.1,10.0.0.2']],
    ['--node-ip', ['--node-ip=10.0.0.1,::']],
    ['--node-labels', ['--node-labels=node-role.kubernetes.io/x=y']],
    ['--node-labels', ['--node-labels=a=-b']],
    ['--eviction-hard', ['--eviction-hard=memory.available']],
    ['--register-with-taints', ['--register-with-taints=nothing']],
    ['maxPods', ['--max-pods=-3']],
    ['featureGates', ['--feature-gates=NoSuchGate=true']],
  ];
  it.each(wrong)('%s is refused in %j', async (field, argv) => {
    expect(await problems(...argv)).toEqual([field]);
  });

  it.each([
    ['--node-labels=node.kubernetes.io/x=y,zone=a,topology.kubernetes.io/zone=z', 3],
    ['--node-labels=bare', 1],
    ['--node-labels=', 0],
  ])('%s gives %i labels', async (argv, count) => {
    expect(Object.keys((await options(argv)).nodeLabels)).toHaveLength(count);
  });
});

const MACHINE = {
  memoryBytes: 2 ** 30,
  isCgroupV2: true,
  runtime: {
    hugepageKib: [2048],
    maskedPaths: [],
    selinux: false,
    swapBytes: 2 ** 20,
    limitsSwap: { v1: false, v2: true },
  },
};

describe('settings', () => {
  it('limit swap where the machine can, and only as the configuration says', async () => {
    const found = await options();
    expect(runtimeSettings(found, MACHINE).swap).toEqual({
      cgroups: 2,
      behavior: 'NoSwap',
      swapBytes: 2 ** 20,
    });
    expect(runtimeSettings(found, { ...MACHINE, isCgroupV2: false }).swap).toBeUndefined();
    const limited = { ...found.config, memorySwap: { swapBehavior: 'LimitedSwap' as const } };
    const { swap } = runtimeSettings({ ...found, config: limited }, MACHINE);
    expect(swap?.behavior).toBe('LimitedSwap');
  });

  it('verify pull credentials unless a gate says otherwise', async () => {
    const { config } = await options();
    expect(pullRules(config).verification).toEqual({
      policy: 'NeverVerifyPreloadedImages',
      allowlist: [],
    });
    const { config: without } = await options(
      '--feature-gates=KubeletEnsureSecretPulledImages=false',
    );
    expect(pullRules(without).verification).toBeUndefined();
  });

  it('give pods the ids of the user kubelet, if there is one', async () => {
    const found = await options();
    const whole = { first: 65_536, length: 2 ** 32 - 65_536, idsPerPod: 65_536 };
    expect(idRange(found, undefined)).toEqual(whole);
    const text = '0: kubelet 65536 7208960\n';
    expect(idRange(found, { uids: text, gids: text })).toEqual({ ...whole, length: 7_208_960 });
    const few = '0: kubelet 65536 655360\n';
    expect(() => idRange(found, { uids: few, gids: few })).toThrow('too few for 110 pods');
  });

  it('put the links to logs beside the logs', async () => {
    const found = await options();
    const config = { ...found.config, podLogsDir: '/srv/n1/pods' };
    const { containerLogsDir } = runtimeSettings({ ...found, config }, MACHINE);
    expect(containerLogsDir).toBe('/srv/n1/containers');
  });

  it('say what a scheduler may ask of the node, unless it is switched off', async () => {
    const feature = 'RestartAllContainersOnContainerExits';
    const others = [
      'InPlacePodLevelResourcesVerticalScaling',
      'InPlacePodVerticalScalingInitContainers',
    ];
    expect(nodeConfig(await options()).declaredFeatures).toEqual([...others, feature]);
    const without = nodeConfig(await options(`--feature-gates=${feature}=false`));
    expect(without.declaredFeatures).toEqual(others);
  });

  it('name the node after the host, in lower case', async () => {
    const node = nodeConfig(await options('--node-ip=10.0.0.1,fd00::1'));
    expect(node).toMatchObject({
      nodeName: 'host-1',
      hostname: 'host-1',
      nodeIps: ['10.0.0.1', 'fd00::1'],
      evictionReserved: {},
      kubeletPort: 10_250,
    });
  });

  it.each([
    [[], 1],
    [['--serialize-image-pulls=false'], undefined],
  ] as const)('pull %j: %s at a time', async (argv, concurrency) => {
    const { config } = await options(...argv);
    expect(pullRules(config)).toMatchObject({ concurrency, qps: 5, burst: 10 });
  });

  it('turn milliseconds into what cgroups take', async () => {
    const found = await options('--cpu-cfs-quota-period=50ms', '--pod-max-pids=100');
    expect(cgroupRules(found.config)).toEqual({
      cpuCfsQuota: true,
      cpuPeriodUs: 50_000,
      podPidsLimit: 100,
    });
    const settings = runtimeSettings(found, MACHINE);
    expect(settings.containerLogsDir).toBe('/var/log/containers');
    expect(settings.unified).toEqual({ 'memory.oom.group': '1' });
    expect(runtimeSettings(found, { ...MACHINE, isCgroupV2: false }).unified).toEqual({});
  });
});
