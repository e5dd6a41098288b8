import type { Container, Pod, Volume } from '@nodeagent/kube-client';

import { allContainers } from '../../pod/index.js';

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

/**
 * The reference to an API object in a static pod's manifest, worded for the message that refuses
 * it; undefined if the pod can run without an API server.
 *
 * @see Kubernetes 1.36 pkg/api/pod/util.go, HasAPIObjectReference
 */
export function apiReferenceOf(pod: Pod): string | undefined {
  const { spec } = pod;
  if ((spec?.serviceAccountName ?? '') !== '') return 'serviceaccounts';
  const containers = allContainers(pod).map((roled) => roled.spec);
  const volumes = spec?.volumes ?? [];
  if (namesSecret(pod, containers, volumes)) return 'secrets';
  if (namesConfigMap(containers, volumes)) return 'configmaps';
  if ((spec?.resourceClaims ?? []).length > 0) return 'resourceclaims';
  for (const volume of volumes) {
    const found = volumeReference(volume);
    if (found !== undefined) return found;
  }
  return undefined;
}

function namesSecret(
  { spec }: Pod,
  containers: readonly Container[],
  volumes: readonly Volume[],
): boolean {
  return (
    (spec?.imagePullSecrets ?? []).length > 0 ||
    containers.some(
      ({ env = [], envFrom = [] }) =>
        envFrom.some(({ secretRef }) => secretRef !== undefined) ||
        env.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined),
    ) ||
    volumes.some(
      (volume) =>
        volume.secret !== undefined ||
        driverSecret(volume) ||
        projections(volume).some(({ secret }) => secret !== undefined),
    )
  );
}

/** A volume of an in-tree driver or flexVolume that refers to a secret. */
function driverSecret(volume: Volume): boolean {
  const { azureFile, cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos, csi } = volume;
  return (
    azureFile?.secretName !== undefined ||
    csi?.nodePublishSecretRef !== undefined ||
    [cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos].some(
      (driver) => driver?.secretRef !== undefined,
    )
  );
}

function namesConfigMap(containers: readonly Container[], volumes: readonly Volume[]): boolean {
  return (
    containers.some(
      ({ env = [], envFrom = [] }) =>
        envFrom.some(({ configMapRef }) => configMapRef !== undefined) ||
        env.some(({ valueFrom }) => valueFrom?.configMapKeyRef !== undefined),
    ) ||
    volumes.some(
      (volume) =>
        volume.configMap !== undefined ||
        projections(volume).some(({ configMap }) => configMap !== undefined),
    )
  );
}

function volumeReference(volume: Volume): string | undefined {
  if (volume.csi !== undefined) return 'csidrivers (via CSI volumes)';
  if (volume.glusterfs !== undefined) return 'endpoints (via glusterFS volumes)';
  if (volume.persistentVolumeClaim !== undefined) return 'persistentvolumeclaims';
  if (volume.ephemeral !== undefined) return 'persistentvolumeclaims (via ephemeral volumes)';
  for (const source of projections(volume)) {
    if (source.serviceAccountToken !== undefined) {
      return 'serviceaccounts (via projected volumes)';
    }
    if (source.clusterTrustBundle !== undefined) return 'clustertrustbundles';
    if ('podCertificate' in source) return 'podcertificates';
  }
  return undefined;
}

function projections(volume: Volume): readonly Projection[] {
  return volume.projected?.sources ?? [];
}
