import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { KubeError } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import type { CredentialProvider } from '../../../src/credentials/index.js';
import {
  createCredentialProviders,
  createPullCredentials,
} from '../../../src/credentials/run/index.js';
import { aPod, MemoryPodEvents } from '../../../src/testing/index.js';

const { signal } = new AbortController();
const V1 = 'credentialprovider.kubelet.k8s.io/v1';

const PROVIDER: CredentialProvider = {
  name: 'plug-in',
  apiVersion: V1,
  matchImages: ['*.example.com'],
  defaultCacheMs: 60_000,
  args: [],
  env: {},
};
const TOKEN = {
  audience: 'registry',
  cacheType: 'ServiceAccount',
  requireServiceAccount: true,
  requiredAnnotations: ['example.com/role'],
  optionalAnnotations: ['example.com/region'],
} as const;

const GAVE_NOTHING =
  'Warning FailedToRetrieveImageCredentials web: Credential provider "plug-in" gave no credentials for image "a.example.com/one"';

interface Answer {
  readonly cacheKeyType?: string;
  readonly cacheDuration?: string | null;
  readonly auth?: unknown;
  readonly kind?: string;
}

function setUp(provider: Partial<CredentialProvider> = {}, answer: Answer = {}) {
  const clock = new ManualClock();
  const log = new MemoryLogger();
  const metrics = new MemoryMetrics();
  const requests: Record<string, unknown>[] = [];
  const said = { answer, failing: false, annotations: { 'example.com/role': 'puller' } as object };
  const call = async (_: CredentialProvider, request: string): Promise<string> => {
    requests.push(JSON.parse(request) as Record<string, unknown>);
    await Promise.resolve();
    if (said.failing) throw new Error('ended with 1');
    return JSON.stringify({
      ...{ kind: 'CredentialProviderResponse', apiVersion: V1, cacheKeyType: 'Image' },
      auth: { '*.example.com': { username: 'u', password: `p${requests.length}` } },
      ...said.answer,
    });
  };
  const client = {
    get: (_: unknown, { name }: { name: string }) =>
      name === 'gone'
        ? Promise.reject(new KubeError('KUBE_NOT_FOUND', 'no such service account'))
        : Promise.resolve({ metadata: { uid: 'sa-uid', annotations: said.annotations } }),
  } as never;
  const tokens = { token: async () => 'planted-token' };
  const events = new MemoryPodEvents();
  const providers = [{ ...PROVIDER, ...provider }];
  const provided = createCredentialProviders(
    { providers, call, client, tokens, events, clock, log, metrics },
    signal,
  );
  const ask = async (image: string, serviceAccountName = 'builder') => {
    const pod = { ...aPod(), spec: { containers: [], serviceAccountName } };
    const entries = await provided(pod, image, signal);
    return entries.map(({ auth }) => auth.password);
  };
  return { clock, log, metrics, requests, said, tokens, events, provided, ask };
}

