import type { Clock } from '@nodeagent/base';
import type { Pod, Volume } from '@nodeagent/kube-client';

import {
  isPodGone,
  messageOf,
  parsePodUid,
  type PodEvents,
  PodRejected,
  podUid,
  type PodVolumes,
} from '../../pod/index.js';
import { isVolumeError, VolumeError, type VolumeStep } from '../model/errors.js';
import {
  isInMemory,
  managedKind,
  type ManagedVolume,
  podDir,
  readyMark,
  volumeDirs,
  volumeName,
} from '../model/pod-paths.js';
import { type EmptyDirMedium, emptyDirMedium } from '../plan/empty-dir.js';
import { isUnprocessed, unmountedText, type VolumeFailure } from '../plan/unmounted-volumes.js';
import { usedVolumes } from '../plan/used-volumes.js';
import type { ClaimedVolumes, Mounter, VolumeFiles } from '../ports.js';
import type { CountedVolumes } from './counted-volumes.js';
import { MemoryVolumes } from './memory-volumes.js';
import { type PayloadPorts, volumePayload } from './payload-sources.js';
import { unmountBelow } from './unmount-below.js';

export interface PodVolumesOptions extends PayloadPorts {
  readonly rootDir: string;
  readonly files: VolumeFiles;
  readonly mounter: Mounter;
  /** Volumes by claims and of storage drivers. */
  readonly claimed: Pick<ClaimedVolumes, 'prepare' | 'teardown'>;
  readonly events: PodEvents;
  readonly clock: Clock;
  /** For emptyDirs that the kernel is to count; none if absent. */
  readonly counted?: Pick<CountedVolumes, 'count' | 'forget'> | undefined;
  /** Allocatable memory of the node, which limits in-memory volumes; no limit if absent. */
  readonly nodeMemoryBytes?: () => number | undefined;
}

export interface PreparedVolumes extends PodVolumes {
  /** Content of the pod's volumes has changed: the next sync checks all of them. */
  expire(podUid: string): void;
}

/**
 * A pod is synced several times while it starts. Volumes prepared within this time are not checked
 * again, which saves a tenth of the CPU time of a start.
 */
const FRESH_MS = 10_000;

/**
 * The attacher may find room for a volume within this time.
 *
 * @see Kubernetes 1.36 pkg/kubelet/volumemanager, podAttachAndMountTimeout
 */
const PATIENCE_MS = 123_000;

/**
 * Prepares the volumes of pods by repeating the same idempotent steps on every sync: content from
 * the API is compared with the files and replaced if it changed, so running containers see updates.
 * An event reports each volume that cannot be prepared.
 */
export function createPodVolumes(options: PodVolumesOptions): PreparedVolumes {
  const { rootDir, files, mounter, clock } = options;
  const maker: VolumeMaker = { options, memory: new MemoryVolumes(options) };
  const prepared = new Map<string, Prepared>();
  /** Since when a pod waits for a volume that the node has no room for. */
  const crowdedSinceMs = new Map<string, number>();
  return {
    prepare: async (pod, signal) => {
      const volumes = usedVolumes(pod);
      if (volumes.length === 0) return;
      const uid = podUid(pod);
      const version = volumesVersion(pod, volumes);
      const before = prepared.get(uid);
      const nowMs = clock.monotonicMs();
      if (before?.version === version && nowMs - before.atMs < FRESH_MS) return;
      const mine = { version, atMs: nowMs };
      prepared.set(uid, { ...mine, version: '' });
      try {
        await prepareAll(pod, volumes, maker, signal);
        crowdedSinceMs.delete(uid);
        // Unless something expired meanwhile.
        if (prepared.get(uid)?.atMs === nowMs) prepared.set(uid, mine);
      } catch (error) {
        prepared.delete(uid);
        if (!isVolumeError(error, 'VOLUME_LIMIT')) throw error;
        const sinceMs = crowdedSinceMs.get(uid) ?? nowMs;
        crowdedSinceMs.set(uid, sinceMs);
        throw nowMs - sinceMs < PATIENCE_MS ? error : beyondLimit(error);
      }
    },
    expire: (uid) => void prepared.delete(uid),
    teardown: async (uid, signal) => {
      prepared.delete(uid);
      crowdedSinceMs.delete(uid);
      options.tokens.forget(uid);
      // The kernel lists mounts by their real paths.
      const dir = await files.realPath(podDir(rootDir, uid));
      await unmountBelow(`${dir}/volume-subpaths`, mounter, signal); // they hold volumes of drivers
      await options.claimed.teardown(uid, signal);
      await unmountBelow(dir, mounter, signal);
      await maker.memory.remove(uid, signal);
      await files.removeTree(dir); // last, because teardown is retried while it exists
      options.counted?.forget(podDir(rootDir, uid));
    },
    podsOnDisk: async () => {
      const lists = [files.subdirectories(`${rootDir}/pods`), maker.memory.pods()];
      const names = new Set((await Promise.all(lists)).flat());
      return [...names].flatMap((name) => parsePodUid(name) ?? []);
    },
  };
}

