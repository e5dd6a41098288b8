import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  CLUSTER_TRUST_BUNDLES,
  type ClusterTrustBundle,
  isKubeError,
  type Pod,
  POD_CERTIFICATE_REQUESTS,
  type Volume,
} from '@nodeagent/kube-client';
import { type Authority, createAuthority } from '@nodeagent/testbed';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { type PodSigner, REFUSE_ANNOTATION, startPodSigner } from './pod-signer.ts';
import {
  aScript,
  createPod,
  isRunning,
  SERVES,
  statusOf,
  untilSaid,
  waitForEvent,
} from './pods.ts';

const e2e = useCluster({
  featureGates: {
    ClusterTrustBundle: true,
    ClusterTrustBundleProjection: true,
    PodCertificateRequest: true,
  },
});
const never = new AbortController().signal;

/** These kinds are off by default, so a given API server may not have them. */
let isServed = false;
let signer: PodSigner;
let roots: readonly Authority[];
const bundles: string[] = [];
beforeAll(async () => {
  isServed = await servesBoth();
  if (!isServed) return;
  signer = await startPodSigner(e2e.client, `${e2e.namespace}.nodeagent.test/pods`);
  roots = await Promise.all(['a', 'b', 'c'].map((name) => createAuthority(name)));
});
beforeEach(({ skip }) => {
  skip(!isServed, 'this API server has no certificates.k8s.io/v1beta1');
});
afterAll(async () => {
  if (!isServed) return;
  await signer.stop();
  for (const name of bundles) await e2e.client.delete(CLUSTER_TRUST_BUNDLES, { name }, {}, never);
});

async function servesBoth(): Promise<boolean> {
  try {
    await e2e.client.list(CLUSTER_TRUST_BUNDLES, { limit: 1 }, never);
    await e2e.client.list(POD_CERTIFICATE_REQUESTS, { limit: 1 }, never);
    return true;
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return false;
    throw error;
  }
}

type Sources = NonNullable<NonNullable<Volume['projected']>['sources']>;
const projected = (...sources: Sources): Volume => ({ name: 'id', projected: { sources } });
const mounts = [
  { name: 'ledger', mountPath: '/ledger' },
  { name: 'id', mountPath: '/id' },
];

/** A pod that runs `script` with the sources mounted below /id. */
const create = (name: string, script: string, ...sources: Sources): Promise<Pod> =>
  createPod(e2e, name, {
    containers: [aScript('app', script, { volumeMounts: mounts })],
    volumes: [projected(...sources)],
  });

async function bundle(
  name: string,
  anchors: readonly number[],
  more: Readonly<{ signerName?: string; labels?: Record<string, string> }> = {},
): Promise<ClusterTrustBundle> {
  const { signerName, labels = {} } = more;
  const trustBundle = anchors.map((at) => roots[at]?.certificatePem ?? '').join('some words\n');
  const object = {
    metadata: { name, labels },
    spec: { trustBundle, ...(signerName && { signerName }) },
  };
  const created = await e2e.client.create(CLUSTER_TRUST_BUNDLES, object, never);
  bundles.push(name);
  return created;
}

const inLedger = (file: string): Promise<string> =>
  readFile(join(e2e.cluster.space.dir, 'ledger', file), 'utf8');
const certificatesIn = (pem: string): readonly X509Certificate[] =>
  (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
    (text) => new X509Certificate(text),
  );
const said = (pod: string, what: string) => untilSaid(e2e, pod, `app ${what}`);
const podCertificate = (more: object = {}) => ({
  podCertificate: { signerName: signer.signerName, keyType: 'ECDSAP256', ...more },
});

