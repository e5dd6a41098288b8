import type { Pod, Volume } from '@nodeagent/kube-client';

import { podUid } from '../../pod/index.js';
import type { ClaimedVolumes, VolumeFiles, VolumePlace } from '../../volumes/index.js';
import type { BackingVolume } from '../model/csi-volume.js';
import { backingOfClaim, boundVolume, claimNameOf, inlineVolume } from '../plan/backing-volume.js';
import type { CsiVolumes } from './csi-volumes.js';
import type { StorageApi } from './storage-api.js';

export interface ClaimedVolumesOptions {
  readonly api: StorageApi;
  readonly csi: CsiVolumes;
  readonly files: Pick<VolumeFiles, 'checkHostPath'>;
}

/** Volumes by claims and by CSI drivers, for the pod volumes that need one. */
export function createClaimedVolumes({ api, csi, files }: ClaimedVolumesOptions): ClaimedVolumes {
  /** By pod uid, then by the pod's name of the volume. */
  const places = new Map<string, Map<string, VolumePlace>>();
  return {
    prepare: async (pod, volume, signal) => {
      const backing = await backingOf(api, pod, volume, signal);
      if (backing === undefined) return false;
      const place = await prepared(backing, pod, signal);
      const own = places.get(podUid(pod)) ?? new Map<string, VolumePlace>();
      places.set(podUid(pod), own.set(volume.name, place));
      return true;
    },
    placeOf: (uid, name) => places.get(uid)?.get(name),
    teardown: async (uid, signal) => {
      places.delete(uid);
      await csi.tearDown(uid, signal);
    },
  };

  async function prepared(
    backing: BackingVolume,
    pod: Pod,
    signal: AbortSignal,
  ): Promise<VolumePlace> {
    const { readOnly } = backing;
    if (backing.kind === 'csi') {
      return { hostPath: await csi.setUp(pod, backing, signal), readOnly, managed: !readOnly };
    }
    await files.checkHostPath(backing.path, backing.type);
    return { hostPath: backing.path, readOnly, managed: false };
  }
}

/** @returns undefined for a volume that is neither by claim nor by driver */
async function backingOf(
  api: StorageApi,
  pod: Pod,
  volume: Volume,
  signal: AbortSignal,
): Promise<BackingVolume | undefined> {
  const inline = inlineVolume(pod, volume);
  if (inline !== undefined) return inline;
  const name = claimNameOf(pod, volume);
  if (name === undefined) return undefined;
  const claim = await api.claim(pod.metadata?.namespace ?? '', name, signal);
  const found = await api.volume(boundVolume(pod, volume, claim), signal);
  return backingOfClaim(volume, claim, found);
}
