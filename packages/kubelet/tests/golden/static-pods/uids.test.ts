import { readdirSync, readFileSync } from 'node:fs';

import { defaultPod } from '@nodeagent/pod-rules';
import { describe, expect, it } from 'vitest';

import { containerSpecHash, initContainers, regularContainers } from '../../../src/pod/index.js';
import {
  type ManifestOrigin,
  parsePodManifest,
  parsePodManifests,
  prepareStaticPod,
} from '../../../src/sources/index.js';
import { staticPodDump, staticPodUid } from '../../../src/sources/plan/static-pod-uid.js';
import { CASES } from './cases.js';
import golden from './uids.json' with { type: 'json' };

interface Golden {
  readonly uid: string;
  /** Kubernetes does not take it after all: something is not valid, or only the API has it. */
  readonly refused?: boolean;
  readonly containerHashes?: Readonly<Record<string, string>>;
}

/** Computed by the package k8s.io/kubernetes/pkg/kubelet/config of 1.36.2 itself. */
const GOLDEN: Readonly<Record<string, Golden>> = golden;
const NODE = 'cp-1';
const ORIGIN = { kind: 'file', path: '/etc/kubernetes/manifests/web.yaml' } as const;

const folder = new URL('./', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const kubeadm = readdirSync(new URL('manifests', folder)).map(
  (name) => [name, read(`manifests/${name}`)] as const,
);
const all = [...Object.entries(CASES), ...kubeadm];

const defaulted = (text: string) => {
  const said = parsePodManifest(text);
  const spec = structuredClone(said.spec ?? { containers: [] });
  defaultPod(spec);
  return { said, spec };
};

it('has a golden uid for each manifest', () => {
  expect(Object.keys(GOLDEN)).toEqual(all.map(([name]) => name));
});

describe(staticPodUid, () => {
  it.each(all)('of %s is that of the Go kubelet', (name, text) => {
    const { said, spec } = defaulted(text);
    expect(staticPodUid(said, spec, ORIGIN, NODE)).toBe(GOLDEN[name]?.uid);
  });

  const etcd = read('manifests/etcd.yaml');
  const path = '/etc/kubernetes/manifests/etcd.yaml';
  const places: readonly (readonly [string, string, ManifestOrigin, string])[] = [
    ['a file', 'cp-1', { kind: 'file', path }, 'ddcbdc14707a09dbefb660369d4dd841'],
    ['the node', 'cp-2', { kind: 'file', path }, 'b1f2e983ab4be9e7c90f64ef42ba2c18'],
    [
      ...(['the path', 'cp-1'] as const),
      { kind: 'file', path: '/etc/kubelet.d/etcd.yaml' },
      '90c371f3580f9094e712f6461c652c24',
    ],
    [
      ...(['a URL', 'cp-1'] as const),
      { kind: 'url', url: 'http://192.0.2.1/pods' },
      '0bad72f8fb4c356c380c7a3345af4f98',
    ],
  ];
  it.each(places)('knows %s', (_, node, origin, uid) => {
    const [pod] = parsePodManifests(etcd);
    expect(prepareStaticPod(pod ?? {}, origin, node).metadata).toMatchObject({
      name: `etcd-${node}`,
      uid,
      annotations: { 'kubernetes.io/config.hash': uid },
    });
  });
});

describe(staticPodDump, () => {
  it.each([
    ['nothing-but-a-container', CASES['nothing but a container'] ?? ''],
    ['etcd', read('manifests/etcd.yaml')],
  ])('of %s is the text that Go hashes', (name, text) => {
    const { said, spec } = defaulted(text);
    expect(`${staticPodDump(said, spec)}\n`).toBe(read(`${name}.dump.txt`));
  });
});

describe(containerSpecHash, () => {
  const taken = all.filter(([name]) => GOLDEN[name]?.refused !== true);
  it.each(taken)('of %s is that of the Go kubelet', (name, text) => {
    const pod = prepareStaticPod(parsePodManifest(text), ORIGIN, NODE);
    const containers = [...initContainers(pod), ...regularContainers(pod)];
    const hashes = containers.map(({ spec }) => [spec.name, containerSpecHash(spec)]);
    expect(pod.metadata?.uid).toBe(GOLDEN[name]?.uid);
    expect(Object.fromEntries(hashes)).toEqual(GOLDEN[name]?.containerHashes);
  });
});
