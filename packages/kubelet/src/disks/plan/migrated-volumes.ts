import type { PersistentVolume, Volume } from '@nodeagent/kube-client';

import { VolumeError } from '../../volumes/index.js';

/**
 * Kinds of volume that were part of Kubernetes, and whose drivers took over: a source of such a kind is
 * read as a PersistentVolume of the driver.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/csi-translation-lib/plugins
 */
type VolumeSpec = NonNullable<PersistentVolume['spec']>;
type CsiSource = NonNullable<VolumeSpec['csi']>;
type Source = Readonly<Record<string, unknown>>;

/** A source with the object that contains it. */
interface Held {
  readonly source: Source;
  /** Undefined for a source that a pod declares inline. */
  readonly volume: PersistentVolume | undefined;
  /** The PersistentVolume's name, or the pod's own name of the volume. */
  readonly name: string;
  readonly namespace: string;
}

interface Translation {
  readonly csi: (held: Held) => CsiSource;
  /** The topology that replaces zones. */
  readonly zoneKey?: string;
  readonly accessModes?: (modes: readonly string[]) => readonly string[];
  readonly inline: (source: Source, csi: CsiSource) => Readonly<{ name: string; mode: string }>;
}

const text = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';
const shared = ({ source }: Held): Pick<CsiSource, 'fsType' | 'readOnly'> => ({
  ...(source['fsType'] !== undefined && { fsType: text(source['fsType']) }),
  ...(source['readOnly'] === true && { readOnly: true }),
});
const byHandle: Translation['inline'] = (_, { driver, volumeHandle }) => ({
  name: `${driver}-${volumeHandle}`,
  mode: 'ReadWriteOnce',
});

const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  awsElasticBlockStore: {
    csi: (held) => ({
      driver: 'ebs.csi.aws.com',
      volumeHandle: text(held.source['volumeID']).replace(/^aws:\/\/[^/]*\//, ''),
      volumeAttributes: { partition: text(held.source['partition'] ?? 0) },
      ...shared(held),
    }),
    zoneKey: 'topology.ebs.csi.aws.com/zone',
    inline: byHandle,
  },
  gcePersistentDisk: {
    csi: (held) => ({
      driver: 'pd.csi.storage.gke.io',
      volumeHandle: `projects/UNSPECIFIED/${gcePlace(held.volume)}/disks/${text(held.source['pdName'])}`,
      volumeAttributes: { partition: text(held.source['partition'] || '') },
      ...shared(held),
    }),
    zoneKey: 'topology.gke.io/zone',
    accessModes: gceModes,
    inline: ({ pdName, readOnly }, { driver }) => ({
      name: `${driver}-${text(pdName)}`,
      mode: readOnly === true ? 'ReadOnlyMany' : 'ReadWriteOnce',
    }),
  },
  azureDisk: {
    csi: (held) => azureDisk(held),
    inline: (_, { volumeHandle }) => ({ name: volumeHandle, mode: 'ReadWriteOnce' }),
  },
  azureFile: {
    csi: (held) => azureFile(held),
    inline: (_, { volumeHandle }) => ({ name: volumeHandle, mode: 'ReadWriteMany' }),
  },
  cinder: {
    csi: (held) => ({
      driver: 'cinder.csi.openstack.org',
      volumeHandle: text(held.source['volumeID']),
      ...shared(held),
    }),
    zoneKey: 'topology.cinder.csi.openstack.org/zone',
    inline: byHandle,
  },
  vsphereVolume: {
    csi: (held) => ({
      driver: 'csi.vsphere.vmware.com',
      volumeHandle: text(held.source['volumePath']),
      fsType: text(held.source['fsType']),
      ...(held.source['storagePolicyName'] !== undefined && {
        volumeAttributes: { storagepolicyname: text(held.source['storagePolicyName']) },
      }),
    }),
    zoneKey: 'topology.csi.vmware.com/zone',
    inline: byHandle,
  },
  portworxVolume: {
    csi: (held) => portworx(held),
    inline: ({ readOnly }, csi) => ({
      ...byHandle({}, csi),
      mode: readOnly === true ? 'ReadOnlyMany' : 'ReadWriteOnce',
    }),
  },
};

/**
 * A PersistentVolume in its driver's form.
 *
 * @returns undefined for an in-tree type that no driver has taken over
 * @throws {VolumeError} `VOLUME_SOURCE` if it cannot be translated
 */
export function migratedVolume(found: PersistentVolume): PersistentVolume | undefined {
  const spec: Readonly<Record<string, unknown>> = { ...found.spec };
  const kind = Object.keys(spec).find((key) => TRANSLATIONS[key] && spec[key] !== undefined);
  const translation = kind === undefined ? undefined : TRANSLATIONS[kind];
  if (kind === undefined || translation === undefined) return undefined;
  const name = found.metadata?.name ?? '';
  const source = spec[kind] as Source;
  const csi = tried(() =>
    translation.csi({
      source,
      volume: found,
      name,
      namespace: found.spec?.claimRef?.namespace ?? '',
    }),
  );
  const rest = Object.fromEntries(Object.entries(spec).filter(([key]) => key !== kind));
  const { accessModes = [] } = found.spec ?? {};
  const affinity = withZones(found, translation.zoneKey);
  return {
    ...found,
    spec: {
      ...rest,
      csi,
      accessModes: [...(translation.accessModes?.(accessModes) ?? accessModes)],
      ...(affinity !== undefined && { nodeAffinity: affinity }),
    },
  };
}

