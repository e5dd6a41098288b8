import type { Volume } from '@nodeagent/csi';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '@nodeagent/kube-client';

import {
  DELETION_SECRET_NAME,
  DELETION_SECRET_NAMESPACE,
  PROVISIONED_BY,
  PROVISIONER_FINALIZER,
} from '../model/names.js';
import { bytesOf, quantityOf } from './amounts.js';
import type { ClassParameters } from './class-parameters.js';
import { nodeAffinityOf } from './topology.js';

/** Returns the name of a claim's volume, for the driver and for the cluster. */
export function volumeNameOf({ metadata }: PersistentVolumeClaim): string {
  return `pvc-${metadata?.uid ?? ''}`;
}

interface Made {
  readonly driver: string;
  readonly volume: Volume;
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass;
  readonly parameters: ClassParameters;
}

/**
 * Returns the PersistentVolume for a volume that a driver has made for a claim.
 *
 * @see kubernetes-csi/external-provisioner pkg/controller, Provision
 */
export function persistentVolume(made: Made): PersistentVolume {
  const { driver, volume, claim, storageClass, parameters } = made;
  const { namespace, name, uid, resourceVersion } = claim.metadata ?? {};
  const { fsType, secrets } = parameters;
  const isBlock = claim.spec?.volumeMode === 'Block';
  const asked = bytesOf(claim.spec?.resources?.requests?.['storage']);
  const policy = storageClass.reclaimPolicy ?? 'Delete';
  const nodeAffinity = nodeAffinityOf(volume.accessibleTopology);
  const { mountOptions = [] } = storageClass;
  return {
    metadata: {
      name: volumeNameOf(claim),
      annotations: {
        [PROVISIONED_BY]: driver,
        ...(secrets.provisioner && {
          [DELETION_SECRET_NAME]: secrets.provisioner.name,
          [DELETION_SECRET_NAMESPACE]: secrets.provisioner.namespace,
        }),
      },
      ...(policy === 'Delete' && { finalizers: [PROVISIONER_FINALIZER] }),
    },
    spec: {
      accessModes: claim.spec?.accessModes ?? [],
      capacity: { storage: quantityOf(volume.capacityBytes || asked) },
      claimRef: {
        ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
        ...(namespace !== undefined && { namespace }),
        ...(name !== undefined && { name }),
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
      csi: {
        driver,
        volumeHandle: volume.volumeId,
        ...(!isBlock && fsType !== '' && { fsType }),
        ...(Object.keys(volume.volumeContext).length > 0 && {
          volumeAttributes: volume.volumeContext,
        }),
        ...refs(parameters),
      },
      ...(nodeAffinity && { nodeAffinity }),
      ...(!isBlock && mountOptions.length > 0 && { mountOptions }),
      persistentVolumeReclaimPolicy: policy,
      storageClassName: storageClass.metadata?.name ?? '',
      volumeMode: claim.spec?.volumeMode ?? 'Filesystem',
    },
  };
}

function refs({ secrets }: ClassParameters): object {
  return {
    ...(secrets['controller-publish'] && {
      controllerPublishSecretRef: secrets['controller-publish'],
    }),
    ...(secrets['node-stage'] && { nodeStageSecretRef: secrets['node-stage'] }),
    ...(secrets['node-publish'] && { nodePublishSecretRef: secrets['node-publish'] }),
    ...(secrets['controller-expand'] && {
      controllerExpandSecretRef: secrets['controller-expand'],
    }),
    ...(secrets['node-expand'] && { nodeExpandSecretRef: secrets['node-expand'] }),
  };
}
