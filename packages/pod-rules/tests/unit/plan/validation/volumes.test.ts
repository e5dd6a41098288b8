import { describe, expect, it } from 'vitest';

import { faults, faultsInside, type Parts } from './pods.js';

const inVolume = (source: Parts): readonly string[] =>
  faults({ volumes: [{ name: 'v', ...source }], serviceAccountName: 'a' }).map((fault) =>
    fault.replace(/^spec\.volumes\[0\]\.?/, ''),
  );

describe('a volume', () => {
  it.each<[string, Parts, ...string[]]>([
    ['of the host', { hostPath: { path: '/v', type: 'Directory' } }],
    [
      'of two kinds',
      { emptyDir: {}, hostPath: { path: '/v' } },
      'hostPath: Forbidden: may not specify more than 1 volume type',
    ],
    [
      'of less than nothing',
      { emptyDir: { sizeLimit: '-1' } },
      'emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
    ],
    ['of nowhere', { hostPath: {} }, 'hostPath.path: Required value'],
    [
      'above what it names, of an unknown type',
      { hostPath: { path: '/a/../b', type: 'Dir' } },
      'hostPath.path: Invalid value: "/a/../b": must not contain \'..\'',
      'hostPath.type: Unsupported value: "Dir": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
    [
      'of no image',
      { image: { pullPolicy: 'Perhaps' } },
      'image.reference: Required value',
      'image.pullPolicy: Unsupported value: "Perhaps": supported values: "Always", "IfNotPresent", "Never"',
    ],
    [
      'of another machine, at no full path',
      { nfs: { path: 'a' } },
      'nfs.server: Required value',
      'nfs.path: Invalid value: "a": must be an absolute path',
    ],
    [
      'of a secret without a name, with modes that are none and files elsewhere',
      {
        secret: {
          defaultMode: 0o1000,
          items: [
            { key: '', path: '/a' },
            { key: 'k', path: '..a', mode: -1 },
          ],
        },
      },
      'secret.secretName: Required value',
      'secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
      'secret.items[0].key: Required value',
      'secret.items[0].path: Invalid value: "/a": must be a relative path',
      'secret.items[1].path: Invalid value: "..a": must not start with \'..\'',
      'secret.items[1].mode: Invalid value: -1: must be a number between 0 and 0777 (octal), both inclusive',
    ],
    [
      'of fields: none, both kinds, or one that is told to no file',
      {
        downwardAPI: {
          items: [
            { path: 'a' },
            { path: 'b', fieldRef: { fieldPath: 'status.podIP' } },
            { path: 'c', resourceFieldRef: { resource: 'limits.cpu' } },
          ],
        },
      },
      'downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
      'downwardAPI.fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"',
      'downwardAPI.resourceFieldRef.containerName: Required value',
    ],
    [
      'of no claim',
      { persistentVolumeClaim: {} },
      'persistentVolumeClaim.claimName: Required value',
    ],
    [
      'of a driver that cannot be one',
      { csi: { driver: '_x' } },
      'csi.driver: Invalid value: "_x": must be a domain name: alphanumeric characters, dots and hyphens',
    ],
    [
      'made for the pod, as nothing says',
      { ephemeral: {} },
      'ephemeral.volumeClaimTemplate: Required value',
    ],
  ])('%s', (_, source, ...expected) => {
    expect(inVolume(source)).toEqual(expected);
  });

  it.each<[string, readonly Parts[], ...string[]]>([
    [
      'the same file twice',
      [
        { secret: { name: 's', items: [{ key: 'k', path: 'f' }] } },
        { configMap: { name: 'c', items: [{ key: 'k', path: 'f' }] } },
      ],
      'projected: Invalid value: "c": conflicting duplicate paths',
    ],
    [
      'two at once',
      [{ secret: { name: 's' }, configMap: { name: 'c' } }],
      'projected.sources[0]: Forbidden: may not specify more than 1 volume type per source',
    ],
    [
      'tokens that live too shortly, or have no place',
      [{ serviceAccountToken: { expirationSeconds: 60 } }],
      'projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
      'projected.path: Required value',
    ],
    [
      'bundles of nobody, or of two',
      [
        { clusterTrustBundle: { path: 'a' } },
        { clusterTrustBundle: { name: 'n', signerName: 's', path: 'b' } },
      ],
      'projected.sources[0].clusterTrustBundle: Required value: either name or signerName must be specified',
      'projected.sources[1].clusterTrustBundle: Invalid value: {"name":"n","signerName":"s","path":"b"}: only one of name and signerName may be used',
    ],
    [
      'certificates of too short a life, an unknown key, and without a file',
      [{ podCertificate: { signerName: 'a/b', keyType: 'RSA1024', maxExpirationSeconds: 60 } }],
      'projected.sources[0].podCertificate.keyType: Unsupported value: "RSA1024": supported values: "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096"',
      'projected.sources[0].podCertificate.maxExpirationSeconds: Invalid value: 60: if provided, maxExpirationSeconds must be >= 3600',
      'projected.sources[0].podCertificate: Required value: specify at least one of credentialBundlePath, keyPath, and certificateChainPath',
    ],
    [
      'certificates of the cluster that live too long',
      [
        {
          podCertificate: {
            signerName: 'kubernetes.io/x',
            keyType: 'ED25519',
            keyPath: 'k',
            maxExpirationSeconds: 86_401,
          },
        },
      ],
      'projected.sources[0].podCertificate.maxExpirationSeconds: Invalid value: 86401: if provided, maxExpirationSeconds must be <= 86400',
    ],
  ])('of several sources: %s', (_, sources, ...expected) => {
    expect(inVolume({ projected: { sources } })).toEqual(expected);
  });

  it('has a name of its own', () => {
    const volumes = [{ name: 'v', emptyDir: {} }, { name: 'v', emptyDir: {} }, { emptyDir: {} }];
    expect(faults({ volumes })).toEqual([
      'spec.volumes[1].name: Duplicate value: "v"',
      'spec.volumes[2].name: Required value',
    ]);
  });
});

describe('a mount', () => {
  const volumes = [
    { name: 'v', emptyDir: {} },
    { name: 'c', persistentVolumeClaim: { claimName: 'c' } },
  ];
  const mounted = (mount: Parts, container: Parts = {}): readonly string[] =>
    faultsInside(
      { volumeMounts: [{ name: 'v', mountPath: '/v', ...mount }], ...container },
      { volumes },
    );

  it.each<[string, Parts, ...string[]]>([
    ['of a part', { subPath: 'a/b' }],
    ['of a volume that is not there', { name: 'x' }, 'volumeMounts[0].name: Not found: "x"'],
    ['at no place', { mountPath: '' }, 'volumeMounts[0].mountPath: Required value'],
    [
      'of parts elsewhere',
      { subPath: '../a', subPathExpr: '/b' },
      'volumeMounts.subPath: Invalid value: "../a": must not contain \'..\'',
      'volumeMounts[0].subPathExpr: Invalid value: "/b": subPathExpr and subPath are mutually exclusive',
      'volumeMounts.subPathExpr: Invalid value: "/b": must be a relative path',
    ],
    [
      'that reaches the host, without privileges',
      { mountPropagation: 'Bidirectional' },
      'volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
    ],
    [
      'read-only all the way, but written to and passed on',
      { recursiveReadOnly: 'Enabled', mountPropagation: 'HostToContainer' },
      'volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true',
      'volumeMounts.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified',
    ],
    [
      'of unknown ways',
      { recursiveReadOnly: 'Yes', mountPropagation: 'Both' },
      'volumeMounts.mountPropagation: Unsupported value: "Both": supported values: "Bidirectional", "HostToContainer", "None"',
      'volumeMounts.recursiveReadOnly: Unsupported value: "Yes": supported values: "Disabled", "Enabled", "IfPossible"',
    ],
  ])('%s', (_, mount, ...expected) => {
    expect(mounted(mount)).toEqual(expected);
  });

  it('has a place of its own', () => {
    const volumeMounts = [
      { name: 'v', mountPath: '/v' },
      { name: 'v', mountPath: '/v' },
    ];
    expect(faultsInside({ volumeMounts }, { volumes })).toEqual([
      'volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
    ]);
  });

  it('is not a device at the same time', () => {
    const volumeDevices = [
      { name: 'v', devicePath: '/dev/v' },
      { name: 'c', devicePath: '/dev/../v' },
    ];
    expect(mounted({}, { volumeDevices })).toEqual([
      'volumeMounts[0].name: Invalid value: "v": must not already exist in volumeDevices',
      'volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      'volumeDevices[0].name: Invalid value: "v": must not already exist in volumeMounts',
      'volumeDevices[1].devicePath: Invalid value: "/dev/../v": can not contain backsteps (\'..\')',
    ]);
    const device = { volumeDevices: [{ name: 'c', devicePath: '/dev/c' }] };
    expect(faultsInside(device, { volumes, hostUsers: false })).toEqual([
      'volumeDevices: Forbidden: when `hostUsers` is false',
    ]);
  });
});
