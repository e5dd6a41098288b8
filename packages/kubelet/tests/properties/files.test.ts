import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

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
import { parseMountinfo } from '../../src/node/codec/mountinfo.js';
import { CheckpointError, isManifestError } from '../../src/pod/model/errors.js';
import { parseAllocations, renderAllocations } from '../../src/resize/codec/resource-checkpoint.js';
import { parsePodManifest, parsePodManifests } from '../../src/sources/codec/manifest.js';
import { parseV1, parseV1Limits } from '../../src/stats/codec/cgroup-v1.js';
import { parseV2, parseV2Limits } from '../../src/stats/codec/cgroup-v2.js';
import {
  parseBootTimeMs,
  parseInterfaces,
  parseMachineMemory,
  parseProcessCgroup,
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

describe('Files that somebody else writes', () => {
  test('every static manifest is a pod or a ManifestError', () =>
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

  test('every list of static pods is pods or a ManifestError', () =>
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

  test('every checkpoint of resources is allocations or a CheckpointError', () => {
    const data = JSON.parse(
      JSON.parse(
        renderAllocations(
          new Map([
            ['uid-1', { containers: { a: { requests: { cpu: '1' }, limits: { memory: '1Gi' } } } }],
          ]),
        ),
      ).data as string,
    ) as unknown;
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

  test('every record of a pull is read or passed over', () => {
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

  test('every PEM text is certificates in bytes', () =>
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

/** Those that a cgroup without a disk and without swap does not show, in the kernel's form. */
const MADE_V2 = {
  'io.stat':
    '8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n254:0 rbytes=5 wbytes=6 rios=7 wios=8\n',
  'memory.events': 'low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n',
  'memory.swap.max': '9223372036854771712\n',
  'cgroup.procs': '1\n2\n',
  meminfo: recorded('meminfo'),
};

/** The files of a cgroup that burns CPU and reads files at its limits of both. */
function recordedV2(): Readonly<Record<string, string>> {
  const folder = new URL('../fixtures/cgroup-v2/', import.meta.url);
  const names = readdirSync(folder);
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
  );
}

describe('Files of the kernel', () => {
  test('every cgroup of version 2 is figures that are numbers, zero or more', () => {
    const samples = [recordedV2(), { ...recordedV2(), ...MADE_V2 }];
    const names = Object.keys({ ...recordedV2(), ...MADE_V2 });
    const joined = samples.map((files) => names.map((name) => files[name] ?? '').join('\u0001'));
    for (const files of samples) assert.equal(parseV2Limits(files).cpuQuotaUs, 50_000);
    return checkReader({
      name: 'parseV2',
      inputs: mutatedTexts(joined),
      read: (all) => {
        const parts = all.split('\u0001');
        const texts = Object.fromEntries(names.map((name, i) => [name, parts[i]]));
        const limits = parseV2Limits(texts);
        const usage = parseV2(texts, { atMs: 1, limits, nameOf: (id) => id });
        for (const number of numbersOf([limits, usage]))
          assert.ok(Number.isFinite(number) && number >= 0, `${number}`);
      },
      share: 2500,
    });
  });

  test('every cgroup of version 1 is figures that are numbers, zero or more', () => {
    const folder = new URL('../fixtures/cgroup-v1/', import.meta.url);
    const names = readdirSync(folder);
    const joined = names.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\u0001');
    return checkReader({
      name: 'parseV1',
      inputs: mutatedTexts([joined]),
      read: (all) => {
        const parts = all.split('\u0001');
        const texts = Object.fromEntries(names.map((name, i) => [name, parts[i]]));
        const limits = parseV1Limits(texts);
        const usage = parseV1(texts, { atMs: 1, limits, nameOf: (id) => id });
        for (const number of numbersOf([limits, usage]))
          assert.ok(Number.isFinite(number) && number >= 0, `${number}`);
      },
    });
  });

  test('every file of /proc is figures that are numbers, zero or more', () => {
    const files = ['meminfo', 'net-dev', 'loadavg', 'stat', 'cgroup'];
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
        assert.ok(['string', 'undefined'].includes(typeof parseProcessCgroup(file)));
      },
      share: 2500,
    });
  });

  test('every table of mounts is paths and kinds', () =>
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

/** As a kubelet would have written it down: only a checksum that fits lets a content through. */
function withChecksum(value: unknown): string {
  const data = text(value);
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`(string)${data}`))
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return JSON.stringify({ data, checksum: hash });
}
