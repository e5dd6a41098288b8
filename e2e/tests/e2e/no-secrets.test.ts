import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { EVENTS, NODES, PODS, SECRETS } from '@nodeagent/kube-client';
import {
  buildTestImage,
  findKubectls,
  type Registry,
  runCommand,
  startRegistry,
  startTraceCollector,
  waitFor,
} from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { audienceGrant } from './audiences.ts';
import { useCluster } from './fixture.ts';

/**
 * Plants every kind of secret that the two programs handle. Operations with them succeed and fail,
 * and no secret may appear in any place that unauthorized readers can see.
 */
const REGISTRY = '127.0.0.1:5000';
const BIN_DIR = resolve(import.meta.dirname, '../../../dist/bin');
const never = new AbortController().signal;

const plant = (what: string) => `planted-${what}-${randomBytes(6).toString('hex')}`;
const planted = {
  secretValue: plant('secret-value'),
  pullPassword: plant('pull-password'),
  providerPassword: plant('provider-password'),
  brokenAnswer: plant('broken-answer'),
  manifestHeader: plant('manifest-header'),
  callerToken: plant('caller-token'),
  commandArgument: plant('command-argument'),
  kubeconfigToken: plant('kubeconfig-token'),
  bootstrapToken: plant('bootstrap-token'),
};
/** Secrets that the test cannot choose: tokens and keys, collected on the way. */
const found = new Map<string, string>();

const dir = await mkdtemp(join(tmpdir(), 'no-secrets-'));
const grant = join(dir, 'grant.json');
const e2e = useCluster(
  {
    ...{ staticPodURL: 'http://127.0.0.1:9/pods', httpCheckFrequency: '1s' },
    tracing: { endpoint: `unix:${join(dir, 'otlp.sock')}`, samplingRatePerMillion: 1_000_000 },
  },
  {
    flags: {
      kubelet: [
        '--v=10',
        `--image-credential-provider-config=${join(dir, 'providers.json')}`,
        `--image-credential-provider-bin-dir=${dir}`,
        `--manifest-url-header=X-Token:${planted.manifestHeader}`,
      ],
      proxy: ['--v=10'],
    },
  },
);

let registry: Registry;
let kubectl: (...args: readonly string[]) => Promise<string>;

/** The audience for which nodes may request tokens; the other one is not granted. */
const GRANTED = 'registry';
const NOT_GRANTED = 'elsewhere';

/**
 * One provider that answers, one whose answer is malformed, one that fails after its answer, and
 * one that needs a token which the API server refuses.
 */
