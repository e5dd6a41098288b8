import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '@nodeagent/kube-client';

export function aVolume(
  name: string,
  more: Partial<PersistentVolume['spec']> = {},
): PersistentVolume {
  return {
    metadata: { name, uid: `uid-${name}`, resourceVersion: '1' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      volumeMode: 'Filesystem',
      csi: { driver: 'd.example.com', volumeHandle: `handle-${name}` },
      ...more,
    },
    status: { phase: 'Available' },
  };
}

export function aClaim(
  name: string,
  more: Partial<PersistentVolumeClaim['spec']> = {},
): PersistentVolumeClaim {
  return {
    metadata: { namespace: 'a', name, uid: `uid-${name}`, resourceVersion: '1' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      storageClassName: '',
      ...more,
    },
    status: { phase: 'Pending' },
  };
}

export function aClass(name: string, more: Partial<StorageClass> = {}): StorageClass {
  return { metadata: { name }, provisioner: 'd.example.com', ...more };
}

export function user(name: string, claimName: string, spec: object = {}): Pod {
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName } }];
  return { metadata: { namespace: 'a', name }, spec: { containers: [], volumes, ...spec } };
}
