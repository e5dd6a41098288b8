import type { Random } from '@nodeagent/base';
import type { IdMapping } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import { type PodUid, podUid, StartError } from '../../pod/index.js';
import { Gate } from '../../workers/run/index.js';
import { freeBlock, type IdRange, parseIds, renderIds } from '../plan/user-namespace.js';
import type { UserNamespaceFiles } from '../ports.js';

/**
 * Assigns each pod a block of user ids that no other pod of the node has. The files in the pods'
 * directories are the only record: each is written before the pod's first process starts, and
 * removed with the directory, so a restarted kubelet knows the same assignments.
 *
 * @see Kubernetes 1.36 pkg/kubelet/userns/userns_manager.go
 */
export class UserNamespaces {
  readonly #files: UserNamespaceFiles;
  readonly #range: IdRange;
  readonly #random: Random;
  /** Two pods at once would choose the same block. */
  readonly #turn = new Gate(1);

  constructor(files: UserNamespaceFiles, range: IdRange, random: Random) {
    this.#files = files;
    this.#range = range;
    this.#random = random;
  }

  /**
   * Reserves a block for the pod until its directory is removed.
   *
   * @throws {StartError} if no block is free, or if the free blocks cannot be determined
   */
  async of(pod: Pod, signal: AbortSignal): Promise<IdMapping> {
    const uid = podUid(pod);
    const known = await this.#read(uid);
    if (known !== undefined) return known;
    return this.#turn.through(() => this.#allocate(uid), signal);
  }

  async #allocate(uid: PodUid): Promise<IdMapping> {
    const known = await this.#read(uid);
    if (known !== undefined) return known;
    const used = new Set<number>();
    for (const other of await this.#files.pods()) {
      const taken = await this.#read(other);
      if (taken !== undefined) used.add(taken.hostId);
    }
    const block = freeBlock(this.#range, used, this.#random());
    if (block === undefined) {
      const { length, idsPerPod } = this.#range;
      const text = `could not find an empty slot to allocate a user namespace: all ${length / idsPerPod} are taken`;
      throw new StartError('CreatePodSandboxError', text);
    }
    await this.#files.write(uid, renderIds(block));
    return block;
  }

  async #read(uid: PodUid): Promise<IdMapping | undefined> {
    const text = await this.#files.read(uid);
    if (text === undefined) return undefined;
    const mapping = parseIds(text, this.#range.idsPerPod);
    if (typeof mapping !== 'string') return mapping;
    // Another pod might get the same ids, so the pod gets none.
    const what = `user namespace of pod ${uid}: ${this.#files.path(uid)} ${mapping}`;
    throw new StartError('CreatePodSandboxError', what);
  }
}
