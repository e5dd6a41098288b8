import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import {
  parsePodManifest,
  parsePodManifests,
  prepareStaticPod,
} from '../../../src/sources/index.js';
import { fnv128a } from '../../../src/sources/model/manifest-hash.js';

const text = `
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: { app: web }
spec:
  containers:
    - name: web
      image: web:1
      resources: { limits: { cpu: 1, memory: 64Mi } }
      ports: [{ containerPort: 80 }]
`;
const file = { kind: 'file', path: '/etc/kubernetes/manifests/web.yaml' } as const;
const prepared = (manifest = text, origin: Parameters<typeof prepareStaticPod>[1] = file): Pod =>
  prepareStaticPod(parsePodManifest(manifest), origin, 'node-1');
const withSpec = (spec: object, containers: readonly object[] = [{ name: 'a', image: 'a:1' }]) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers, ...spec },
  });

describe(fnv128a, () => {
  // The test values of Go's hash/fnv.
  it.each([
    ['', '6c62272e07bb014262b821756295c58d'],
    ['a', 'd228cb696f1a8caf78912b704e4a8964'],
    ['ab', '08809544bbab1be95aa0733055b69a62'],
    ['abc', 'a68d622cec8b5822836dbc7977af7f3b'],
  ])('of %j is %s', (input, want) => {
    expect(fnv128a(input)).toBe(want);
  });
});