interface Prepared {
  readonly version: string;
  readonly atMs: number;
}

/** Changes with every part of a pod that its volumes depend on. */
function volumesVersion({ metadata = {} }: Pod, volumes: readonly Volume[]): string {
  const { generation, labels, annotations } = metadata;
  return JSON.stringify([generation, labels, annotations, volumes.map(({ name }) => name)]);
}

interface VolumeMaker {
  readonly options: PodVolumesOptions;
  readonly memory: MemoryVolumes;
}

/**
 * Prepares all volumes, even after a failure.
 *
 * @throws {VolumeError} that names the missing ones
 */
async function prepareAll(
  pod: Pod,
  volumes: readonly Volume[],
  maker: VolumeMaker,
  signal: AbortSignal,
): Promise<void> {
  const outcomes = await Promise.allSettled(
    volumes.map((volume) => prepareVolume(pod, volume, maker, signal)),
  );
  signal.throwIfAborted();
  const failures = outcomes.flatMap((outcome, at): readonly VolumeFailure[] => {
    const volume = volumes[at];
    if (volume === undefined || outcome.status === 'fulfilled') return [];
    return [{ volume, cause: outcome.reason, why: messageOf(outcome.reason) }];
  });
  const [first] = failures;
  if (first === undefined) return;
  const { events } = maker.options;
  for (const failure of failures) {
    const { cause } = failure;
    const isQuiet = isPodGone(cause) || isVolumeError(cause, 'VOLUME_PENDING');
    if (!isQuiet && !isUnprocessed(failure)) reportFailure(pod, failure, events);
  }
  const text = unmountedText(failures);
  if (failures.some(isUnprocessed)) {
    events.warning(pod, 'FailedMount', `Unable to attach or mount volumes: ${text}`);
  }
  const decisive = failures.find(({ cause }) => isVolumeError(cause, 'VOLUME_LIMIT')) ?? first;
  const code = isVolumeError(decisive.cause) ? decisive.cause.code : 'VOLUME_IO';
  throw new VolumeError(code, text, { cause: decisive.cause });
}

/** @see Kubernetes 1.36 pkg/kubelet/volumemanager, VolumeAttachLimitExceededError */
function beyondLimit(cause: VolumeError): PodRejected {
  const message = `Node has reached its volume attachment limit, rejecting pod. ${cause.message}`;
  return new PodRejected('VolumeAttachmentLimitExceeded', message, { cause });
}

/** @see Kubernetes 1.36 pkg/volume/util/operationexecutor/operation_generator.go */
function reportFailure(pod: Pod, { volume, why, cause }: VolumeFailure, events: PodEvents): void {
  const known = isVolumeError(cause) ? cause.step : undefined;
  const step: VolumeStep = known ?? {
    operation: 'MountVolume',
    name: 'SetUp',
    volume: volume.name,
  };
  const isMap = step.operation === 'MapVolume' && step.name !== 'NodeAffinity check';
  const reason = isMap ? 'FailedMapVolume' : 'FailedMount';
  const failed = ['failed', step.how].filter(Boolean).join(' ');
  const text = `${step.operation}.${step.name} ${failed} for volume "${step.volume}" : ${why}`;
  events.warning(pod, reason, text);
}