describe(createCredentialProviders, () => {
  it('calls a plug-in for matching images, in its API version', async () => {
    const { ask, requests } = setUp();
    expect(await ask('reg.example.org/app')).toEqual([]);
    expect(await ask('example.com/app')).toEqual([]);
    expect(await ask('reg.example.com:5000/app')).toEqual([]);
    expect(requests).toEqual([]);
    expect(await ask('reg.example.com/app')).toEqual(['p1']);
    expect(requests).toEqual([
      { kind: 'CredentialProviderRequest', apiVersion: V1, image: 'reg.example.com/app' },
    ]);
  });

  it.each([
    ['Image', { same: true, registry: false, other: false }],
    ['Registry', { same: true, registry: true, other: false }],
    ['Global', { same: true, registry: true, other: true }],
  ])('caches an answer of type %s', async (cacheKeyType, want) => {
    const { ask } = setUp({}, { cacheKeyType });
    await ask('a.example.com/one');
    const isKept = async (image: string) => (await ask(image))[0] === 'p1';
    expect({
      same: await isKept('a.example.com/one'),
      registry: await isKept('a.example.com/two'),
      other: await isKept('b.example.com/one'),
    }).toEqual(want);
  });

  it.each([
    ['for the answer’s duration', '30s', 30_000],
    ['for the configured duration by default', null, 60_000],
  ])('caches it %s', async (_, cacheDuration, keptMs) => {
    const { ask, clock } = setUp({}, { cacheDuration });
    await ask('a.example.com/one');
    await clock.advance(keptMs - 1);
    expect(await ask('a.example.com/one')).toEqual(['p1']);
    await clock.advance(1);
    expect(await ask('a.example.com/one')).toEqual(['p2']);
  });

  it.each([
    ['the answer', {}, '0s'],
    ['the configuration', { defaultCacheMs: 0 }, null],
  ])('caches nothing if %s sets 0', async (_, provider, cacheDuration) => {
    const { ask } = setUp(provider, { cacheDuration });
    expect([await ask('a.example.com/one'), await ask('a.example.com/one')]).toEqual([
      ['p1'],
      ['p2'],
    ]);
  });

  it('calls a plug-in once for simultaneous pulls', async () => {
    const { ask, requests } = setUp({}, { cacheDuration: '0s' });
    await Promise.all([ask('a.example.com/one'), ask('a.example.com/one')]);
    expect(requests).toHaveLength(1);
  });

  it('continues without a failed plug-in, and reports it without its output', async () => {
    const { ask, said, log, metrics, events } = setUp();
    said.failing = true;
    expect(await ask('a.example.com/one')).toEqual([]);
    said.failing = false;
    for (const answer of [
      { kind: 'Other', auth: { x: { username: 'u', password: 'planted-password' } } },
      { cacheKeyType: 'planted-password' },
      { cacheDuration: 'planted-password' },
      { auth: { x: 'planted-password' } },
    ]) {
      said.answer = answer;
      expect(await ask('a.example.com/one')).toEqual([]);
    }
    const lines = log.lines.map(({ message, fields }) => `${message} ${String(fields['err'])}`);
    expect(lines).toHaveLength(5);
    expect(lines.join('\n')).not.toContain('planted');
    const failures = 'kubelet_credential_provider_plugin_errors_total{plugin_name="plug-in"}';
    expect(metrics.values.get(failures)).toBe(1);
    expect(events.lines).toEqual(
      Array.from({ length: 5 }, () => `${GAVE_NOTHING}; the kubelet's log says why`),
    );
  });

  it('reports in an event that the API server refuses the token for a plug-in', async () => {
    const { ask, tokens, events } = setUp({ token: { ...TOKEN, requiredAnnotations: [] } });
    const message =
      'serviceaccounts "builder" is forbidden: audience "registry" not found in pod spec volume';
    tokens.token = () =>
      Promise.reject(
        new KubeError('KUBE_FORBIDDEN', `POST /…/token: ${message}`, { status: { message } }),
      );
    expect(await ask('a.example.com/one')).toEqual([]);
    expect(events.lines).toEqual([`${GAVE_NOTHING}: ${message}`]);
  });

  it("passes a pod's service account to a plug-in that requests it", async () => {
    const { provided, requests, said } = setUp({ token: TOKEN });
    said.annotations = { 'example.com/role': 'puller', 'example.com/region': 'eu', other: 'x' };
    const pod = { ...aPod(), spec: { containers: [], serviceAccountName: 'builder' } };
    const [entry] = await provided(pod, 'a.example.com/one', signal);
    expect(entry?.serviceAccount).toEqual({
      ...{ uid: 'sa-uid', name: 'builder', namespace: pod.metadata?.namespace },
    });
    expect(requests[0]).toMatchObject({
      serviceAccountToken: 'planted-token',
      serviceAccountAnnotations: { 'example.com/role': 'puller', 'example.com/region': 'eu' },
    });
  });

  it('does not call a plug-in without the required service account or annotation', async () => {
    const { ask, requests, said, log } = setUp({ token: TOKEN });
    expect(await ask('a.example.com/one', '')).toEqual([]);
    said.annotations = {};
    expect(await ask('a.example.com/one')).toEqual([]);
    expect(requests).toEqual([]);
    expect(await ask('a.example.com/one', 'gone')).toEqual([]);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('calls a plug-in without service account if that is allowed', async () => {
    const token = { ...TOKEN, requireServiceAccount: false, requiredAnnotations: [] };
    const { ask, requests } = setUp({ token });
    expect(await ask('a.example.com/one', '')).toEqual(['p1']);
    expect(requests[0]).not.toHaveProperty('serviceAccountToken');
  });

  it('does not share answers between service accounts', async () => {
    const { ask } = setUp({ token: TOKEN }, { cacheKeyType: 'Global' });
    expect(await ask('a.example.com/one', 'one')).toEqual(['p1']);
    expect(await ask('a.example.com/one', 'two')).toEqual(['p2']);
    expect(await ask('b.example.com/two', 'one')).toEqual(['p1']);
  });

  it('refuses the token as a password, unless answers are cached per token', async () => {
    const auth = { '*.example.com': { username: 'u', password: 'planted-token' } };
    const refusing = setUp({ token: TOKEN }, { auth });
    expect(await refusing.ask('a.example.com/one')).toEqual([]);
    expect(JSON.stringify(refusing.log.lines)).not.toContain('planted');
    const taking = setUp({ token: { ...TOKEN, cacheType: 'Token' } }, { auth });
    expect(await taking.ask('a.example.com/one')).toEqual(['planted-token']);
  });
});

describe(createPullCredentials, () => {
  it("tries the pod's secrets, then the node's own credentials, then those of plug-ins", async () => {
    const { provided } = setUp();
    const config = { auths: { 'a.example.com': { username: 'u', password: 'of-secret' } } };
    const data = { '.dockerconfigjson': btoa(JSON.stringify(config)) };
    const secret = { type: 'kubernetes.io/dockerconfigjson', data };
    const credentials = createPullCredentials({
      objects: { secret: () => Promise.resolve(secret) },
      nodeEntries: async () => [
        { key: 'a.example.com', auth: { username: 'u', password: 'of-node' } },
      ],
      provided,
    });
    const pod = { ...aPod(), spec: { containers: [], imagePullSecrets: [{ name: 's' }] } };
    const found = await credentials.forImage(pod, 'a.example.com/app', signal);
    expect(found.map(({ auth }) => auth.password)).toEqual(['of-secret', 'of-node', 'p1']);
  });
});
