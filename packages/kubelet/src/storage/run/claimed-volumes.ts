import type {
  EventNote,
  EventRecorder,
  PersistentVolume,
  Pod,
  Volume,
} from '@nodeagent/kube-client';

import {
  type Bound,
  type LocalVolume,
  type MeteredOperation,
  migratedInline,
  migratedVolume,
} from '../../disks/index.js';
import {
  allDone,
  type LocalVolumes,
  type NfsVolumes,
  type NodeExpansion,
  type VolumeOperations,
} from '../../disks/run/index.js';
import { podUid } from '../../pod/index.js';
import type { VolumeLabels } from '../../selinux/run/index.js';
import {
  type ClaimedVolumes,
  claimNameOf,
  type DevicePlace,
  isVolumeError,
  type VolumeFigures,
  type VolumeFiles,
  type VolumePlace,
} from '../../volumes/index.js';
import { inStep } from '../../volumes/run/index.js';
import { podVolumeName, uniqueName } from '../model/csi-paths.js';
import type { BackingVolume } from '../model/csi-volume.js';
import {
  assertBound,
  assertMountable,
  backingOfVolume,
  boundVolume,
  inlineNfs,
  inlineVolume,
} from '../plan/backing-volume.js';
import { assertLifecycle } from '../plan/driver-rules.js';
import { assertAlone, assertReachable } from '../plan/preflight.js';
import { volumeGroup } from '../plan/volume-group.js';
import type { ActualVolumes } from './actual-volumes.js';
import type { Attachments } from './attachments.js';
import type { CsiDevices } from './csi-devices.js';
import { type Mounting, type MountingPorts, openMounting } from './csi-mounting.js';
import type { CsiVolumes, MountedVolume } from './csi-volumes.js';
import { growCsi } from './grow-csi.js';
import { mountLabel } from './mount-label.js';
import type { StorageApi } from './storage-api.js';
import { csiPlugin, type StorageMeter } from './storage-meter.js';
import { pluginOf, VolumeCounts } from './volume-counts.js';
import type { FigureReader, Measurable } from './volume-figures.js';

export interface ClaimedVolumesOptions extends MountingPorts {
  readonly api: StorageApi;
  readonly csi: CsiVolumes;
  readonly devices: CsiDevices;
  readonly local: LocalVolumes;
  readonly nfs: NfsVolumes;
  readonly expansion: NodeExpansion;
  readonly attachments: Attachments;
  readonly figures: FigureReader;
  readonly meter: StorageMeter;
  readonly labels: VolumeLabels;
  readonly recorder: EventRecorder;
  readonly operations: VolumeOperations;
  readonly actual: Pick<ActualVolumes, 'labelOf' | 'noteUse' | 'ready' | 'users'>;
  readonly files: Pick<VolumeFiles, 'checkHostPath'>;
  /** The labels of this node in the API. */
  readonly nodeLabels: () => Readonly<Record<string, string>>;
}

/** A volume that is ready, either as files or as a device. */
type Ready = (Readonly<{ place: VolumePlace }> | Readonly<{ device: DevicePlace }>) & {
  /** The way to measure it; undefined for a host path. */
  readonly by?: Measurable['by'];
};

/** A volume that is ready, with its claim. */
type Known = Readonly<{
  ready: Ready;
  claim: VolumeFigures['claim'];
  group: number | undefined;
}>;

/** A pod's volume with its full description. */
interface Wanted {
  readonly pod: Pod;
  readonly backing: BackingVolume;
  /** Undefined for an inline volume. */
  readonly bound: Bound | undefined;
}