async function writeProviders(): Promise<void> {
  const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';
  const auth = { [REGISTRY]: { username: 'me', password: planted.providerPassword } };
  const kind = 'CredentialProviderResponse';
  const answer = JSON.stringify({ kind, apiVersion, cacheKeyType: 'Image', auth });
  const scripts = {
    good: `cat > ${dir}/request; printf '%s' '${answer}'`,
    broken: `printf '{"kind": "${planted.brokenAnswer}", %s' '${planted.brokenAnswer}'`,
    failing: `printf '%s' '${answer}'; echo went wrong >&2; exit 1`,
    refused: `printf '%s' '${answer}'`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  const audiences: Readonly<Record<string, string>> = { good: GRANTED, refused: NOT_GRANTED };
  const tokenAttributes = (serviceAccountTokenAudience: string) => ({
    ...{ serviceAccountTokenAudience, cacheType: 'ServiceAccount', requireServiceAccount: true },
  });
  const providers = Object.keys(scripts).map((name) => ({
    ...{ name, apiVersion, matchImages: [`${REGISTRY}/busybox`], defaultCacheDuration: '0s' },
    ...(audiences[name] !== undefined && { tokenAttributes: tokenAttributes(audiences[name]) }),
  }));
  const head = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig' };
  await writeFile(join(dir, 'providers.json'), JSON.stringify({ ...head, providers }));
}
await writeProviders();
const collector = await startTraceCollector(join(dir, 'otlp.sock'));

beforeAll(async () => {
  const { path } = (await findKubectls()).at(-1)!;
  kubectl = (...args) =>
    runCommand([path, '--kubeconfig', e2e.cluster.kubeconfig, '-n', e2e.namespace, ...args]);
  await writeFile(grant, audienceGrant(`tokens-${e2e.namespace}`, GRANTED));
  await kubectl('create', '-f', grant);
  registry = await startRegistry({
    space: e2e.cluster.space,
    login: { username: 'me', password: planted.providerPassword },
  });
  const image = await registry.push(await buildTestImage('busybox'));
  expect(image).toBe(`${REGISTRY}/busybox:1`);
  const login = { auths: { [REGISTRY]: { username: 'me', password: planted.pullPassword } } };
  const secret = (name: string, type: string, data: Readonly<Record<string, string>>) =>
    e2e.client.create(
      SECRETS,
      { metadata: { name, namespace: e2e.namespace }, type, stringData: data },
      never,
    );
  await secret('own', 'Opaque', { PASSWORD: planted.secretValue });
  await secret('pull', 'kubernetes.io/dockerconfigjson', {
    '.dockerconfigjson': JSON.stringify(login),
  });
});

afterAll(async () => {
  await kubectl('delete', '-f', grant);
  await collector.stop();
  await rm(dir, { recursive: true, force: true });
});

async function createPods(suffix: string): Promise<void> {
  const env = {
    env: [{ name: 'OWN', valueFrom: { secretKeyRef: { name: 'own', key: 'PASSWORD' } } }],
    envFrom: [{ secretRef: { name: 'own' } }],
  };
  const pulled = { imagePullPolicy: 'Always', command: ['sleep', '100000'] };
  // An image that is not pulled here: an image pulled with credentials is not available to all
  // pods.
  const local = { image: 'nodeagent.test/web:1', imagePullPolicy: 'Never' };
  const volume = { name: 'own', secret: { secretName: 'own' } };
  const mounted = { volumeMounts: [{ name: 'own', mountPath: '/own' }] };
  const pods: Readonly<Record<string, object>> = {
    good: {
      containers: [{ ...pulled, ...env, ...mounted, image: `${REGISTRY}/busybox:1` }],
      volumes: [volume],
    },
    refused: {
      containers: [{ ...pulled, image: `${REGISTRY}/absent:1` }],
      imagePullSecrets: [{ name: 'pull' }, { name: 'missing' }],
    },
    // The runtime cannot start it, and reports why.
    unstartable: { containers: [{ ...local, ...env, command: ['/no/such/program'] }] },
    unmountable: {
      containers: [{ ...local, ...env, ...mounted }],
      volumes: [{ name: 'own', secret: { secretName: 'own', items: [{ key: 'NO', path: 'a' }] } }],
    },
  };
  for (const [name, { containers, ...spec }] of Object.entries(pods) as [
    string,
    { containers: readonly object[] },
  ][]) {
    const body = {
      metadata: { name: `${name}-${suffix}`, namespace: e2e.namespace },
      spec: {
        ...{ ...spec, nodeName: e2e.cluster.nodeName, terminationGracePeriodSeconds: 1 },
        containers: containers.map((one) => ({ name: 'main', ...one })),
      },
    };
    await e2e.client.create(PODS, body, never);
  }
}

async function waitForPods(suffix: string): Promise<void> {
  const good = await e2e.waitForPod(`good-${suffix}`, 'to run', ({ status }) => {
    return status?.phase === 'Running';
  });
  const uid = good.metadata?.uid ?? '';
  const root = join(e2e.cluster.space.dir, 'kubelet/root');
  const volumes = join(root, 'pods', uid, 'volumes/kubernetes.io~projected');
  const [volume = ''] = await readdir(volumes);
  found.set(`token of ${suffix}`, await readFile(join(volumes, volume, 'token'), 'utf8'));
  const { serviceAccountToken } = JSON.parse(await readFile(join(dir, 'request'), 'utf8')) as {
    serviceAccountToken: string;
  };
  found.set(`registry token of ${suffix}`, serviceAccountToken);
  const waits = (reasons: RegExp) => (pod: Awaited<ReturnType<typeof e2e.getPod>>) => {
    const { state, lastState } = pod.status?.containerStatuses?.[0] ?? {};
    const told = [state?.waiting?.reason, state?.terminated?.reason, lastState?.terminated?.reason];
    return told.some((reason) => reasons.test(reason ?? ''));
  };
  await e2e.waitForPod(`refused-${suffix}`, 'to be refused', waits(/ErrImagePull|PullBackOff/));
  await e2e.waitForPod(
    `unstartable-${suffix}`,
    'to fail',
    waits(/RunContainerError|StartError|CrashLoopBackOff/),
  );
  const isTold = async () => (await events()).includes(`"FailedMount"`);
  await waitFor(isTold, { what: 'an event of a mount that failed' });
}

async function events(): Promise<string> {
  const { items } = await e2e.client.list(EVENTS, { namespace: e2e.namespace }, never);
  return JSON.stringify(items);
}

/** Calls the node API with an unknown token. */
function askAsStranger(): Promise<number> {
  return new Promise((answered, failed) => {
    const headers = { authorization: `Bearer ${planted.callerToken}` };
    const host = e2e.cluster.space.network.nodeIp;
    const options = { host, port: 10_250, path: '/pods', rejectUnauthorized: false, headers };
    request(options, (response) => {
      response.resume();
      answered(response.statusCode ?? 0);
    })
      .on('error', failed)
      .end();
  });
}

/** The lines of a PEM key, each of which is a secret by itself. */
function noteKey(what: string, pem: string): void {
  const body = pem.replace(/-----[^-]+-----/g, '-').split('-');
  const lines = body.flatMap((part) => part.trim().split('\n')).filter((line) => line.length > 40);
  for (const [at, line] of lines.entries()) found.set(`${what}, line ${at}`, line);
}

/** YAML or JSON, with one cluster and one user. */
async function readKubeconfig(path: string): Promise<{ server: string; keyData: string }> {
  const { clusters, users } = parse(await readFile(path, 'utf8')) as {
    clusters: [{ cluster: { server: string } }];
    users: [{ user: { 'client-key-data': string } }];
  };
  return { server: clusters[0].cluster.server, keyData: users[0].user['client-key-data'] };
}

async function noteKeys(): Promise<void> {
  const { controlPlane, space } = e2e.cluster;
  for (const path of [controlPlane.kubeletKubeconfig, controlPlane.proxyKubeconfig]) {
    const { keyData: data } = await readKubeconfig(path);
    expect(data).toMatch(/^[A-Za-z0-9+/=]{200,}$/);
    found.set(`key data of ${path}`, data.slice(60, 120));
    noteKey(`key of ${path}`, Buffer.from(data, 'base64').toString());
  }
  noteKey('serving key', await readFile(join(space.dir, 'kubelet/root/pki/kubelet.key'), 'utf8'));
}

const PAGES = [
  'configz',
  'flagz',
  'statusz',
  'pods',
  'runningpods/',
  'metrics',
  'logs/',
  'healthz',
];

/** Collects everything that readers without access to secrets can read. */
async function readable(): Promise<ReadonlyMap<string, string>> {
  const { space, kubelet, proxy, nodeName } = e2e.cluster;
  const texts = new Map<string, string>();
  for (const { logFile } of [kubelet, proxy]) texts.set(logFile, await readFile(logFile, 'utf8'));
  for (const page of PAGES) {
    const path = `/api/v1/nodes/${nodeName}/proxy/${page}`;
    texts.set(path, await kubectl('get', '--raw', path));
  }
  for (const page of ['configz', 'flagz', 'statusz', 'metrics', 'proxyMode']) {
    const url = `http://127.0.0.1:10249/${page}`;
    const answer = await space.try(['busybox', 'wget', '-q', '-O', '-', url]);
    texts.set(url, answer.stdout + answer.stderr);
  }
  await waitFor(() => collector.requests.length > 0, { what: 'traces' });
  texts.set('traces', Buffer.concat(collector.requests).toString('latin1'));
  texts.set('events', await events());
  const { items } = await e2e.client.list(PODS, { namespace: e2e.namespace }, never);
  texts.set('statuses', JSON.stringify(items.map(({ status }) => status)));
  texts.set('node', JSON.stringify(await e2e.client.get(NODES, { name: nodeName }, never)));
  return texts;
}

/** The secret in the clear, and its base64 forms for any position. */
function leaksIn(texts: ReadonlyMap<string, string>): readonly string[] {
  const secrets = [...Object.entries(planted), ...found];
  return [...texts].flatMap(([where, text]) =>
    secrets
      .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
      .map(([what]) => `${what} in ${where}`),
  );
}

function formsOf(secret: string): readonly string[] {
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.from(`${' '.repeat(shift)}${secret}`).toString('base64');
    return text.slice(4, -4);
  });
  return [secret, encodeURIComponent(secret), ...shifted];
}

