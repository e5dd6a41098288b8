import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { tryCommand } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const BIN_DIR = resolve(import.meta.dirname, '../../../dist/bin');
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bad-input-'));
});
afterAll(() => rm(dir, { recursive: true }));

const kubelet = (fields: object = {}) =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: 'unix:///nonexistent/cri.sock',
    failCgroupV1: false, // regardless of the machine's own settings
    failSwapOn: false,
    ...fields,
  });
const proxy = (fields: object = {}) =>
  JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: 'KUBECONFIG' },
    ...fields,
  });
const kubeconfig = (cluster: object) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1', ...cluster } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });

interface Case {
  readonly name: string;
  readonly program: 'kubelet' | 'kube-proxy';
  readonly config: string;
  readonly kubeconfig: string;
  /** Text that the message must contain. */
  readonly says: readonly string[];
}

const good = kubeconfig({});
const cases: readonly Case[] = [
  {
    name: 'a configuration file that is not YAML',
    program: 'kubelet',
    config: 'kind: [',
    kubeconfig: good,
    says: ['config.yaml'],
  },
  {
    name: 'a configuration field with a wrong value',
    program: 'kubelet',
    config: kubelet({ imageGCHighThresholdPercent: 'many' }),
    kubeconfig: good,
    says: ['config.yaml', 'imageGCHighThresholdPercent'],
  },
  {
    name: 'a runtime endpoint that is not one',
    program: 'kubelet',
    config: kubelet({ containerRuntimeEndpoint: 'ftp://nowhere' }),
    kubeconfig: good,
    says: ['ftp://nowhere'],
  },
  {
    name: 'a kubeconfig that is not YAML',
    program: 'kubelet',
    config: kubelet(),
    kubeconfig: 'clusters: {',
    says: ['given.kubeconfig'],
  },
  {
    name: 'an unknown proxy mode',
    program: 'kube-proxy',
    config: proxy({ mode: 'magic' }),
    kubeconfig: good,
    says: ['config.yaml', 'mode'],
  },
  {
    name: 'an API server certificate that is not one',
    program: 'kube-proxy',
    config: proxy(),
    kubeconfig: kubeconfig({ 'certificate-authority-data': btoa('nonsense') }),
    says: ['given.kubeconfig', 'certificate-authority-data'],
  },
  ...(['kubelet', 'kube-proxy'] as const).map((program) => ({
    name: `an API server certificate that ${program} cannot read`,
    program,
    config: program === 'kubelet' ? kubelet() : proxy(),
    kubeconfig: kubeconfig({ 'certificate-authority': '/nonexistent/ca.crt' }),
    says: ['given.kubeconfig', 'certificate-authority', '/nonexistent/ca.crt'],
  })),
];

describe('bad input', () => {
  it.each(cases)('$name causes one message that names it, and exit code 1', async (row) => {
    const config = join(dir, 'config.yaml');
    const given = join(dir, 'given.kubeconfig');
    await writeFile(config, row.config.replace('"KUBECONFIG"', JSON.stringify(given)));
    await writeFile(given, row.kubeconfig);
    const argv = [join(BIN_DIR, row.program), `--config=${config}`, '--hostname-override=n'];
    const flags =
      row.program === 'kubelet'
        ? [`--kubeconfig=${given}`, `--root-dir=${dir}/r`, `--cert-dir=${dir}/pki`]
        : [];
    const { exitCode, stderr } = await tryCommand([...argv, ...flags], {
      env: { NODEAGENT_NODE: process.execPath },
      timeoutMs: 20_000,
    });
    expect(exitCode).toBe(1);
    for (const words of row.says) expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^ +at /m); // a stack is for programmers
  });
});
