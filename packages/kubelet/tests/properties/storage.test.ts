import assert from 'node:assert/strict';

import type { NodeInfo } from '@nodeagent/csi';
import {
  asWritten,
  type CsiDriver,
  type CsiNode,
  type KubeClient,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Volume,
  type VolumeAttachment,
  withoutNulls,
} from '@nodeagent/kube-client';
import {
  checkReader,
  mapped,
  mutatedTexts,
  mutatedTrees,
  type Mutator,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { recordedObjects } from '../../../../vitest.recorded.js';
import { expansionFinished } from '../../src/disks/plan/claim-patches.js';
import { planExpansion } from '../../src/disks/plan/expansion.js';
import { migratedVolume } from '../../src/disks/plan/migrated-volumes.js';
import { decodeVolData, encodeVolData } from '../../src/storage/codec/vol-data.js';
import { backingOfVolume, boundVolume } from '../../src/storage/plan/backing-volume.js';
import { checkedCsiNode } from '../../src/storage/plan/checked-objects.js';
import { isOfAnotherNode, withDriver } from '../../src/storage/plan/csi-node.js';
import { judgePlugin } from '../../src/storage/plan/plugin-info.js';
import { StorageApi } from '../../src/storage/run/storage-api.js';
import { aPod } from '../../src/testing/index.js';
import { VolumeError } from '../../src/volumes/index.js';
import { numbersOf, text } from './values.js';

const { signal } = new AbortController();
const METADATA = { name: 'a', uid: 'u-1', creationTimestamp: '2026-11-23T00:00:00Z' };

/** As the client gives objects: without nulls, of any types. */
function objects<T>(samples: readonly unknown[]): Mutator<T> {
  return mapped(
    mutatedTrees(samples, { keep: (path) => path.length === 0 }),
    (value) => withoutNulls(JSON.parse(text(value) || '{}')) as T,
  );
}

/** An API server that answers every question with the same object. */
function apiOf(found: unknown): StorageApi {
  const client = { get: async () => found } as unknown as KubeClient;
  return new StorageApi(client, { secret: async () => undefined });
}

const inWords = (error: unknown): boolean => error instanceof VolumeError;
const isUnsafeName = (error: unknown): boolean =>
  error instanceof RangeError && error.message.startsWith('PersistentVolume name ');
const byField = (error: unknown): boolean =>
  error instanceof TypeError && /: expected /.test(error.message);

function assertTexts(values: Iterable<unknown>): void {
  for (const value of values) assert.equal(typeof value, 'string');
}

const CLAIMS = recordedObjects('persistentvolumeclaims').map((claim) => ({
  ...claim,
  spec: { ...claim.spec, volumeName: 'pv' },
  status: {
    phase: 'Bound',
    capacity: { storage: '512Mi' },
    allocatedResources: { storage: '1Gi' },
    allocatedResourceStatuses: { storage: 'NodeResizePending' },
    conditions: [{ type: 'FileSystemResizePending', status: 'True' }],
  },
}));

const CSI: PersistentVolume = {
  metadata: { ...METADATA, annotations: { a: 'b' }, finalizers: ['kubernetes.io/pv-protection'] },
  spec: {
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '1Gi' },
    claimRef: { namespace: 'shop', name: 'data', uid: 'u-2' },
    mountOptions: ['noatime'],
    volumeMode: 'Filesystem',
    csi: {
      driver: 'hostpath.csi.example.com',
      volumeHandle: 'vol-1',
      fsType: 'ext4',
      readOnly: true,
      volumeAttributes: { constructor: 'x' },
      nodeStageSecretRef: { namespace: 'shop', name: 'stage' },
    },
  },
};

const zones = { key: 'topology.kubernetes.io/zone', operator: 'In', values: ['a', 'b'] };
const IN_TREE: readonly object[] = [
  { hostPath: { path: '/x', type: 'Directory' }, mountOptions: undefined },
  { local: { path: '/dev/x', fsType: 'xfs' } },
  { nfs: { server: 's', path: '/' } },
  {
    gcePersistentDisk: { pdName: 'd', fsType: 'ext4', partition: 1 },
    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [zones] }] } },
  },
  { azureFile: { secretName: 'azure-storage-account-a-secret', shareName: 's', readOnly: true } },
];

