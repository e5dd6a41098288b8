import { flagsToConfig, isConfigError, parseFlags } from '@nodeagent/component-base';
import { parseKubeletConfig } from '@nodeagent/kubelet';
import { describe, expect, it } from 'vitest';

import { FLAGS } from '../../src/flags.js';
import { type Options, readOptions } from '../../src/options.js';

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

it('reads the cgroup of the container runtime from its flag', async () => {
  expect((await options()).runtimeCgroups).toBe('');
  expect((await options('--runtime-cgroups=/runtime.slice')).runtimeCgroups).toBe('/runtime.slice');
});

describe('flags', () => {
  it('read how many ended containers stay', async () => {
    const { containerGc, warnings } = await options();
    expect(containerGc).toEqual({ minAgeMs: 0, perContainer: 1, total: -1 });
    expect(warnings).toEqual([]);
    const given = await options(
      '--minimum-container-ttl-duration=1m30s',
      '--maximum-dead-containers-per-container=0',
      '--maximum-dead-containers=100',
    );
    expect(given.containerGc).toEqual({ minAgeMs: 90_000, perContainer: 0, total: 100 });
    expect(given.warnings).toHaveLength(3);
    expect(given.warnings[0]).toContain('Use --eviction-hard or --eviction-soft instead');
  });

  it('have unique names', () => {
    const names = FLAGS.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('of older releases are accepted with a warning', async () => {
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

  it('name the bootstrap kubeconfig and the path of the node’s own', async () => {
    const joined = await options('--bootstrap-kubeconfig=/b');
    expect(joined).toMatchObject({ kubeconfig: '/k', bootstrapKubeconfig: '/b' });
    expect(await problems('--bootstrap-kubeconfig=/b', '--kubeconfig=')).toEqual(['--kubeconfig']);
  });

  it('leave certificates where kubeconfigs of other kubelets look for them', async () => {
    const { certDir } = await options('--root-dir=/data');
    expect(certDir).toBe('/var/lib/kubelet/pki');
    expect(await options('--cert-dir=/etc/pki')).toMatchObject({ certDir: '/etc/pki' });
  });

  it('are shown as given, except for secrets', async () => {
    const { flags } = await options('--max-pods=20', '--manifest-url-header=X-Token:abc');
    expect(flags).toEqual({
      ...{ kubeconfig: '/k', 'max-pods': '20' },
      'manifest-url-header': 'CLASSIFIED',
    });
  });

  it('set both the configuration and the directory of credential providers, or neither', async () => {
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

  it('set the node’s name, with the lower-case host name as default', async () => {
    expect((await options()).nodeName).toBe('host-1');
    const named = await options('--hostname-override=Other', '--node-ip=10.0.0.1,fd00::1');
    expect(named).toMatchObject({ nodeName: 'other', nodeIps: ['10.0.0.1', 'fd00::1'] });
  });

  it.each([
    [
      'in the file and by a flag',
      '/etc/kubelet.yaml',
      ['--fail-cgroupv1=false'],
      'command line',
      '--fail-cgroupv1',
    ],
    ['in the file', '/etc/kubelet.yaml', [], '/etc/kubelet.yaml', 'failCgroupV1'],
    ['nowhere, without a file', undefined, [], 'command line', '--fail-cgroupv1'],
  ])('locate a field that is set %s', async (_, file, argv, source, field) => {
    const flags = parseFlags(FLAGS, [...(file === undefined ? [] : [`--config=${file}`]), ...argv]);
    const { placeOf } = await readOptions(flags, 'host', async () => ({
      file: file === undefined ? undefined : { value: {}, directory: '/etc' },
      dropIns: [],
      warnings: [],
    }));
    expect(placeOf('failCgroupV1')).toEqual({ source, field });
  });

  it('may omit the kubeconfig to run without an API server', async () => {
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
      fileCheckFrequencyMs: 20_000,
    });
  });

  it('set fields of the configuration', async () => {
    const { config } = await options(
      '--cluster-dns=10.0.0.10,10.0.0.11',
      '--eviction-hard=memory.available<200Mi,nodefs.available<5%',
      '--system-reserved=cpu=100m,memory=1Gi',
      '--register-with-taints=a=b:NoSchedule,c:NoExecute',
      '--feature-gates=ContainerStopSignals=true,EnvFiles=false',
      '--anonymous-auth=false',
      '--sync-frequency=30s',
      '--v=4',
    );
    expect(config).toMatchObject({
      clusterDNS: ['10.0.0.10', '10.0.0.11'],
      evictionHard: new Map<string, object>([
        ['memory.available', { bytes: 200 * 2 ** 20 }],
        ['nodefs.available', { fraction: Math.fround(0.05) }],
      ]),
      systemReserved: { cpu: 100_000_000n, memory: 2n ** 30n * 1_000_000_000n },
      registerWithTaints: [
        { key: 'a', value: 'b', effect: 'NoSchedule' },
        { key: 'c', value: '', effect: 'NoExecute' },
      ],
      features: { ContainerStopSignals: true, EnvFiles: false },
      authentication: { anonymous: { enabled: false } },
      syncFrequencyMs: 30_000,
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
    ['featureGates', ['--feature-gates=NodeSwap=false']],
    ['--feature-gates', ['--feature-gates=EnvFiles=banana']],
  ];
  it.each(wrong)('report %s in %j', async (field, argv) => {
    expect(await problems(...argv)).toEqual([field]);
  });

  it.each([
    ['--node-labels=node.kubernetes.io/x=y,zone=a,topology.kubernetes.io/zone=z', 3],
    ['--node-labels=bare', 1],
    ['--node-labels=', 0],
  ])('parse %s to %i labels', async (argv, count) => {
    expect(Object.keys((await options(argv)).nodeLabels)).toHaveLength(count);
  });

  it('joins the labels of repeated flags, later values last', async () => {
    const { nodeLabels } = await options('--node-labels=a=1,b=2', '--node-labels=c=3,a=4');
    expect(nodeLabels).toEqual({ a: '4', b: '2', c: '3' });
  });
});

/** A valid value of each kind. */
const SAMPLES: Readonly<Record<string, string>> = {
  ...{ boolean: 'true', integer: '7', number: '7', duration: '7s', list: 'a', map: 'a=b' },
  string: 'x',
  'feature-gates': 'A=true',
  vmodule: 'storage=4',
  'register-with-taints': 'k=v:NoSchedule',
  'manifest-url-header': 'a:b',
  'eviction-hard': 'memory.available<1Gi',
  'eviction-soft': 'memory.available<1Gi',
};
const withPath = FLAGS.flatMap(({ name, kind, path }) =>
  path === undefined ? [] : [{ name, path, sample: SAMPLES[name] ?? SAMPLES[kind] ?? '' }],
);
const KNOWN: Readonly<Record<string, unknown>> = {
  resolvConf: '/etc/resolv.conf', // no default in the document
  ...parseKubeletConfig({ file: { value: {}, directory: '/' } }).config.document,
};

it.each(withPath)('each flag of a field sets it: --$name sets $path', ({ name, path, sample }) => {
  const config = flagsToConfig(FLAGS, parseFlags(FLAGS, [`--${name}=${sample}`]));
  let [inConfig, inDefaults]: unknown[] = [config, KNOWN];
  for (const key of path.split('.')) {
    expect(inDefaults).toHaveProperty([key]);
    inConfig = (inConfig as Record<string, unknown>)[key];
    inDefaults = (inDefaults as Record<string, unknown>)[key];
  }
  expect(inConfig).toBeDefined();
});