describe('a pod that asks for an identity', () => {
  it('has its own key and certificate, and new ones after the kubelet lost them', async () => {
    const script = [
      'cp /id/key /id/chain /id/bundle /ledger/; stat -L -c %a /id/key > /ledger/mode; say runs',
      'until ! cmp -s /id/key /ledger/key; do sleep 0.1; done',
      `cp /id/bundle /ledger/next; say renewed; ${SERVES}`,
    ].join('; ');
    const paths = { keyPath: 'key', certificateChainPath: 'chain', credentialBundlePath: 'bundle' };
    const source = podCertificate({
      ...paths,
      maxExpirationSeconds: 4000,
      userAnnotations: { 'nodeagent.test/team': 'a' },
    });
    await create('identity', script, source);
    await said('identity', 'runs');
    const [key, chain, whole] = await Promise.all(['key', 'chain', 'bundle'].map(inLedger));
    expect(whole).toBe(`${key}${chain}`);
    const [leaf, ca] = certificatesIn(chain ?? '');
    expect(leaf?.subject).toBe('CN=identity.default');
    expect(leaf?.checkPrivateKey(createPrivateKey(key ?? ''))).toBe(true);
    expect(ca?.fingerprint256).toBe(
      new X509Certificate(signer.authority.certificatePem).fingerprint256,
    );
    expect((await inLedger('mode')).trim()).toBe('644');
    const { items } = await e2e.client.list(
      POD_CERTIFICATE_REQUESTS,
      { namespace: e2e.namespace },
      never,
    );
    expect(items.map(({ spec }) => spec)).toEqual([
      expect.objectContaining({
        podName: 'identity',
        maxExpirationSeconds: 4000,
        unverifiedUserAnnotations: { 'nodeagent.test/team': 'a' },
      }),
    ]);
    await e2e.cluster.kubelet.kill9();
    await e2e.cluster.kubelet.start();
    await said('identity', 'renewed');
    const next = await inLedger('next');
    expect(certificatesIn(next)[0]?.checkPrivateKey(createPrivateKey(next))).toBe(true);
    expect(statusOf(await e2e.getPod('identity'), 'app')?.restartCount).toBe(0);
  });

  it.each([
    ['Denied', 'was denied', 'denied'],
    ['Failed', 'failed', 'failed'],
  ])('is notified when the signer answers %s, and waits', async (type, verb, how) => {
    const name = `is-${how}`;
    const userAnnotations = { [REFUSE_ANNOTATION]: type };
    await create(name, SERVES, podCertificate({ keyPath: 'key', userAnnotations }));
    const why = 'reason="AskedTo"';
    await waitForEvent(e2e, name, { reason: type, message: `${verb}, ${why}` });
    await waitForEvent(e2e, name, {
      reason: 'FailedMount',
      message: `MountVolume.SetUp failed for volume "id" : PodCertificateRequest was permanently ${how}: ${why} message="the pod asks to be refused"`,
    });
    await e2e.waitForPod(name, 'to wait', (pod) => {
      return statusOf(pod, 'app')?.state?.waiting?.reason === 'ContainerCreating';
    });
  });

  it("gets the cluster's trust bundles, by name and by signer, and their changes", async () => {
    const { signerName } = signer;
    const prefix = signerName.replace('/', ':');
    const labels = { use: 'yes' };
    await bundle(`${prefix}:1`, [0, 1], { signerName, labels });
    await bundle(`${prefix}:2`, [1], { signerName, labels });
    await bundle(`${prefix}:3`, [2], { signerName });
    const named = `${e2e.namespace}-roots`;
    const script = [
      'cp /id/signers /ledger/signers; wc -c < /id/none > /ledger/none; say runs',
      'until [ "$(grep -c BEGIN /id/named)" = 2 ]; do sleep 0.1; done',
      `say changed; ${SERVES}`,
    ].join('; ');
    await create(
      'trusts',
      script,
      { clusterTrustBundle: { name: named, path: 'named' } },
      {
        clusterTrustBundle: { signerName, labelSelector: { matchLabels: labels }, path: 'signers' },
      },
      { clusterTrustBundle: { name: `${named}-none`, optional: true, path: 'none' } },
    );
    await waitForEvent(e2e, 'trusts', {
      reason: 'FailedMount',
      message: `MountVolume.SetUp failed for volume "id" : while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "${named}" not found`,
    });
    const created = await bundle(named, [0]);
    await e2e.waitForPod('trusts', 'to run', isRunning('app'));
    await said('trusts', 'runs');
    const found = certificatesIn(await inLedger('signers')).map(({ subject }) => subject);
    expect([...found].sort()).toEqual(['CN=a', 'CN=b']);
    expect((await inLedger('none')).trim()).toBe('0');
    const trustBundle = [0, 2].map((at) => roots[at]?.certificatePem ?? '').join('');
    const changed = { ...created, spec: { ...created.spec, trustBundle } };
    await e2e.client.replace(CLUSTER_TRUST_BUNDLES, changed, {}, never);
    await said('trusts', 'changed');
    expect(statusOf(await e2e.getPod('trusts'), 'app')?.restartCount).toBe(0);
  });
});