async function prepareVolume(
  pod: Pod,
  volume: Volume,
  maker: VolumeMaker,
  signal: AbortSignal,
): Promise<void> {
  const { options, memory } = maker;
  const { files } = options;
  if (volume.hostPath !== undefined) {
    return files.checkHostPath(volume.hostPath.path, volume.hostPath.type ?? '');
  }
  if (volume.image !== undefined) return; // pulled and mounted by the runtime
  if (await options.claimed.prepare(pod, volume, signal)) return;
  const kind = managedKind(volume);
  if (kind === undefined) {
    const named = Object.keys(volume).filter((key) => key !== 'name');
    const text = `volume "${volume.name}": ${named.join(', ')} volumes are not supported`;
    throw new VolumeError('VOLUME_UNSUPPORTED', text);
  }
  const place = { kind, name: volumeName(volume) };
  const medium = emptyDirMediumOf(pod, volume, options);
  if (kind === 'emptyDir') {
    await makeDirectory(pod, { place, medium }, options, signal);
    return;
  }
  // Read first, so that a failure leaves nothing behind.
  const payload = await volumePayload(pod, volume, options, signal);
  const gid = fsGroupOf(pod);
  const owner = { ...(gid !== undefined && { gid }) };
  if (isInMemory(kind)) return memory.write(podUid(pod), { volume: place, payload, owner }, signal);
  const dir = await makeDirectory(pod, { place, medium }, options, signal);
  await files.writePayload(dir, payload, { ...owner, inMemory: false });
}

/** A volume with its own directory below its pod's. */
interface OwnDirectory {
  readonly place: ManagedVolume;
  readonly medium: EmptyDirMedium;
}

/**
 * Sets the directory up only once, so that a container's changes to it stay.
 *
 * @returns its path
 */
async function makeDirectory(
  pod: Pod,
  { place, medium }: OwnDirectory,
  { files, mounter, rootDir, counted }: PodVolumesOptions,
  signal: AbortSignal,
): Promise<string> {
  const dir = volumeDirs(rootDir, podUid(pod), place).content;
  const mark = readyMark(rootDir, podUid(pod), place);
  const isDisk = medium.kind === 'disk';
  const isCounted = place.kind === 'emptyDir' && isDisk && mayBeCounted(pod);
  if ((await files.isMarked(mark)) && (isDisk || (await mounter.isMountPoint(dir)))) {
    if (isCounted) await counted?.count(dir, false);
    return dir;
  }
  await files.makeEmptyDir(dir);
  if (!isDisk && !(await mounter.isMountPoint(dir))) {
    if (medium.kind === 'hugepages') await mounter.mountHugepages(dir, medium, signal);
    else await mounter.mountTmpfs(dir, medium, signal);
    await files.makeEmptyDir(dir);
  }
  const gid = fsGroupOf(pod);
  if (place.kind === 'emptyDir' && gid !== undefined) {
    await files.changeGroup(dir, { gid, policy: 'Always', readOnly: false });
  }
  if (isCounted) await counted?.count(dir, true);
  await files.mark(mark);
  return dir;
}

/**
 * In a user namespace the kernel lets nobody change the project of a file.
 *
 * @see Kubernetes 1.36 pkg/volume/util/fsquota/quota_linux.go, SupportsQuotas
 */
function mayBeCounted({ spec }: Pod): boolean {
  return spec?.hostUsers === false;
}

function emptyDirMediumOf(
  pod: Pod,
  { name, emptyDir }: Volume,
  { nodeMemoryBytes }: PodVolumesOptions,
): EmptyDirMedium {
  if (emptyDir === undefined) return { kind: 'disk' };
  return emptyDirMedium(pod, { name, emptyDir }, nodeMemoryBytes?.());
}

function fsGroupOf({ spec }: Pod): number | undefined {
  return spec?.securityContext?.fsGroup;
}
