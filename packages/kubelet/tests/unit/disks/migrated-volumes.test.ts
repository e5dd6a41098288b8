import type { PersistentVolume } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import { migratedInline, migratedVolume } from '../../../src/disks/plan/migrated-volumes.js';

function pv(spec: object, metadata: object = {}): PersistentVolume {
  return {
    metadata: { name: 'pv-1', ...metadata },
    spec: { claimRef: { namespace: 'ns', name: 'c' }, ...spec },
  };
}

const zone = { labels: { 'topology.kubernetes.io/zone': 'eu-1a' } };

const cases: readonly (readonly [name: string, found: PersistentVolume, csi: object])[] = [
  [
    'awsElasticBlockStore',
    pv({ awsElasticBlockStore: { volumeID: 'aws://eu-1a/vol-1', fsType: 'ext4', partition: 1 } }),
    {
      driver: 'ebs.csi.aws.com',
      volumeHandle: 'vol-1',
      fsType: 'ext4',
      volumeAttributes: { partition: '1' },
    },
  ],
  [
    'gcePersistentDisk of one zone',
    pv({ gcePersistentDisk: { pdName: 'disk' } }, zone),
    {
      driver: 'pd.csi.storage.gke.io',
      volumeHandle: 'projects/UNSPECIFIED/zones/eu-1a/disks/disk',
      volumeAttributes: { partition: '' },
    },
  ],
  [
    'gcePersistentDisk of several zones',
    pv(
      { gcePersistentDisk: { pdName: 'disk' } },
      { labels: { 'failure-domain.beta.kubernetes.io/zone': 'eu-1-a__eu-1-b' } },
    ),
    { volumeHandle: 'projects/UNSPECIFIED/regions/eu-1/disks/disk' },
  ],
  [
    'azureDisk',
    pv({
      azureDisk: {
        diskName: 'd',
        diskURI: '/s/d',
        kind: 'Managed',
        cachingMode: 'None',
        fsType: 'xfs',
      },
    }),
    {
      driver: 'disk.csi.azure.com',
      volumeHandle: '/s/d',
      fsType: 'xfs',
      volumeAttributes: { kind: 'Managed', cachingmode: 'None', fstype: 'xfs' },
    },
  ],
  [
    'azureFile',
    pv(
      { azureFile: { secretName: 'azure-storage-account-acc-secret', shareName: 'share' } },
      { annotations: { 'kubernetes.io/azure-file-resource-group': 'rg' } },
    ),
    {
      driver: 'file.csi.azure.com',
      volumeHandle: 'rg#acc#share#pv-1#ns',
      volumeAttributes: { sharename: 'share' },
      nodeStageSecretRef: { name: 'azure-storage-account-acc-secret', namespace: 'ns' },
    },
  ],
  [
    'cinder',
    pv({ cinder: { volumeID: 'v', readOnly: true } }),
    { driver: 'cinder.csi.openstack.org', volumeHandle: 'v', readOnly: true },
  ],
  [
    'vsphereVolume',
    pv({ vsphereVolume: { volumePath: '[ds] v', storagePolicyName: 'gold' } }),
    {
      driver: 'csi.vsphere.vmware.com',
      volumeHandle: '[ds] v',
      fsType: '',
      volumeAttributes: { storagepolicyname: 'gold' },
    },
  ],
  [
    'portworxVolume',
    pv(
      { portworxVolume: { volumeID: 'v' } },
      {
        annotations: {
          'openstorage.io/auth-secret-name': 's',
          'openstorage.io/auth-secret-namespace': 'n',
        },
      },
    ),
    {
      driver: 'pxd.portworx.com',
      volumeHandle: 'v',
      nodePublishSecretRef: { name: 's', namespace: 'n' },
    },
  ],
];

describe(migratedVolume, () => {
  it.each(cases)('reads %s as its driver does', (_, found, csi) => {
    expect(migratedVolume(found)?.spec?.csi).toMatchObject(csi);
  });

  it('leaves other kinds alone', () => {
    expect(migratedVolume(pv({ nfs: { server: 's', path: '/' } }))).toBeUndefined();
  });

  it('knows zones by the driver’s own key', () => {
    const spec = { awsElasticBlockStore: { volumeID: 'v' } };
    expect(migratedVolume(pv(spec, zone))?.spec?.nodeAffinity?.required?.nodeSelectorTerms).toEqual(
      [
        {
          matchExpressions: [
            { key: 'topology.ebs.csi.aws.com/zone', operator: 'In', values: ['eu-1a'] },
          ],
        },
      ],
    );
  });

  it('narrows access modes that the driver does not take', () => {
    const spec = {
      gcePersistentDisk: { pdName: 'd' },
      accessModes: ['ReadWriteMany', 'ReadOnlyMany'],
    };
    expect(migratedVolume(pv(spec))?.spec?.accessModes).toEqual(['ReadWriteOnce']);
  });

  it('refuses what its driver does not have', () => {
    expect(() => migratedVolume(pv({ azureDisk: { diskURI: 'd', kind: 'Dedicated' } }))).toThrow(
      'failed to translate in-tree pv to CSI: kind(Dedicated) is not supported in csi migration',
    );
  });
});

describe(migratedInline, () => {
  it.each([
    [{ awsElasticBlockStore: { volumeID: 'vol-1' } }, 'ebs.csi.aws.com-vol-1', 'ReadWriteOnce'],
    [
      { gcePersistentDisk: { pdName: 'd', readOnly: true } },
      'pd.csi.storage.gke.io-d',
      'ReadOnlyMany',
    ],
    [{ azureFile: { secretName: 's', shareName: 'share' } }, '#s#share#data#ns', 'ReadWriteMany'],
  ])('makes a PersistentVolume of %j', (source, name, mode) => {
    const found = migratedInline({ name: 'data', ...source }, 'ns');
    expect(found?.metadata?.name).toBe(name);
    expect(found?.spec?.accessModes).toEqual([mode]);
  });
});
