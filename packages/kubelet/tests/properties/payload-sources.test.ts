import assert from 'node:assert/strict';

import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import {
  type ClusterTrustBundle,
  type KubeClient,
  type KubeObject,
  type Pod,
  type PodCertificateRequest,
  type Service,
  type TokenRequest,
  withoutNulls,
} from '@nodeagent/kube-client';
import { checkReader, mapped, mutatedTrees, type Mutator } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { recordedObjects } from '../../../../vitest.recorded.js';
import { watchServices } from '../../src/assembly/run/services.js';
import { decodePem, encodePem } from '../../src/credentials/codec/pem.js';
import { checkedRequest } from '../../src/credentials/plan/checked-request.js';
import { certificateInForce, nextCertificate } from '../../src/credentials/plan/pod-certificate.js';
import { createTokenCache, createTrustBundles } from '../../src/credentials/run/index.js';
import { serviceVariables } from '../../src/runtime/plan/service-variables.js';
import { runtimeHandlerOf } from '../../src/runtime/run/runtime-handler.js';
import { aPod } from '../../src/testing/index.js';
import { text } from './values.js';

const { signal } = new AbortController();
const NOW_MS = Date.UTC(2026, 10, 23);
const random = (): number => 0;

/**
 * Objects as the client delivers them: without nulls, of any types. A value that is too deep
 * becomes an empty object.
 */
function objects<T>(samples: readonly unknown[]): Mutator<T> {
  return mapped(
    mutatedTrees(samples, { keep: (path) => path.length === 0 }),
    (value) => withoutNulls(JSON.parse(text(value) || '{}')) as T,
  );
}

/** An API server with these objects, which never change. */
function listing(items: readonly unknown[]): KubeClient {
  return {
    list: async () => ({ items, resourceVersion: '1' }),
    watch: async function* (_resource: unknown, _options: unknown, ends: AbortSignal) {
      await new Promise((resolve) => ends.addEventListener('abort', resolve, { once: true }));
      yield* [];
    },
  } as unknown as KubeClient;
}

const TOKEN: TokenRequest = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  metadata: { name: 'default', namespace: 'shop', creationTimestamp: '2026-11-23T00:00:00Z' },
  spec: { audiences: ['https://kubernetes.default.svc'], expirationSeconds: 3607 },
  status: { token: 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln', expirationTimestamp: '2026-11-23T01:00:07Z' },
};

const PEM =
  encodePem('CERTIFICATE', Buffer.from('one')) + encodePem('CERTIFICATE', Buffer.from('two'));

const BUNDLES: readonly ClusterTrustBundle[] = [
  { metadata: { name: 'roots', labels: { colour: 'blue' } }, spec: { trustBundle: PEM } },
  {
    metadata: { name: 'example.com:mesh:a', labels: { constructor: 'x' } },
    spec: { signerName: 'example.com/mesh', trustBundle: `about it\n${PEM}` },
  },
];
const GOOD: ClusterTrustBundle = {
  metadata: { name: 'good' },
  spec: {
    signerName: 'example.com/mesh',
    trustBundle: encodePem('CERTIFICATE', Buffer.from('good')),
  },
};

const REQUEST: PodCertificateRequest = {
  apiVersion: 'certificates.k8s.io/v1beta1',
  kind: 'PodCertificateRequest',
  metadata: { name: 'req-1', namespace: 'shop', creationTimestamp: '2026-11-23T00:00:00Z' },
  spec: {
    signerName: 'example.com/mesh',
    podName: 'web',
    podUID: 'uid-1',
    serviceAccountName: 'default',
    serviceAccountUID: 'sa-1',
    nodeName: 'node1',
    nodeUID: 'n-1',
    maxExpirationSeconds: 86_400,
    stubPKCS10Request: 'AAEC',
  },
  status: {
    conditions: [
      {
        type: 'Issued',
        status: 'True',
        reason: 'Reason',
        message: 'm',
        lastTransitionTime: '2026-11-23T00:00:05Z',
      },
    ],
    certificateChain: PEM,
    notBefore: '2026-11-23T00:00:00Z',
    beginRefreshAt: '2026-11-23T12:00:00Z',
    notAfter: '2026-11-24T00:00:00Z',
  },
};
const DENIED = {
  ...REQUEST,
  status: { conditions: [{ ...REQUEST.status!.conditions![0]!, type: 'Denied' }] },
};