describe(prepareStaticPod, () => {
  it('sets the defaults, the node’s name for it, the node and the default namespace', () => {
    const pod = prepared();
    const uid = pod.metadata?.uid ?? '';
    expect(uid).toMatch(/^[0-9a-f]{32}$/);
    expect(pod.metadata).toEqual({
      name: 'web-node-1',
      namespace: 'default',
      uid,
      labels: { app: 'web' },
      annotations: { 'kubernetes.io/config.hash': uid },
    });
    expect(pod.spec).toMatchObject({
      nodeName: 'node-1',
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
      containers: [
        {
          imagePullPolicy: 'IfNotPresent',
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          resources: { requests: { cpu: '1', memory: '64Mi' } },
        },
      ],
    });
    expect(pod.status).toEqual({ phase: 'Pending' });
  });

  const uidOf = (pod: Pod) => pod.metadata?.uid;
  const asJson = JSON.stringify(parsePodManifest(text));
  it('has the same uid for every notation of the manifest', () => {
    expect(uidOf(prepared(asJson))).toBe(uidOf(prepared()));
  });
  it.each([
    ['the content', () => prepared(text.replace('web:1', 'web:2'))],
    ['the path', () => prepared(text, { kind: 'file', path: '/elsewhere.yaml' })],
    ['the origin', () => prepared(text, { kind: 'url', url: file.path })],
    ['the node', () => prepareStaticPod(parsePodManifest(text), file, 'node-2')],
  ])('has another uid if %s differs', (_, other) => {
    expect(uidOf(other())).not.toBe(uidOf(prepared()));
  });

  it('keeps the uid of the manifest', () => {
    const pod = prepared(text.replace('name: web\n', 'name: web\n  uid: my-own\n'));
    expect(uidOf(pod)).toBe('my-own');
    expect(pod.metadata?.annotations).toEqual({ 'kubernetes.io/config.hash': 'my-own' });
  });

  it('of a URL gets no toleration', () => {
    expect(prepared(text, { kind: 'url', url: 'http://x' }).spec?.tolerations).toBeUndefined();
  });

  it('does not change its input', () => {
    const manifest = parsePodManifest(text);
    prepareStaticPod(manifest, file, 'n1');
    expect(manifest).toEqual(parsePodManifest(text));
  });

  const volume = (source: object) => withSpec({ volumes: [{ name: 'v', ...source }] });
  const projected = (source: object) => volume({ projected: { sources: [source] } });
  const env = (valueFrom: object) =>
    withSpec({}, [{ name: 'a', image: 'a:1', env: [{ name: 'E', valueFrom }] }]);
  const refused: readonly (readonly [string, string])[] = [
    ['serviceaccounts', withSpec({ serviceAccountName: 'web' })],
    ['serviceaccounts', withSpec({ serviceAccount: 'web' })],
    ['secrets', withSpec({ imagePullSecrets: [{ name: 's' }] })],
    ['secrets', volume({ secret: { secretName: 's' } })],
    ['secrets', projected({ secret: { name: 's' } })],
    ['secrets', env({ secretKeyRef: { name: 's', key: 'k' } })],
    ['configmaps', env({ configMapKeyRef: { name: 'c', key: 'k' } })],
    [
      'configmaps',
      withSpec({}, [{ name: 'a', image: 'a:1', envFrom: [{ configMapRef: { name: 'c' } }] }]),
    ],
    ['configmaps', volume({ configMap: { name: 'c' } })],
    ['resourceclaims', withSpec({ resourceClaims: [{ name: 'c', resourceClaimName: 'c' }] })],
    ['csidrivers (via CSI volumes)', volume({ csi: { driver: 'd' } })],
    ['persistentvolumeclaims', volume({ persistentVolumeClaim: { claimName: 'c' } })],
    [
      'persistentvolumeclaims (via ephemeral volumes)',
      volume({ ephemeral: { volumeClaimTemplate: {} } }),
    ],
    ['clustertrustbundles', projected({ clusterTrustBundle: { name: 'b', path: 'p' } })],
  ];
  it.each(refused)('may not reference %s', (what, manifest) => {
    expect(() => prepared(manifest)).toThrow(`static pods may not reference ${what}`);
  });

  it.each([
    ['emptyDir', volume({ emptyDir: {} })],
    ['hostPath', volume({ hostPath: { path: '/etc' } })],
    ['downwardAPI', volume({ downwardAPI: { items: [] } })],
    ['projected downwardAPI', projected({ downwardAPI: { items: [] } })],
    ['image', volume({ image: { reference: 'i:1' } })],
  ])('may have a volume of kind %s', (_, manifest) => {
    expect(prepared(manifest).spec?.volumes).toHaveLength(1);
  });

  it.each([
    ['invalid pod: name is needed for the pod', text.replace('name: web\n', '')],
    ['invalid pod: spec.containers: Required value', withSpec({}, [])],
    [
      "invalid pod: metadata.uid: must not be '..'",
      text.replace('name: web\n', "name: web\n  uid: '..'\n"),
    ],
    ['spec.containers[0].image: Required value', withSpec({}, [{ name: 'a' }])],
    ['metadata.name: Invalid value', text.replace('name: web\n', 'name: Web_1\n')],
    ['metadata.labels: Invalid value', text.replace('app: web', 'a b: web')],
    [
      'spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden',
      projected({ serviceAccountToken: { path: 'token' } }),
    ],
    [
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      withSpec({}, [
        { name: 'a', image: 'a', resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
      ]),
    ],
  ])('is refused: %s', (message, manifest) => {
    expect(() => prepared(manifest)).toThrow(message);
  });
});

describe(parsePodManifest, () => {
  it.each([
    ['is empty', ''],
    ['is empty', '---\n'],
    ['is not an object', 'just words'],
    ['holds no apiVersion no kind, not v1 Pod', '{}'],
    ['holds v1 Service, not v1 Pod', 'apiVersion: v1\nkind: Service'],
    ['holds v1 PodList, not v1 Pod', 'apiVersion: v1\nkind: PodList\nitems: []'],
    ['Flow map', 'kind: {'],
    ['kind: expected string', '{"apiVersion":"v1","kind":{"toString":null,"valueOf":1}}'],
    ['apiVersion: expected string', '{"apiVersion":[],"kind":"Pod"}'],
    ['spec.containers: expected array', withSpec({ containers: 'x' })],
    [
      'spec.containers.0.env.0.value: expected string',
      withSpec({}, [{ name: 'a', env: [{ name: 'E', value: 8080 }] }]),
    ],
    ['metadata: expected object', 'apiVersion: v1\nkind: Pod\nmetadata: 7'],
    ['spec.priority: expected int32', withSpec({ priority: 2 ** 31 })],
    ['spec.priority: expected int', withSpec({ priority: 1.5 })],
    ['spec.hostNetwork: expected boolean', withSpec({ hostNetwork: 'true' })],
    ['spec.overhead.cpu: expected quantity', withSpec({ overhead: { cpu: '1x' } })],
    ['spec.nodeSelector.a: expected string', withSpec({ nodeSelector: { a: 1 } })],
    ['spec.containers.0: expected object', withSpec({ containers: [7] })],
    [
      'livenessProbe.httpGet.port: expected int32',
      withSpec({}, [{ name: 'a', livenessProbe: { httpGet: { port: 2 ** 40 } } }]),
    ],
    [
      'metadata.creationTimestamp: expected RFC 3339 time; spec.hostPID: expected boolean',
      'apiVersion: v1\nkind: Pod\nmetadata: {creationTimestamp: now}\nspec: {hostPID: 1}',
    ],
    ['position', '{"apiVersion": "v1", kind: "Pod"}'],
  ])('names the problem: %s', (message, manifest) => {
    expect(() => parsePodManifest(manifest)).toThrow(message);
  });

  it('uses the first of several documents, reads null as absent, and drops unknown fields', () => {
    const manifest = `${text}  tolerations: null\n  newField: { a: 1 }\n---\nkind: Other`;
    expect(parsePodManifest(manifest)).toEqual(parsePodManifest(text));
  });

  const spec = (yaml: string) => parsePodManifest(`apiVersion: v1\nkind: Pod\nspec: ${yaml}`).spec;
  it.each<readonly [string, string, object]>([
    ['octal numbers of YAML 1.1', '{priority: 0644}', { priority: 0o644 }],
    ['octal numbers of YAML 1.2', '{priority: 0o644}', { priority: 0o644 }],
    ['hexadecimal numbers', '{priority: 0x1F}', { priority: 31 }],
    ['binary numbers', '{priority: -0b11}', { priority: -3 }],
    ['digits in groups', '{priority: 1_000}', { priority: 1000 }],
    ['yes and off', '{hostNetwork: yes, hostPID: off}', { hostNetwork: true, hostPID: false }],
    ['times as words', '{hostname: 12:30}', { hostname: '12:30' }],
    ['dates as words', '{hostname: 2026-01-01}', { hostname: '2026-01-01' }],
    ['numbers for keys', '{nodeSelector: {1: a, 2.5: b}}', { nodeSelector: { 1: 'a', 2.5: 'b' } }],
    [
      'amounts without quotes',
      '{overhead: {cpu: 0.50, memory: 1e3}}',
      { overhead: { cpu: '0.5', memory: '1000' } },
    ],
  ])('reads %s', (_, yaml, want) => {
    expect(spec(yaml)).toEqual(want);
  });
});

describe(parsePodManifests, () => {
  const item = { metadata: { name: 'a' }, spec: { containers: [] } };
  const list = (...items: unknown[]) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'PodList', items });
  it('reads one pod, or the items of a list', () => {
    expect(parsePodManifests(text)).toHaveLength(1);
    expect(parsePodManifests(list(item, item))).toHaveLength(2);
    expect(parsePodManifests(list())).toEqual([]);
  });
  it('refuses a list with anything else in it', () => {
    expect(() => parsePodManifests(list(item, 7))).toThrow('not an object');
    expect(() => parsePodManifests('apiVersion: v1\nkind: List')).toThrow('v1 List');
  });
});

it('refuses a manifest whose aliases multiply, with a ManifestError', () => {
  const steps = Array.from({ length: 9 }, (_, at) => {
    const ten = Array.from({ length: 10 }, () => `*a${at}`).join(',');
    return `a${at + 1}: &a${at + 1} [${ten}]`;
  });
  const bomb = ['apiVersion: v1', 'kind: Pod', 'a0: &a0 [x]', ...steps].join('\n');
  expect(() => parsePodManifest(bomb)).toThrow(
    expect.objectContaining({ name: 'ManifestError' }) as Error,
  );
});