async function useLogFormat(format: 'text' | 'json'): Promise<void> {
  for (const name of ['kubelet', 'kube-proxy']) {
    const file = join(e2e.cluster.space.dir, name, 'config.json');
    const config = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(file, JSON.stringify({ ...config, logging: { format } }));
  }
  await Promise.all([e2e.cluster.kubelet.start(), e2e.cluster.proxy.start()]);
}

/** Runs one of the programs until it has reported that its credentials are refused. */
async function runWith(name: string, argv: readonly string[]): Promise<string> {
  const program = await e2e.cluster.space.start(name, argv, { NODEAGENT_NODE: process.execPath });
  try {
    const look = () => /401|[Uu]nauthorized/.test(program.logTail(1000));
    await waitFor(look, { what: `${name} to be refused` });
    return program.logTail(1000);
  } finally {
    await program.kill9();
  }
}

async function kubeconfigWith(name: string, token: string): Promise<string> {
  const { server } = await readKubeconfig(e2e.cluster.controlPlane.kubeletKubeconfig);
  const file = join(dir, name);
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'c' },
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

describe.each(['text', 'json'] as const)('logs as %s', (format) => {
  it('contain no secret, nor does any other readable place', async () => {
    await useLogFormat(format);
    await noteKeys();
    await createPods(format);
    await waitForPods(format);
    expect(await askAsStranger()).toBe(401);
    const script = `test ${planted.commandArgument} && cat /own/PASSWORD && env`;
    const shown = await kubectl('exec', `good-${format}`, '--', 'sh', '-c', script);
    expect(shown.split(planted.secretValue)).toHaveLength(4); // a file and two variables
    await kubectl('delete', 'pod', `good-${format}`, '--wait=true');
    const texts = await readable();
    for (const [where, text] of texts) expect(`${where}: ${text}`).not.toBe(`${where}: `);
    expect(texts.get(e2e.cluster.kubelet.logFile)).toContain('credential provider failed');
    expect(leaksIn(texts)).toEqual([]);
  });
});

