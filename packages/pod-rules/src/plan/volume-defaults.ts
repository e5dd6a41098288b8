import { asWritten, type Volume } from '@nodeagent/kube-client';

import { defaultPullPolicy } from './image-reference.js';

const FILE_MODE = 0o644;
const HOUR_SECONDS = 3600;

/**
 * Fills in the defaults of a volume. A volume without a source becomes an emptyDir.
 *
 * @see Kubernetes 1.36 pkg/apis/core/v1/defaults.go, zz_generated.defaults.go
 */
export function defaultVolume(volume: Volume): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  if (volume.secret !== undefined) volume.secret.defaultMode ??= FILE_MODE;
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= FILE_MODE;
  if (volume.hostPath !== undefined) volume.hostPath.type ??= '';
  if (volume.image !== undefined) {
    volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  }
  if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= FILE_MODE;
    defaultDownward(volume.downwardAPI.items);
  }
  if (volume.projected !== undefined) defaultProjected(volume.projected);
  const claim = volume.ephemeral?.volumeClaimTemplate;
  if (claim !== undefined)
    claim.spec = { ...claim.spec, volumeMode: asWritten(claim).spec?.volumeMode ?? 'Filesystem' };
  defaultNetworkVolume(volume);
}

function defaultProjected(projected: NonNullable<Volume['projected']>): void {
  projected.defaultMode ??= FILE_MODE;
  for (const { downwardAPI, serviceAccountToken } of projected.sources ?? []) {
    defaultDownward(downwardAPI?.items);
    if (serviceAccountToken !== undefined) serviceAccountToken.expirationSeconds ??= HOUR_SECONDS;
  }
}

function defaultDownward(
  items: readonly { fieldRef?: { apiVersion?: string } }[] | undefined = [],
): void {
  for (const { fieldRef } of items) if (fieldRef !== undefined) fieldRef.apiVersion ||= 'v1';
}

/**
 * Kinds whose drivers were removed, or are out of tree; their defaults are still part of the API.
 */
function defaultNetworkVolume({ iscsi, rbd, azureDisk, scaleIO }: Volume): void {
  if (iscsi !== undefined) iscsi.iscsiInterface ||= 'default';
  if (rbd !== undefined) {
    rbd.pool ||= 'rbd';
    rbd.user ||= 'admin';
    rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (azureDisk !== undefined) {
    azureDisk.cachingMode ??= 'ReadWrite';
    azureDisk.fsType ??= 'ext4';
    azureDisk.readOnly ??= false;
    azureDisk.kind ??= 'Shared';
  }
  if (scaleIO !== undefined) {
    scaleIO.storageMode ||= 'ThinProvisioned';
    scaleIO.fsType ||= 'xfs';
  }
}