const NEVER_SEEN = { recordedBytes: undefined, refusedInUse: false, failedBefore: false };

const DRIVER: CsiDriver = {
  metadata: METADATA,
  spec: {
    attachRequired: false,
    podInfoOnMount: true,
    requiresRepublish: true,
    fsGroupPolicy: 'File',
    volumeLifecycleModes: ['Persistent', 'Ephemeral'],
    tokenRequests: [{ audience: 'a', expirationSeconds: 3600 }],
    nodeAllocatableUpdatePeriodSeconds: 60,
  },
};

const ATTACHED: VolumeAttachment = {
  metadata: METADATA,
  spec: { attacher: 'd', nodeName: 'n', source: { persistentVolumeName: 'pv' } },
  status: { attached: true, attachmentMetadata: { device: '/dev/x' } },
};
const NOT_ATTACHED: VolumeAttachment = {
  ...ATTACHED,
  status: { attached: false, attachError: { message: 'no', time: '2026-11-23T00:00:00Z' } },
};

const INFO: NodeInfo = {
  nodeId: 'node-1',
  maxVolumesPerNode: 7,
  accessibleTopology: { segments: { 'example.com/zone': 'a' } },
};
const CSI_NODE: CsiNode = {
  metadata: {
    ...METADATA,
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u-1' }],
  },
  spec: {
    drivers: [
      {
        name: 'd',
        nodeID: 'node-1',
        topologyKeys: ['example.com/zone'],
        allocatable: { count: 7 },
      },
      { name: 'other', nodeID: 'node-1' },
    ],
  },
};

describe('What an API server gives for claimed volumes', () => {
  const volume: Volume = { name: 'v', persistentVolumeClaim: { claimName: 'data' } };

  test('every claim is bound to a volume by name, or refused in words of ours', () =>
    checkReader({
      name: 'StorageApi.claim, boundVolume, planExpansion',
      inputs: objects<PersistentVolumeClaim>(CLAIMS),
      read: async (answer) => {
        const claim = await apiOf(answer).claim('shop', 'data', signal);
        assertTexts([boundVolume(aPod(), volume, claim)]);
        const plan = planExpansion({ claim, found: CSI }, false, NEVER_SEEN);
        for (const number of numbersOf(plan)) assert.ok(!Number.isNaN(number));
        if (plan.kind === 'expand') JSON.stringify(expansionFinished(claim, plan.size));
      },
      refuses: inWords,
      share: 500,
    }));

  test('every volume is a kind with sources, modes and options that are text, or is refused', () =>
    checkReader({
      name: 'StorageApi.volume, migratedVolume, backingOfVolume',
      inputs: objects<PersistentVolume>([
        CSI,
        ...IN_TREE.map((source) => ({ ...CSI, spec: { ...CSI.spec, csi: undefined, ...source } })),
        ...recordedObjects('persistentvolumes'),
      ]),
      read: async (answer) => {
        const found = await apiOf(answer).volume('pv', signal);
        const migrated = migratedVolume(found);
        const backing = backingOfVolume(aPod(), volume, migrated ?? found, migrated !== undefined);
        const { readOnly, ...rest } = backing;
        assert.equal(typeof readOnly, 'boolean');
        assertTexts(leavesOf(rest));
      },
      refuses: (error) => inWords(error) || isUnsafeName(error),
      share: 900,
    }));

  test('every driver has rules of the promised types, or is refused', () =>
    checkReader({
      name: 'StorageApi.driverRules',
      inputs: objects<CsiDriver>([DRIVER, ...recordedObjects('csidrivers')]),
      read: async (found) => {
        const rules = await apiOf(found).driverRules('d', signal);
        const audiences = rules.tokenRequests.map(({ audience }) => audience);
        assertTexts([rules.fsGroupPolicy, ...rules.lifecycles, ...audiences]);
        for (const number of numbersOf(rules)) assert.ok(Number.isFinite(number));
        for (const flag of [rules.attachRequired, rules.podInfoOnMount, rules.requiresRepublish]) {
          assert.equal(typeof flag, 'boolean');
        }
      },
      refuses: inWords,
      share: 500,
    }));

  test('every attachment is context for the driver, or a reason to wait', () =>
    checkReader({
      name: 'StorageApi.attachment',
      inputs: objects<VolumeAttachment>([ATTACHED, NOT_ATTACHED]),
      read: async (found) => {
        const answer = await apiOf(found)
          .attachment('vol-1', 'csi-1', signal)
          .catch((error: unknown) => {
            if (!inWords(error)) throw error;
            return { error: (error as VolumeError).message };
          });
        assertTexts(Object.values(answer));
      },
      share: 500,
    }));

  test('every CSINode keeps the drivers that it had, and takes one more, or is refused by a field', () =>
    checkReader({
      name: 'withDriver',
      inputs: objects<CsiNode>([CSI_NODE]),
      read: (found) => {
        const node = checkedCsiNode(found);
        assert.equal(typeof isOfAnotherNode(node, 'u-1'), 'boolean');
        const before = asWritten(node.spec).drivers?.length ?? 0;
        const taken = withDriver(node, 'new', INFO) ?? node;
        assert.equal(taken.spec.drivers.length, before + 1);
        assertTexts(taken.spec.drivers.map(({ name }) => name));
        withDriver(node, 'd', undefined);
      },
      refuses: byField,
      share: 500,
    }));
});