describe('API objects for the files of volumes', () => {
  test('every answer to a token request yields a token that expires, or a documented error', () =>
    checkReader({
      name: 'createTokenCache',
      inputs: objects<TokenRequest>([TOKEN]),
      read: async (answer) => {
        const clock = new ManualClock(NOW_MS);
        const client = { createSubresource: async () => answer } as unknown as KubeClient;
        const onRenewalFailed = (): void => assert.fail('a token that works was not kept');
        const cache = createTokenCache({ client, clock, random, onRenewalFailed });
        const request = { expirationSeconds: 3600 };
        const token = await cache.token(aPod(), request, signal);
        assert.ok(typeof token === 'string' && token !== '');
        assert.equal(await cache.token(aPod(), request, signal), token);
      },
      refuses: (error) =>
        error instanceof Error &&
        /^the token request for service account .* returned no token$/.test(error.message),
      share: 500,
    }));

  test('no trust bundle prevents pods from getting another one', () =>
    checkReader({
      name: 'createTrustBundles',
      inputs: objects<ClusterTrustBundle>(BUNDLES),
      read: async (bundle) => {
        const end = new AbortController();
        const log = new MemoryLogger();
        const clock = new ManualClock(NOW_MS);
        const options = { client: listing([GOOD, bundle]), clock, random, log };
        const trust = createTrustBundles({ ...options, onChange: () => undefined }, end.signal);
        const bySigner = { signerName: 'example.com/mesh', labelSelector: {} };
        for (const ref of [{ name: 'good' }, bySigner]) {
          const pem = await trust.anchors(ref, signal);
          const found = decodePem(pem).map(String);
          assert.ok(found.includes('good'), pem);
        }
        end.abort();
      },
      share: 500,
    }));

  test('every certificate request is pending, refused, or a chain with times', () =>
    checkReader({
      name: 'checkedRequest, nextCertificate',
      inputs: objects<PodCertificateRequest>([REQUEST, DENIED]),
      read: (request) => {
        const asked = { keyPem: 'key', request: 'req-1', abandonAtMs: NOW_MS + 1 };
        const view = { request: checkedRequest(request), nowMs: NOW_MS, chance: 0 };
        const { state, againAtMs, notes } = nextCertificate({ kind: 'asked', asked }, view);
        if (againAtMs !== undefined) assert.ok(Number.isFinite(againAtMs), `${againAtMs}`);
        for (const { reason, message } of notes)
          assert.equal(typeof `${reason}${message}`, 'string');
        const issued = certificateInForce(state);
        if (issued === undefined) return;
        for (const ms of [issued.refreshAtMs, issued.notAfterMs]) assert.ok(Number.isFinite(ms));
        assert.equal(encodeAll(issued.chainPem), issued.chainPem);
      },
      refuses: (error) => error instanceof TypeError && /: expected /.test(error.message),
      share: 500,
    }));
});

function encodeAll(pem: string): string {
  return decodePem(pem)
    .map((bytes) => encodePem('CERTIFICATE', bytes))
    .join('');
}

describe('API objects for sandboxes and environments', () => {
  test('no Service prevents the variables of others', () =>
    checkReader({
      name: 'watchServices, serviceVariables',
      inputs: objects<Service>(recordedObjects('services')),
      read: async (service) => {
        const end = new AbortController();
        const clock = new ManualClock(NOW_MS);
        const good = recordedObjects('services')[0] as unknown as KubeObject;
        const items = [service, { ...good, metadata: { ...good.metadata, name: 'good' } }];
        const log = new MemoryLogger();
        const services = watchServices(listing(items), { clock, random, log, metrics: undefined });
        void services.run(end.signal);
        while (services.current() === undefined) await new Promise(setImmediate);
        end.abort();
        const variables = serviceVariables(services.current() ?? [], 'shop', true);
        assert.equal(variables.get('GOOD_SERVICE_HOST'), '10.97.34.81');
        for (const [name, value] of variables) {
          assert.ok(typeof name === 'string' && typeof value === 'string');
          if (/_SERVICE_PORT$/.test(name)) assert.match(value, /^-?\d/);
        }
      },
      share: 1000,
    }));

  test('every runtime class yields a handler, or a documented error', () =>
    checkReader({
      name: 'runtimeHandlerOf',
      inputs: objects<{ handler: string }>(recordedObjects('runtimeclasses')),
      read: async (found) => {
        const client = { get: async () => found } as unknown as KubeClient;
        const pod: Pod = aPod({ runtimeClassName: 'plain' });
        const handler = await runtimeHandlerOf(pod, client, signal);
        assert.ok(typeof handler === 'string');
      },
      refuses: (error) => error instanceof Error && /RuntimeClass plain/.test(error.message),
      share: 200,
    }));
});