describe('a credential provider whose token the API server refuses', () => {
  it('is named in an event of the pod, with the audience that nodes may not request', async () => {
    const { nodeName } = e2e.cluster;
    const why = `audience "${NOT_GRANTED}" not found in pod spec volume, system:node:${nodeName} is not authorized to request tokens for this audience`;
    const { items } = await e2e.client.list(EVENTS, { namespace: e2e.namespace }, never);
    const told = items.filter(({ reason }) => reason === 'FailedToRetrieveImageCredentials');
    const head = 'Credential provider "refused" gave no credentials for image';
    expect(told.map(({ message }) => message)).toContain(
      `${head} "${REGISTRY}/busybox": serviceaccounts "default" is forbidden: ${why}`,
    );
  });
});

describe('traces', () => {
  it('cover the work for pods and the calls to the runtime', async () => {
    const names = [
      ...['syncPod', 'syncTerminatingPod', 'syncTerminatedPod'],
      ...['runtime.v1.RuntimeService/RunPodSandbox', 'runtime.v1.RuntimeService/StartContainer'],
      'runtime.v1.ImageService/PullImage',
    ];
    const missing = () => {
      const told = Buffer.concat(collector.requests).toString('latin1');
      return names.filter((name) => !told.includes(name));
    };
    await waitFor(() => missing().length === 0, { what: 'spans of every kind' });
  });
});

describe('credentials that are refused', () => {
  it('are not revealed', async () => {
    const { kubelet, proxy, space } = e2e.cluster;
    await Promise.all([kubelet.stop(), proxy.stop()]);
    const token = await kubeconfigWith('token.kubeconfig', planted.kubeconfigToken);
    const bootstrap = await kubeconfigWith('bootstrap.kubeconfig', planted.bootstrapToken);
    const config = join(space.dir, 'kubelet/config.json');
    const own = [`--config=${config}`, '--v=10', '--hostname-override=other'];
    const kubeletWith = (name: string, ...flags: readonly string[]) =>
      runWith(name, [
        join(BIN_DIR, 'kubelet'),
        ...own,
        `--root-dir=${join(space.dir, name)}`,
        `--cert-dir=${join(space.dir, name, 'pki')}`,
        ...flags,
      ]);
    const texts = new Map([
      ['kubelet', await kubeletWith('with-token', `--kubeconfig=${token}`)],
      [
        'joining kubelet',
        await kubeletWith(
          'joining',
          `--bootstrap-kubeconfig=${bootstrap}`,
          `--kubeconfig=${join(dir, 'joined.kubeconfig')}`,
        ),
      ],
      [
        'kube-proxy',
        await runWith('proxy-with-token', [
          join(BIN_DIR, 'kube-proxy'),
          ...['--v=10', `--kubeconfig=${token}`, '--proxy-mode=iptables'],
          ...['--conntrack-max-per-core=0', '--conntrack-min=0'],
          ...['--conntrack-tcp-timeout-established=0s', '--conntrack-tcp-timeout-close-wait=0s'],
        ]),
      ],
    ]);
    expect(leaksIn(texts)).toEqual([]);
  });
});