/** Volumes by claims and of CSI drivers, for the pod volumes that need them. */
export function createClaimedVolumes(options: ClaimedVolumesOptions): ClaimedVolumes {
  const { csi, devices, local, nfs, attachments } = options;
  /** By pod uid, then by the pod's name of the volume. */
  const known = new Map<string, Map<string, Known>>();
  const counts = new VolumeCounts(options.meter);
  const find = (uid: string, name: string): Ready | undefined => known.get(uid)?.get(name)?.ready;
  return {
    prepare: async (pod, volume, signal) => {
      assertMountable(volume);
      const wanted = await wantedBy(options.api, pod, volume, signal);
      if (wanted === undefined) return false;
      counts.noteWanted(podUid(pod), volume.name, pluginOf(wanted.backing));
      const label = await mountLabel(options, { ...wanted, name: volume.name }, signal);
      const ready = await setUp(options, { ...wanted, label }, signal);
      const own = known.get(podUid(pod)) ?? new Map<string, Known>();
      const claim = wanted.bound && claimOf(wanted.bound);
      const group = wanted.bound && volumeGroup(wanted.bound.found);
      known.set(podUid(pod), own.set(volume.name, { ready, claim, group }));
      counts.noteReady(podUid(pod), volume.name);
      return true;
    },
    placeOf: (uid, name) => {
      const ready = find(uid, name);
      return ready !== undefined && 'place' in ready ? ready.place : undefined;
    },
    deviceOf: (uid, name) => {
      const ready = find(uid, name);
      return ready !== undefined && 'device' in ready ? ready.device : undefined;
    },
    groupsOf: (uid) => {
      const groups = [...(known.get(uid)?.values() ?? [])].flatMap(({ group }) => group ?? []);
      return [...new Set(groups)].sort((a, b) => a - b);
    },
    figures: (pod, signal) => {
      const volumes = [...(known.get(podUid(pod)) ?? [])].flatMap(([name, { ready, claim }]) =>
        ready.by === undefined ? [] : [{ name, claim, by: ready.by }],
      );
      return options.figures.read(pod, volumes, signal);
    },
    teardown: async (uid, signal) => {
      known.delete(uid);
      options.labels.forget(uid);
      const kinds = [csi, devices, local, nfs];
      await allDone(kinds.map((kind) => kind.tearDown(uid, signal)));
      attachments.forget(uid);
      counts.forget(uid);
    },
  };
}

async function setUp(
  options: ClaimedVolumesOptions,
  wanted: Wanted & Pick<Mounting, 'label'>,
  signal: AbortSignal,
): Promise<Ready> {
  const { pod, backing, bound, label } = wanted;
  if (bound !== undefined) assertHere(bound.found, backing, options);
  const { readOnly } = backing;
  const isBlock = 'mode' in backing && backing.mode === 'Block';
  const operation = isBlock ? 'MapVolume' : 'MountVolume';
  const name = 'specName' in backing ? backing.specName : (bound?.found.metadata?.name ?? '');
  return inStep(operation, isBlock ? 'SetUpDevice' : 'SetUp', name, async () => {
    switch (backing.kind) {
      case 'csi':
        return setUpCsi(options, { pod, volume: backing, bound, label }, signal);
      case 'local':
        return setUpLocal(options, { pod, volume: backing, bound }, signal);
      case 'hostPath':
        await options.files.checkHostPath(backing.path, backing.type);
        return { place: { hostPath: backing.path, readOnly, managed: false } };
      case 'nfs': {
        const hostPath = await options.nfs.setUp(pod, backing, signal);
        const by = { kind: 'file-system', path: hostPath } as const;
        return { place: { hostPath, readOnly, managed: false }, by };
      }
    }
  });
}

async function setUpLocal(
  { local, expansion, recorder }: ClaimedVolumesOptions,
  { pod, volume, bound }: Readonly<{ pod: Pod; volume: LocalVolume; bound: Bound | undefined }>,
  signal: AbortSignal,
): Promise<Ready> {
  const { readOnly, specName, mode } = volume;
  const hostPath = await local.setUp(pod, volume, signal).catch((error: unknown) => {
    if (isVolumeError(error, 'VOLUME_FORMAT') && bound !== undefined) {
      recorder.record(otherFormat(bound.found, error.message));
    }
    throw error;
  });
  if (bound !== undefined) {
    const name = `kubernetes.io/local-volume/${specName}`;
    const grow = () => local.expand(volume, signal);
    await expansion.expand({ pod, name, specName, readOnly, bound, grow, isFirst: true }, signal);
  }
  if (mode === 'Block') return { device: { hostPath, readOnly } };
  const by = { kind: 'file-system', path: hostPath } as const;
  return { place: { hostPath, readOnly, managed: !readOnly }, by };
}

/** @see Kubernetes 1.36 pkg/volume/util/operationexecutor, checkForFailedMount */
function otherFormat({ metadata = {} }: PersistentVolume, why: string): EventNote {
  const { name = '', uid = '' } = metadata;
  const about = { apiVersion: 'v1', kind: 'PersistentVolume', name, uid };
  const message = `MountVolume failed for volume "${name}" ${why}`;
  return { about, type: 'Warning', reason: 'FailedMountOnFilesystemMismatch', message };
}

function claimOf({ claim }: Bound): VolumeFigures['claim'] {
  const { namespace = '', name = '' } = claim.metadata ?? {};
  return { namespace, name };
}

