import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import {
  CLUSTER_TRUST_BUNDLES,
  type ClusterTrustBundle,
  KubeError,
  type Pod,
} from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { decodePem, encodePem } from '../../../src/credentials/codec/pem.js';
import { createTrustBundles } from '../../../src/credentials/run/index.js';

const SIGNER = 'example.com/mesh';
const never = new AbortController().signal;

let clock: ManualClock;
let api: MemoryKubeClient;
let end: AbortController;
let changed: string[];
let made = 0;
let trust: ReturnType<typeof createTrustBundles>;
beforeEach(() => {
  clock = new ManualClock();
  api = createMemoryKubeClient({ clock });
  end = new AbortController();
  changed = [];
  trust = create();
});
afterEach(() => end.abort(new Error('the test is over')));

function create(): ReturnType<typeof createTrustBundles> {
  const onChange = (uid: string): void => void changed.push(uid);
  const random = (): number => (made += 1) / 1000;
  const log = new MemoryLogger();
  return createTrustBundles({ client: api, clock, random, log, onChange }, end.signal);
}

const bundle = (
  name: string,
  anchors: readonly string[],
  more: Readonly<{ signerName?: string; labels?: Record<string, string> }> = {},
): ClusterTrustBundle => {
  const { signerName, labels = {} } = more;
  const trustBundle = anchors
    .map((text) => `about ${text}\n${encodePem('CERTIFICATE', Buffer.from(text))}`)
    .join('');
  return { metadata: { name, labels }, spec: { trustBundle, ...(signerName && { signerName }) } };
};
const podWith = (uid: string, name?: string): Pod => ({
  metadata: { name: uid, namespace: 'ns', uid },
  spec: {
    containers: [],
    volumes: [
      {
        name: 'ca',
        projected: {
          sources: name === undefined ? [] : [{ clusterTrustBundle: { name, path: 'ca.pem' } }],
        },
      },
    ],
  },
});
const read = (pem: string): readonly string[] => decodePem(pem).map(String);
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe(createTrustBundles, () => {
  it('returns a bundle by name, each anchor once and without text between them', async () => {
    api.seed(CLUSTER_TRUST_BUNDLES, bundle('roots', ['a', 'b', 'a']));
    const pem = await trust.anchors({ name: 'roots' }, never);
    expect([...read(pem)].sort()).toEqual(['a', 'b']);
    expect(pem).toMatch(/^-----BEGIN CERTIFICATE-----\n/);
    expect(pem).not.toContain('about');
  });

  it('returns the readable anchors among unreadable ones', async () => {
    api.seed(CLUSTER_TRUST_BUNDLES, bundle('roots', ['a'], { signerName: SIGNER }));
    const spoilt = { metadata: { name: 'spoilt' }, spec: { signerName: SIGNER, trustBundle: 7 } };
    api.seed(CLUSTER_TRUST_BUNDLES, spoilt as unknown as ClusterTrustBundle);
    const pem = await trust.anchors({ signerName: SIGNER, labelSelector: {} }, never);
    expect(read(pem)).toEqual(['a']);
  });

  it('merges the bundles of a signer that match the selector', async () => {
    const [blue, red] = [{ color: 'blue' }, { color: 'red' }];
    for (const one of [
      bundle('example.com:mesh:1', ['a', 'b'], { signerName: SIGNER, labels: blue }),
      bundle('example.com:mesh:2', ['b', 'c'], { signerName: SIGNER, labels: blue }),
      bundle('example.com:mesh:3', ['d'], { signerName: SIGNER, labels: red }),
      bundle('example.com:other:1', ['e'], { signerName: 'example.com/other', labels: blue }),
    ]) {
      api.seed(CLUSTER_TRUST_BUNDLES, one);
    }
    const of = async (labelSelector?: object): Promise<string[]> => {
      const ref = { signerName: SIGNER, optional: true, ...(labelSelector && { labelSelector }) };
      return [...read(await trust.anchors(ref, never))].sort();
    };
    expect(await of({ matchLabels: blue })).toEqual(['a', 'b', 'c']);
    expect(await of({})).toEqual(['a', 'b', 'c', 'd']);
    expect(await of()).toEqual([]);
  });

  it('keeps the order of anchors until a restart', async () => {
    const anchors = Array.from('abcdefghijklmnop');
    api.seed(CLUSTER_TRUST_BUNDLES, bundle('roots', anchors));
    const first = await trust.anchors({ name: 'roots' }, never);
    await api.replace(CLUSTER_TRUST_BUNDLES, bundle('roots', anchors.toReversed()), {}, never);
    await settle();
    expect(await trust.anchors({ name: 'roots' }, never)).toBe(first);
    expect(await create().anchors({ name: 'roots' }, never)).not.toBe(first);
  });

  it('reports a missing bundle unless it is optional', async () => {
    await expect(trust.anchors({ name: 'roots' }, never)).rejects.toThrow(
      'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "roots" not found',
    );
    await expect(trust.anchors({ signerName: SIGNER, labelSelector: {} }, never)).rejects.toThrow(
      'combination of signerName and labelSelector matched zero ClusterTrustBundles',
    );
    expect(await trust.anchors({ name: 'roots', optional: true }, never)).toBe('');
  });

  it('watches from the first request on, and notifies pods with trust bundles', async () => {
    trust.follow(podWith('u1', 'roots'));
    trust.follow(podWith('u2'));
    expect(api.calls).toEqual([]);
    await trust.anchors({ name: 'roots', optional: true }, never);
    await api.create(CLUSTER_TRUST_BUNDLES, bundle('roots', ['a']), never);
    await settle();
    expect(changed).toEqual(['u1']);
    api.drop(CLUSTER_TRUST_BUNDLES, { name: 'roots' });
    await settle();
    expect(changed).toEqual(['u1', 'u1']);
    trust.release('u1');
    await api.create(CLUSTER_TRUST_BUNDLES, bundle('roots', ['b']), never);
    await settle();
    expect(changed).toEqual(['u1', 'u1']);
    expect(api.calls.filter(({ verb }) => verb === 'watch')).toHaveLength(1);
  });

  it('reports that the API server has no trust bundles, and retries', async () => {
    api.failNext({ verb: 'list' }, new KubeError('KUBE_NOT_FOUND', 'no such resource'), 2);
    await expect(trust.anchors({ name: 'roots' }, never)).rejects.toThrow(
      'the API server has no ClusterTrustBundles',
    );
    expect(await trust.anchors({ name: 'roots', optional: true }, never)).toBe('');
  });

  it('falls back to the older API version', async () => {
    api.failNext({ verb: 'list' }, new KubeError('KUBE_NOT_FOUND', 'no such version'));
    const old = { ...CLUSTER_TRUST_BUNDLES, version: 'v1alpha1' };
    api.seed(old, bundle('roots', ['a']));
    expect(read(await trust.anchors({ name: 'roots' }, never))).toEqual(['a']);
  });
});
