import type { Clock, Logger } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { type PodEvents, podUid } from '../../pod/index.js';
import type { VolumeFiles } from '../../volumes/index.js';
import { slowGroupText, stillGroupText } from '../plan/group-texts.js';

export interface GroupChangesOptions {
  readonly volumeFiles: Pick<VolumeFiles, 'changeGroup'>;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @see Kubernetes 1.36 pkg/volume/volume_linux.go, progressReportDuration and firstEventReportDuration */
const FIRST_MS = 30_000;
const NEXT_MS = 60_000;

/** Gives volumes to their pods' groups, and tells of those with so many files that it takes long. */
export class GroupChanges {
  readonly #options: GroupChangesOptions;

  constructor(options: GroupChangesOptions) {
    this.#options = options;
  }

  /**
   * Does nothing for a pod without `fsGroup`. A file that the file system does not let anyone change
   * stays as it is, and is logged.
   *
   * @throws if a directory cannot be read
   */
  async give(pod: Pod, path: string, signal: AbortSignal): Promise<void> {
    const { volumeFiles, log } = this.#options;
    const { fsGroup: gid, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
    if (gid === undefined) return;
    const policy = fsGroupChangePolicy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always';
    let files = 0;
    let refused = 0;
    let err: unknown;
    const listener = {
      signal,
      onFile: () => void (files += 1),
      onRefused: (error: unknown) => {
        refused += 1;
        err ??= error;
      },
    };
    const ended = new AbortController();
    const telling = this.#tell(pod, path, () => files, AbortSignal.any([signal, ended.signal]));
    try {
      await volumeFiles.changeGroup(path, { gid, policy, readOnly: false }, listener);
    } finally {
      ended.abort();
      await telling;
    }
    if (refused > 0) log.warn({ path, gid, refused, err }, 'files not given to the group of a pod');
  }

  async #tell(pod: Pod, path: string, files: () => number, signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#options;
    const at = path.indexOf(podUid(pod));
    const where = at < 0 ? path : path.slice(at);
    let text = (): string => slowGroupText(where);
    let waitMs = FIRST_MS;
    while ((await clock.sleep(waitMs, signal)) === 'elapsed') {
      events.warning(pod, 'VolumePermissionChangeInProgress', text());
      text = () => stillGroupText(where, files());
      waitMs = NEXT_MS;
    }
  }
}