/** @throws {VolumeError} for a PersistentVolume that is not reachable from this node */
function assertHere(
  found: PersistentVolume,
  backing: BackingVolume,
  { nodeLabels }: ClaimedVolumesOptions,
): void {
  const isBlock = 'mode' in backing && backing.mode === 'Block';
  const step = {
    operation: isBlock ? 'MapVolume' : 'MountVolume',
    name: 'NodeAffinity check',
    volume: found.metadata?.name ?? '',
  } as const;
  assertReachable(found, nodeLabels(), step);
}

async function setUpCsi(
  options: ClaimedVolumesOptions,
  { pod, volume, bound, label }: Pick<Mounting, 'label' | 'pod' | 'volume'> & Pick<Wanted, 'bound'>,
  signal: AbortSignal,
): Promise<Ready> {
  const { api, csi, devices, expansion, actual, meter } = options;
  const { readOnly, specName, driver, volumeHandle } = volume;
  const rules = await api.driverRules(volume.driver, signal);
  assertLifecycle(volume, rules);
  await actual.ready();
  const uid = podUid(pod);
  assertAlone(volume.accessModes, actual.users(driver, volumeHandle), uid);
  const device = volume.mode === 'Block' ? specName : undefined;
  actual.noteUse({ uid, driver, volumeHandle, lifecycle: volume.lifecycle, device, label });
  const open = () => openMounting(options, { pod, volume, rules, label }, signal);
  const expand = async (at: MountedVolume, isFirst: boolean): Promise<void> => {
    if (bound === undefined) return;
    const name = uniqueName(driver, volumeHandle);
    const work = (bytes: number) => growCsi(options, { volume, at }, bytes, signal);
    // The first expansion is part of mounting the volume.
    const grow = (bytes: number) =>
      isFirst ? work(bytes) : meter.operation(measured('volume_fs_resize'), () => work(bytes));
    await expansion.expand({ pod, name, specName, readOnly, bound, grow, isFirst }, signal);
  };
  const measured = (name: MeteredOperation['name']): MeteredOperation => {
    return { plugin: csiPlugin(driver), name, migrated: volume.migrated };
  };
  // Inline volumes belong to one pod; a failure of any other holds up all of its pods.
  const isInline = volume.lifecycle === 'Ephemeral';
  const key = isInline ? podVolumeName(uid, volume) : uniqueName(driver, volumeHandle);
  const repeated = <T>(operation: MeteredOperation['name'], work: () => Promise<T>): Promise<T> => {
    return options.operations.attempt({ ...measured(operation), volume: key }, work, signal);
  };
  const byDriver = (path: string) => ({ kind: 'driver', driver, volumeHandle, path }) as const;
  if (volume.mode === 'Block') {
    const before = devices.mappedAt(pod, volume);
    const map = async () => devices.setUp(await open(), signal);
    const at = before ?? (await repeated('map_volume', map));
    await expand(at, before === undefined);
    return { device: { hostPath: at.link, readOnly }, by: byDriver(at.mapPath) };
  }
  const before = csi.mountedAt(pod, volume);
  const isKept = before !== undefined && !rules.requiresRepublish;
  const mount = async () => csi.setUp(await open(), signal);
  const at = isKept ? before : await repeated('volume_mount', mount);
  await expand(at, before === undefined);
  // A mount with a label needs none in its files.
  const managed = !readOnly && label === '';
  return { place: { hostPath: at.path, readOnly, managed }, by: byDriver(at.path) };
}

/** @returns undefined for a volume that has neither a claim nor a driver */
async function wantedBy(
  api: StorageApi,
  pod: Pod,
  volume: Volume,
  signal: AbortSignal,
): Promise<Wanted | undefined> {
  const inline = inlineVolume(pod, volume) ?? inlineNfs(volume);
  if (inline !== undefined) return { pod, backing: inline, bound: undefined };
  const namespace = pod.metadata?.namespace ?? '';
  const migrated = migratedInline(volume, namespace);
  if (migrated !== undefined) {
    const backing = backingOfVolume(pod, volume, migrated, true);
    return { pod, backing, bound: undefined };
  }
  const name = claimNameOf(pod, volume);
  if (name === undefined) return undefined;
  const claim = await api.claim(namespace, name, signal);
  const stored = await api.volume(boundVolume(pod, volume, claim), signal);
  assertBound({ claim, found: stored });
  const translated = migratedVolume(stored);
  const found = translated ?? stored;
  const backing = backingOfVolume(pod, volume, found, translated !== undefined);
  return { pod, backing, bound: { claim, found } };
}
