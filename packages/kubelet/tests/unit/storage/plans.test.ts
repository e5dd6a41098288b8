import { toPathSegment } from '@nodeagent/base';
import type { NodeCapability, PluginRegistration } from '@nodeagent/csi';
import type { Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { toPodUid } from '../../../src/pod/index.js';
import { decodeVolData, encodeVolData } from '../../../src/storage/codec/vol-data.js';
import {
  attachmentName,
  inlineHandle,
  publishDir,
  stagingDir,
  stagingPath,
} from '../../../src/storage/model/csi-paths.js';
import type { CsiVolume } from '../../../src/storage/model/csi-volume.js';
import { boundVolume } from '../../../src/storage/plan/backing-volume.js';
import { volumeCapability } from '../../../src/storage/plan/capability.js';
import { changesGroup, driverRules } from '../../../src/storage/plan/driver-rules.js';
import { judgePlugin } from '../../../src/storage/plan/plugin-info.js';

const volume = (more: Partial<CsiVolume> = {}): CsiVolume => ({
  kind: 'csi',
  driver: 'd',
  volumeHandle: 'h',
  specName: toPathSegment('pv', 'name'),
  lifecycle: 'Persistent',
  mode: 'Filesystem',
  migrated: false,
  fsType: 'ext4',
  readOnly: false,
  attributes: {},
  accessModes: ['ReadWriteOnce'],
  mountOptions: [],
  stageSecret: undefined,
  publishSecret: undefined,
  expandSecret: undefined,
  ...more,
});

// as other kubelets name them, so that a node can change hands
describe('paths and names', () => {
  const handle = 'vol-0a1b2c3d4e5f';
  it('of the staging directory', () => {
    const dir = stagingDir('/var/lib/kubelet', 'ebs.csi.aws.com', handle);
    expect(stagingPath(dir)).toBe(
      '/var/lib/kubelet/plugins/kubernetes.io/csi/ebs.csi.aws.com/' +
        'b373c040434847b2fb42a219b8a64b3ab712f8066a18363af10f5882e0357ff0/globalmount',
    );
  });
  it('of the VolumeAttachment', () => {
    expect(attachmentName(handle, 'ebs.csi.aws.com', 'node-1')).toBe(
      'csi-f71966b7ae6042101e68fc131288638c97b4c9f6d83d040fbbe55507315efc2f',
    );
  });
  it('of a volume that a pod declares', () => {
    expect(inlineHandle('7c5b3a52-6d0a-4f0e-9a53-0f6d1f2a9b10', 'data')).toBe(
      'csi-195ab872b0948b923e0eeac5a12d868df7d941e7e9db47bf0070fa428883476e',
    );
  });
  it('of the directory of a pod', () => {
    expect(publishDir('/r', toPodUid('u'), toPathSegment('pv', 'name'))).toBe(
      '/r/pods/u/volumes/kubernetes.io~csi/pv',
    );
  });
  it('cannot lead out of the root directory', () => {
    expect(() => stagingDir('/r', '../x', 'h')).toThrow('CSI driver name');
  });
});

describe('vol_data.json', () => {
  it('has sorted keys, escapes and one line, as Go writes it', () => {
    const text = encodeVolData({ volumeHandle: 'a<b>&c', driverName: 'd' });
    expect(text).toBe('{"driverName":"d","volumeHandle":"a\\u003cb\\u003e\\u0026c"}\n');
    expect(decodeVolData(text)).toEqual({ driverName: 'd', volumeHandle: 'a<b>&c' });
  });
  it('names the label of the mount', () => {
    const label = 'u:object_r:t:s0:c1,c2';
    const ofMount = { driverName: 'd', volumeHandle: 'h', specVolID: 'pv' };
    const ofPod = { volumeLifecycleMode: 'Persistent', nodeName: 'n', attachmentID: 'a' };
    const data = { ...ofMount, ...ofPod, seLinuxMountContext: label };
    expect(encodeVolData(data)).toBe(
      `{"attachmentID":"a","driverName":"d","nodeName":"n","seLinuxMountContext":"${label}","specVolID":"pv","volumeHandle":"h","volumeLifecycleMode":"Persistent"}\n`,
    );
  });
  it.each([
    '',
    '{',
    '[]',
    'null',
    '7',
    '{"driverName":"d"}',
    '{"driverName":1,"volumeHandle":"h"}',
  ])('is not understood: %s', (text) => {
    expect(decodeVolData(text)).toBeUndefined();
  });
});

describe(judgePlugin, () => {
  const info = (more: Partial<PluginRegistration> = {}): PluginRegistration => ({
    type: 'CSIPlugin',
    name: 'd',
    endpoint: '/e',
    supportedVersions: ['1.0.0'],
    ...more,
  });
  it.each([
    ['a driver', info(), undefined, { name: 'd', endpoint: '/e', version: [1, 0, 0] }],
    ['one socket for both', info({ endpoint: '' }), undefined, { endpoint: '/s' }],
    [
      'the highest version',
      info({ supportedVersions: ['0.3.0', 'v1.2', '2.0.0'] }),
      undefined,
      { version: [1, 2, 0] },
    ],
    ['a higher version', info({ supportedVersions: ['1.1.0'] }), [1, 0, 0], { version: [1, 1, 0] }],
  ] as const)('takes %s', (_, said, registered, want) => {
    expect(judgePlugin(said, '/s', registered)).toMatchObject(want);
  });
  it.each([
    [
      'another type',
      info({ type: 'DevicePlugin' }),
      undefined,
      'no handler registered for plugin type: DevicePlugin at socket /s',
    ],
    ['no name', info({ name: '' }), undefined, 'driver name is empty'],
    ['no version', info({ supportedVersions: [] }), undefined, 'unsupported versions'],
    [
      'only newer versions',
      info({ supportedVersions: ['2.0.0'] }),
      undefined,
      'unsupported versions: 2.0.0',
    ],
    [
      'text for a version',
      info({ supportedVersions: ['one'] }),
      undefined,
      'unreadable versions one',
    ],
    [
      'a second driver of the name',
      info(),
      [1, 0, 0],
      'already registered with a higher supported version: "1.0.0"',
    ],
  ] as const)('refuses %s', (_, said, registered, why) => {
    const judged = judgePlugin(said, '/s', registered);
    expect('refused' in judged && judged.refused).toContain(why);
  });
});

describe(volumeCapability, () => {
  it.each([
    [[], [], 'single-node-writer'],
    [['ReadWriteOnce'], [], 'single-node-writer'],
    [['ReadWriteOnce'], ['single-node-multi-writer'], 'single-node-multi-writer'],
    [['ReadWriteOncePod'], [], 'single-node-writer'],
    [['ReadWriteOncePod'], ['single-node-multi-writer'], 'single-node-single-writer'],
    [['ReadOnlyMany', 'ReadWriteOnce'], [], 'multi-node-reader-only'],
    [['ReadWriteMany'], [], 'multi-node-multi-writer'],
  ] as const)('%j with %j is %s', (accessModes, capabilities, mode) => {
    const known = new Set<NodeCapability>(capabilities);
    expect(volumeCapability(volume({ accessModes }), known, undefined).accessMode?.mode).toBe(mode);
  });
  it('gives the group to a driver that can use it', () => {
    const groupOf = (...capabilities: readonly NodeCapability[]) =>
      volumeCapability(volume(), new Set(capabilities), 7).access;
    expect(groupOf()).toMatchObject({ value: { volumeMountGroup: '' } });
    expect(groupOf('volume-mount-group')).toMatchObject({ value: { volumeMountGroup: '7' } });
  });
});

describe(changesGroup, () => {
  it.each([
    ['File', {}, [], true],
    ['None', {}, [], false],
    ['File', { readOnly: true }, [], false],
    ['File', {}, ['volume-mount-group'], false],
    [undefined, {}, [], true],
    [undefined, { fsType: '' }, [], false],
    [undefined, { accessModes: ['ReadWriteMany'] }, [], false],
  ] as const)('by policy %s, %j, %j: %s', (fsGroupPolicy, more, capabilities, want) => {
    const spec = fsGroupPolicy === undefined ? {} : { fsGroupPolicy };
    const rules = driverRules({ metadata: { name: 'd' }, spec });
    expect(changesGroup(volume(more), rules, new Set<NodeCapability>(capabilities))).toBe(want);
  });
});

describe(driverRules, () => {
  it('has the defaults of a driver without an object', () => {
    expect(driverRules(undefined)).toMatchObject({ attachRequired: true, declared: false });
  });
  it('asks for tokens that live an hour where the driver does not say', () => {
    const spec = { tokenRequests: [{ audience: 'a' }, { audience: '', expirationSeconds: 600 }] };
    const rules = driverRules({ metadata: { name: 'd' }, spec });
    expect(rules.tokenRequests).toEqual([
      { audience: 'a', expirationSeconds: 3600 },
      { audience: '', expirationSeconds: 600 },
    ]);
    expect(rules.tokensInSecrets).toBe(false);
  });
});

describe(boundVolume, () => {
  const pod: Pod = { metadata: { name: 'p', namespace: 'ns', uid: 'u' } };
  const ephemeral = { name: 'v', ephemeral: {} };
  const bound = { spec: { volumeName: 'pv' }, status: { phase: 'Bound' } };
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u', controller: true };
  it("is a generic ephemeral volume's only when the pod owns the claim", () => {
    const metadata = { name: 'p-v', namespace: 'ns' };
    const owned = { ...bound, metadata: { ...metadata, ownerReferences: [owner] } };
    expect(boundVolume(pod, ephemeral, owned)).toBe('pv');
    expect(() => boundVolume(pod, ephemeral, { ...bound, metadata })).toThrow(
      'PVC ns/p-v was not created for pod ns/p (pod is not owner)',
    );
  });
});
