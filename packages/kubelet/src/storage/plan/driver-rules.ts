import type { NodeCapability } from '@nodeagent/csi';
import type { CsiDriver, Node, Pod } from '@nodeagent/kube-client';

import { VolumeError } from '../../volumes/index.js';
import type { CsiVolume, DriverRules } from '../model/csi-volume.js';

const POLICIES = ['ReadWriteOnceWithFSType', 'File', 'None'] as const;

/**
 * Lifetime of a token if the driver sets none.
 *
 * @see Kubernetes 1.36 pkg/apis/authentication/v1/defaults.go
 */
const TOKEN_SECONDS = 3600;

/**
 * The rules for the volumes of a driver.
 *
 * @param object undefined if the cluster has none
 */
export function driverRules(object: CsiDriver | undefined): DriverRules {
  const spec = object?.spec;
  const period = spec?.nodeAllocatableUpdatePeriodSeconds;
  return {
    declared: object !== undefined,
    attachRequired: spec?.attachRequired ?? true,
    podInfoOnMount: spec?.podInfoOnMount ?? false,
    requiresRepublish: spec?.requiresRepublish ?? false,
    fsGroupPolicy:
      POLICIES.find((policy) => policy === spec?.fsGroupPolicy) ?? 'ReadWriteOnceWithFSType',
    lifecycles: spec?.volumeLifecycleModes ?? ['Persistent'],
    tokenRequests: (spec?.tokenRequests ?? []).map(({ audience, expirationSeconds }) => ({
      audience,
      expirationSeconds: expirationSeconds ?? TOKEN_SECONDS,
    })),
    tokensInSecrets: spec?.serviceAccountTokenInSecrets ?? false,
    seLinuxMount: spec?.seLinuxMount ?? false,
    limitsPeriodMs: period === undefined ? undefined : period * 1000,
  };
}

/**
 * @throws {VolumeError} `VOLUME_SOURCE` if the driver does not support this lifecycle mode
 * @see Kubernetes 1.36 pkg/volume/csi/csi_plugin.go, supportsVolumeLifecycleMode
 */
export function assertLifecycle({ driver, lifecycle }: CsiVolume, rules: DriverRules): void {
  if (rules.lifecycles.includes(lifecycle)) return;
  const only = rules.declared
    ? `(only supports ${JSON.stringify(rules.lifecycles.join(' '))})`
    : '(no CSIDriver object)';
  const text = `volume mode "${lifecycle}" not supported by driver ${driver} ${only}`;
  throw new VolumeError('VOLUME_SOURCE', text);
}

/** True for a volume that must be attached to the node before it can be mounted. */
export function needsAttachment({ lifecycle }: CsiVolume, rules: DriverRules): boolean {
  return rules.attachRequired && lifecycle === 'Persistent';
}

/** @param volume its unique name */
export function isAttachedTo(node: Node | undefined, volume: string): boolean {
  return node?.status?.volumesAttached?.some(({ name }) => name === volume) === true;
}

export function notAttached(): VolumeError {
  return new VolumeError('VOLUME_PENDING', 'Volume not attached according to node status');
}

/**
 * The volume context of a publication: the volume's own attributes and, if requested, facts about
 * the pod.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_util.go, getPodInfoAttrs
 */
export function volumeContext(
  volume: CsiVolume,
  rules: DriverRules,
  pod: Pod,
): Readonly<Record<string, string>> {
  if (!rules.podInfoOnMount) return volume.attributes;
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  return {
    ...volume.attributes,
    'csi.storage.k8s.io/pod.name': name,
    'csi.storage.k8s.io/pod.namespace': namespace,
    'csi.storage.k8s.io/pod.uid': uid,
    'csi.storage.k8s.io/serviceAccount.name': pod.spec?.serviceAccountName ?? '',
    'csi.storage.k8s.io/ephemeral': String(volume.lifecycle === 'Ephemeral'),
  };
}

/** The attribute, or the secret, that contains tokens. */
export const TOKENS_KEY = 'csi.storage.k8s.io/serviceAccount.tokens';

/**
 * The kubelet changes the files' group to the pod's fsGroup.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_mounter.go, supportsFSGroup
 */
export function changesGroup(
  { accessModes, fsType, readOnly }: CsiVolume,
  { fsGroupPolicy }: DriverRules,
  capabilities: ReadonlySet<NodeCapability>,
): boolean {
  if (readOnly || capabilities.has('volume-mount-group')) return false;
  if (fsGroupPolicy !== 'ReadWriteOnceWithFSType') return fsGroupPolicy === 'File';
  const isOneNode = accessModes.some(
    (mode) => mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod',
  );
  return fsType !== '' && isOneNode;
}
