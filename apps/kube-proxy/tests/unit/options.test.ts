import { flagsToConfig, parseConfigFile, parseFlags } from '@nodeagent/component-base';
import { CONFIG_KIND, parseProxyConfig } from '@nodeagent/kube-proxy';
import { describe, expect, it } from 'vitest';

import { FLAGS } from '../../src/flags.js';
import { readOptions } from '../../src/options.js';

const HEAD = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';
const options = (argv: readonly string[], file = '') =>
  readOptions(parseFlags(FLAGS, argv), async (path) =>
    parseConfigFile(HEAD + file, path, CONFIG_KIND),
  );

describe('flags without a file', () => {
  it('make the configuration', async () => {
    const { config, task } = await options([
      '--proxy-mode=iptables',
      '--cluster-cidr=10.244.0.0/16,fd00::/48',
      '--iptables-min-sync-period=2s',
      '--iptables-masquerade-bit=0',
      '--masquerade-all',
      '--nodeport-addresses=10.0.0.0/8,fd00::/8',
      '--v=4',
    ]);
    expect(task).toBe('run');
    expect(config).toMatchObject({
      clusterCidrs: ['10.244.0.0/16', 'fd00::/48'],
      minSyncPeriodMs: 2000,
      masqueradeMark: 1,
      masqueradeAll: true,
      nodePortAddresses: ['10.0.0.0/8', 'fd00::/8'],
      logging: { verbosity: 4 },
    });
  });

  it.each([
    [
      ['--healthz-port=0'],
      { file: { healthzBindAddress: '', metricsBindAddress: '127.0.0.1:10249' } },
    ],
    [['--healthz-port=99'], { file: { healthzBindAddress: '0.0.0.0:99' } }],
    [
      ['--healthz-port=99', '--healthz-bind-address=10.0.0.1:7'],
      { file: { healthzBindAddress: '10.0.0.1:7' } },
    ],
    [
      ['--metrics-port=99', '--metrics-bind-address=fd00::1'],
      { file: { metricsBindAddress: '[fd00::1]:99' } },
    ],
    [
      ['--bind-address=::'],
      { file: { healthzBindAddress: '[::]:10256', metricsBindAddress: '[::1]:10249' } },
    ],
    [[], { udpIdleMs: 60_000 }],
    [['--udp-timeout=250ms'], { udpIdleMs: 250 }],
  ])('%j', async (argv, want) => {
    expect((await options(argv)).config).toMatchObject(want);
  });

  it('that are old are accepted with a warning', async () => {
    const { warnings } = await options([
      '--cleanup-ipvs=true',
      '--logtostderr',
      '--healthz-port=1',
    ]);
    expect(warnings).toHaveLength(3);
  });

  it('are all reported at once when wrong', async () => {
    await expect(options(['--oom-score-adj=2000', '--proxy-mode=ebpf'])).rejects.toThrow(
      /command line: 2 problems\n.*mode.*\n.*oomScoreAdj/,
    );
  });
});

describe('flags beside a file', () => {
  it('set only logs, names and tasks', async () => {
    const { config, nodeName, master } = await options(
      [
        '--config=p.yaml',
        '--proxy-mode=nftables',
        '--masquerade-all',
        '--v=5',
        '--hostname-override=Node-A',
        '--master=http://1.2.3.4',
      ],
      'hostnameOverride: other\nlogging: {verbosity: 1, format: json}\n',
    );
    expect(config).toMatchObject({
      mode: 'iptables',
      masqueradeAll: false,
      logging: { verbosity: 5, format: 'json' },
    });
    expect({ nodeName, master }).toEqual({ nodeName: 'node-a', master: 'http://1.2.3.4' });
  });

  it('do not switch the file’s server off by a deprecated port', async () => {
    const { config } = await options(['--config=p.yaml', '--healthz-port=0']);
    expect(config.healthzBindAddress).toEqual({ host: '0.0.0.0', port: 10_256 });
  });

  it('name the file in its errors', async () => {
    await expect(options(['--config=p.yaml'], 'mode: fast\n')).rejects.toThrow(
      'p.yaml: mode: must be iptables,',
    );
  });
});

describe('names', () => {
  it('are refused when blank', async () => {
    await expect(options(['--hostname-override= '])).rejects.toThrow('--hostname-override');
  });
});

it.each([
  [['--cleanup', '--init-only'], 'cleanup'],
  [['--write-config-to=x', '--cleanup'], 'write-config'],
  [['--init-only'], 'init-only'],
])('%j asks for %s', async (argv, task) => {
  expect((await options(argv)).task).toBe(task);
});

/** A valid value of each kind. */
const SAMPLES: Readonly<Record<string, string>> = {
  ...{ boolean: 'true', integer: '7', number: '7', duration: '7s', list: 'a', map: 'a=b' },
  string: 'x',
  'feature-gates': 'A=true',
  vmodule: 'storage=4',
};
const withPath = FLAGS.flatMap(({ name, kind, path }) =>
  path === undefined ? [] : [{ name, path, sample: SAMPLES[name] ?? SAMPLES[kind] ?? '' }],
);
const KNOWN: Readonly<Record<string, unknown>> = {
  udpIdleTimeout: '', // no default in the document
  ...parseProxyConfig({}, 'defaults').config.file,
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