/** @returns undefined for a volume of a type that no driver has taken over */
export function migratedInline(volume: Volume, namespace: string): PersistentVolume | undefined {
  const fields: Readonly<Record<string, unknown>> = { ...volume };
  const kind = Object.keys(fields).find((key) => TRANSLATIONS[key] && fields[key] !== undefined);
  const translation = kind === undefined ? undefined : TRANSLATIONS[kind];
  if (kind === undefined || translation === undefined) return undefined;
  const source = fields[kind] as Source;
  const csi = tried(() =>
    translation.csi({
      source,
      volume: undefined,
      name: volume.name,
      namespace: namespace || 'default',
    }),
  );
  const { name, mode } = translation.inline(source, csi);
  return { metadata: { name }, spec: { csi, accessModes: [mode] } };
}

function tried(translate: () => CsiSource): CsiSource {
  try {
    return translate();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `failed to translate in-tree pv to CSI: ${why}`;
    throw new VolumeError('VOLUME_SOURCE', message, { cause });
  }
}

const ZONE_KEYS = ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone'];

type Affinity = VolumeSpec['nodeAffinity'];

/**
 * Zones from the affinity, or from the labels if the affinity has none, with the driver's own key.
 */
function withZones(
  { metadata = {}, spec = {} }: PersistentVolume,
  key: string | undefined,
): Affinity {
  const { nodeAffinity } = spec;
  if (key === undefined) return nodeAffinity;
  const terms = nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const expressions = terms.flatMap(({ matchExpressions = [] }) => matchExpressions);
  const zoneKey = ZONE_KEYS.find((one) => expressions.some((found) => found.key === one));
  if (zoneKey !== undefined) {
    const replaced = terms.map(({ matchExpressions = [], ...term }) => ({
      ...term,
      matchExpressions: matchExpressions.map((one) =>
        one.key === zoneKey ? { ...one, key } : one,
      ),
    }));
    return { required: { nodeSelectorTerms: replaced } };
  }
  const label = ZONE_KEYS.map((one) => metadata.labels?.[one]).find((one) => one !== undefined);
  const values = (label ?? '')
    .split('__')
    .filter((zone) => zone !== '')
    .sort();
  if (values.length === 0) return nodeAffinity;
  const zone = { key, operator: 'In', values };
  const before = terms.length > 0 ? terms : [{}];
  const extended = before.map(({ matchExpressions = [], ...term }) => ({
    ...term,
    matchExpressions: [...matchExpressions, zone],
  }));
  return { required: { nodeSelectorTerms: extended } };
}

function gcePlace(volume: PersistentVolume | undefined): string {
  const labels = volume?.metadata?.labels ?? {};
  const label = ZONE_KEYS.toReversed()
    .map((key) => labels[key])
    .find((zone) => zone !== undefined);
  const zones = (label ?? '').split('__').filter((zone) => zone !== '');
  if (zones.length < 2) return `zones/${zones[0] ?? 'UNSPECIFIED'}`;
  const regions = new Set(zones.map((zone) => zone.slice(0, Math.max(0, zone.lastIndexOf('-')))));
  const [region = ''] = regions;
  if (regions.size === 1 && region !== '') return `regions/${region}`;
  throw new Error(`failed to get region from zones: ${zones.join(', ')}`);
}

/** Removes modes that the in-tree type accepted and the driver does not. */
function gceModes(modes: readonly string[]): readonly string[] {
  const [RWX, ROX, RWO] = ['ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOnce'];
  const asOnce = modes.map((mode) => (mode === RWX ? RWO : mode));
  const isWritten = asOnce.includes(RWO);
  return [...new Set(asOnce.filter((mode) => mode !== ROX || !isWritten))];
}

function azureDisk({ source }: Held): CsiSource {
  const { kind, diskURI, cachingMode, fsType, readOnly } = source;
  if (kind !== undefined && text(kind).toLowerCase() !== 'managed') {
    throw new Error(`kind(${text(kind)}) is not supported in csi migration`);
  }
  return {
    driver: 'disk.csi.azure.com',
    volumeHandle: text(diskURI),
    volumeAttributes: {
      kind: 'Managed',
      ...(cachingMode !== undefined && { cachingmode: text(cachingMode) }),
      ...(fsType !== undefined && { fstype: text(fsType) }),
    },
    ...(fsType !== undefined && { fsType: text(fsType) }),
    ...(readOnly === true && { readOnly: true }),
  };
}

const RESOURCE_GROUP = 'kubernetes.io/azure-file-resource-group';

function azureFile({ source, volume, name, namespace: ofClaim }: Held): CsiSource {
  const [secretName, share] = [text(source['secretName']), text(source['shareName'])];
  const account = /^azure-storage-account-(.+)-secret$/.exec(secretName)?.[1] ?? secretName;
  const group = volume?.metadata?.annotations?.[RESOURCE_GROUP] ?? '';
  const named = volume === undefined ? '' : text(source['secretNamespace']);
  const namespace = named || ofClaim;
  if (namespace === '') {
    throw new Error('could not find a secret namespace in PersistentVolumeSource or ClaimRef');
  }
  return {
    driver: 'file.csi.azure.com',
    volumeHandle: [group, account, share, name, namespace].join('#'),
    volumeAttributes: { sharename: share },
    nodeStageSecretRef: { name: secretName, namespace },
    ...(source['readOnly'] === true && { readOnly: true }),
  };
}

function portworx({ source, volume }: Held): CsiSource {
  const annotations = volume?.metadata?.annotations ?? {};
  const name = annotations['openstorage.io/auth-secret-name'];
  const namespace = annotations['openstorage.io/auth-secret-namespace'];
  const ref = name === undefined || namespace === undefined ? undefined : { name, namespace };
  return {
    driver: 'pxd.portworx.com',
    volumeHandle: text(source['volumeID']),
    fsType: text(source['fsType']),
    ...(ref !== undefined && {
      nodeStageSecretRef: ref,
      nodePublishSecretRef: ref,
      nodeExpandSecretRef: ref,
    }),
  };
}
