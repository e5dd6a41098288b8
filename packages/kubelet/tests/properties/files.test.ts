import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { parseMountinfo } from '@nodeagent/base';
import {
  checkReader,
  mapped,
  mutatedTexts,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { recordedObjects } from '../../../../vitest.recorded.js';
import { decodePem } from '../../src/credentials/codec/pem.js';
import { parseIntent, parseRecord } from '../../src/images/codec/pull-record.js';
import { CheckpointError, isManifestError } from '../../src/pod/model/errors.js';
import { parseAllocations, renderAllocations } from '../../src/resize/codec/resource-checkpoint.js';
import { parsePodManifest, parsePodManifests } from '../../src/sources/codec/manifest.js';
import {
  parseBootTimeMs,
  parseInterfaces,
  parseMachineMemory,
  parseThreadCount,
} from '../../src/stats/codec/proc-text.js';
import { numbersOf, text } from './values.js';

function recorded(name: string): string {
  return readFileSync(new URL(`../fixtures/proc/${name}`, import.meta.url), 'utf8');
}

const MANIFEST = `apiVersion: v1
kind: Pod
metadata:
  name: etcd
  namespace: kube-system
  annotations: &notes {a: "0644", "1": "yes"}
  labels: *notes
  creationTimestamp: 2026-11-22T20:55:23Z
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 036
  containers:
  - name: etcd
    image: registry.k8s.io/etcd:3.6.4-0
    command: [etcd, "--name=x"]
    resources: {requests: {cpu: 100m, memory: 100Mi}, limits: {cpu: 1.5}}
    livenessProbe:
      httpGet: {path: /livez, port: 2381}
      initialDelaySeconds: 10
    volumeMounts:
    - {mountPath: /var/lib/etcd, name: etcd-data}
  volumes:
  - hostPath:
      path: /var/lib/etcd
      type: DirectoryOrCreate
    name: etcd-data
`;

describe('Files of other programs', () => {
  test('every static manifest yields a pod or a ManifestError', () =>
    checkReader({
      name: 'parsePodManifest',
      inputs: oneOf(mutatedTexts([MANIFEST]), mapped(mutatedTrees(recordedObjects('pods')), text)),
      read: (manifest) => {
        const pod = parsePodManifest(manifest);
        assert.equal(pod.kind, 'Pod');
        structuredClone(pod);
        JSON.stringify(pod);
      },
      refuses: isManifestError,
      share: 2500,
    }));

  test('every list of static pods yields pods or a ManifestError', () =>
    checkReader({
      name: 'parsePodManifests',
      inputs: mapped(
        mutatedTrees([
          { apiVersion: 'v1', kind: 'PodList', items: recordedObjects('pods').slice(0, 3) },
        ]),
        text,
      ),
      read: (manifest) => {
        for (const pod of parsePodManifests(manifest)) assert.equal(pod.kind, 'Pod');
      },
      refuses: isManifestError,
    }));

  test('every checkpoint of resources yields allocations or a CheckpointError', () => {
    const file = renderAllocations(
      new Map([
        ['uid-1', { containers: { a: { requests: { cpu: '1' }, limits: { memory: '1Gi' } } } }],
      ]),
    );
    const { data: inner } = JSON.parse(file) as { data: string };
    const data: unknown = JSON.parse(inner);
    return checkReader({
      name: 'parseAllocations',
      inputs: mapped(mutatedTrees([data]), withChecksum),
      read: (checkpoint) => {
        for (const [uid, { containers, pod }] of parseAllocations(checkpoint, '/x')) {
          assert.equal(typeof uid, 'string');
          for (const resources of [
            ...Object.values(containers),
            ...(pod === undefined ? [] : [pod]),
          ]) {
            for (const amounts of [resources.requests ?? {}, resources.limits ?? {}]) {
              for (const amount of Object.values(amounts)) assert.equal(typeof amount, 'string');
            }
          }
        }
      },
      refuses: (error) => error instanceof CheckpointError,
    });
  });

  test('every record of a pull is read or skipped', () => {
    const record = {
      kind: 'ImagePulledRecord',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      lastUpdatedTime: '2026-11-22T20:55:23Z',
      imageRef: 'sha256:aa',
      credentialMapping: {
        'docker.io/library/busybox': {
          kubernetesSecrets: [{ uid: 'u', namespace: 'n', name: 's', credentialHash: 'h' }],
          nodePodsAccessible: true,
        },
      },
    };
    const intent = {
      kind: 'ImagePullIntent',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      image: 'busybox',
    };
    return checkReader({
      name: 'parseRecord, parseIntent',
      inputs: oneOf(
        mapped(mutatedTrees([record, intent]), text),
        mutatedTexts([JSON.stringify(record)]),
      ),
      read: (file) => {
        const image = parseIntent(file);
        if (image !== undefined) assert.equal(typeof image, 'string');
        for (const grants of Object.values(parseRecord(file)?.credentialMapping ?? {})) {
          const owners = [
            ...(grants.kubernetesSecrets ?? []),
            ...(grants.kubernetesServiceAccounts ?? []),
          ];
          for (const { uid, namespace, name } of owners) {
            for (const word of [uid, namespace, name]) assert.equal(typeof word, 'string');
          }
          assert.ok(['boolean', 'undefined'].includes(typeof grants.nodePodsAccessible));
        }
      },
    });
  });

  test('every PEM text yields certificates in bytes', () =>
    checkReader({
      name: 'decodePem',
      inputs: mutatedTexts([
        '-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n# more\n-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----\n',
      ]),
      read: (pem) => {
        for (const bytes of decodePem(pem)) assert.ok(bytes.length <= pem.length);
      },
    }));
});

describe('Files of the kernel', () => {
  test('every file of /proc yields numbers of at least zero', () => {
    const files = ['meminfo', 'net-dev', 'loadavg', 'stat'];
    return checkReader({
      name: '/proc',
      inputs: mutatedTexts(files.map(recorded)),
      read: (file) => {
        const figures = [
          parseMachineMemory(file),
          parseInterfaces(file),
          parseThreadCount(file),
          parseBootTimeMs(file),
        ];
        for (const number of numbersOf(figures))
          assert.ok(Number.isFinite(number) && number >= 0, `${number}`);
      },
      share: 2500,
    });
  });

  test('every table of mounts yields paths and kinds', () =>
    checkReader({
      name: 'parseMountinfo',
      inputs: mutatedTexts([recorded('mountinfo')]),
      read: (table) => {
        for (const { path, fsType } of parseMountinfo(table)) {
          assert.equal(typeof path, 'string');
          assert.equal(typeof fsType, 'string');
        }
      },
    }));
});

/** As a kubelet would write it: content is read only if the checksum matches. */
function withChecksum(value: unknown): string {
  const data = text(value);
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`(string)${data}`))
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return JSON.stringify({ data, checksum: hash });
}