describe('What drivers and other kubelets leave', () => {
  const data = {
    attachmentID: 'csi-1',
    driverName: 'd',
    nodeName: 'n',
    specVolID: 'pv',
    volumeHandle: 'vol-1',
    volumeLifecycleMode: 'Persistent',
  };

  test('every vol_data.json is strings that are written as they were read, or nothing', () =>
    checkReader({
      name: 'decodeVolData',
      inputs: oneOf(mutatedTexts([encodeVolData(data)]), mapped(mutatedTrees([data]), text)),
      read: (file) => {
        const found = decodeVolData(file);
        if (found === undefined) return;
        assertTexts(Object.values(found));
        assert.deepEqual(decodeVolData(encodeVolData(found)), found);
      },
      share: 1000,
    }));

  const registration = {
    type: 'CSIPlugin',
    name: 'd',
    endpoint: '/run/d.sock',
    supportedVersions: ['1.0.0', 'v1.9'],
  };

  test('every registration is a driver of a version, or refused with a reason', () =>
    checkReader({
      name: 'judgePlugin',
      inputs: mapped(
        mutatedTrees([registration], { kinds: 'typed', keep: (path) => path.length === 0 }),
        onlyTexts,
      ),
      read: (said) => {
        const judged = judgePlugin({ ...registration, ...said }, '/reg.sock', undefined);
        if ('refused' in judged) {
          assertTexts([judged.refused]);
          return;
        }
        assertTexts([judged.name, judged.endpoint]);
        assert.equal(judged.version.length, 3);
        for (const part of judged.version) assert.ok(Number.isInteger(part) && part >= 0);
      },
      share: 500,
    }));
});

/** Everything in a value that is neither a list nor an object, but for flags. */
function leavesOf(value: unknown): readonly unknown[] {
  if (typeof value === 'boolean' || value === undefined) return [];
  if (typeof value !== 'object' || value === null) return [value];
  return Object.values(value).flatMap(leavesOf);
}

/** Fields as protobuf gives them: text, and lists of text. */
function onlyTexts(value: unknown): object {
  const isText = (item: unknown): boolean => typeof item === 'string';
  const entries = Object.entries(value as object).filter(([name, item]) =>
    name === 'supportedVersions' ? Array.isArray(item) && item.every(isText) : isText(item),
  );
  return Object.fromEntries(entries);
}
