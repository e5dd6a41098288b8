import { type Clock, KeyedQueue, type Logger, type Metrics, runEvery } from '@nodeagent/base';
import {
  type Container,
  type ContainerId,
  type ImageService,
  isCriError,
  type RuntimeService,
} from '@nodeagent/cri-client';
import type { NodeEvents } from '@nodeagent/node-status';

import type { PullHistory } from '../../images/index.js';
import { detailOf } from '../../images/run/index.js';
import { Gate } from '../../workers/run/index.js';
import type { DiskSpace, ImageGcPolicy, ImageRecord, RemovalReason } from '../model/image-gc.js';
import {
  collectsImages,
  expiredImages,
  matureImages,
  recordImages,
  removableImages,
  spaceToFree,
} from '../plan/image-gc.js';
import { expiredText, NO_CAPACITY, spaceText, tooFullText } from '../plan/image-gc-texts.js';
import { sandboxImageOf } from '../plan/sandbox-image.js';
import type { DiskReading } from '../ports.js';

export interface ImageCollectorPorts {
  readonly images: Pick<ImageService, 'listImages' | 'removeImage' | 'imageFsInfo'>;
  readonly cri: Pick<RuntimeService, 'listContainers' | 'containerStatus' | 'statusInfo'>;
  readonly disk: DiskReading;
  readonly events: Pick<NodeEvents, 'warning'>;
  /** Undefined while and where pulls are not recorded. */
  readonly pulls: () => PullHistory | undefined;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @see Kubernetes 1.36 pkg/kubelet/kubelet.go, ImageGCPeriod */
const PERIOD_MS = 300_000;

/**
 * Removes images that no container uses: those unused for too long, and when their file system is
 * too full, the longest unused until enough is free. The history of images is kept in memory; the
 * records of pulls tell after a restart which of them are not new.
 *
 * @see Kubernetes 1.36 pkg/kubelet/images/image_gc_manager.go
 */
export class ImageCollector {
  readonly #ports: ImageCollectorPorts;
  readonly #policy: ImageGcPolicy;
  readonly #removed: (reason: RemovalReason) => void;
  /** Runs one collection at a time: two would count the same bytes twice. */
  readonly #turn = new Gate(1);
  /** Images mounted by containers; the mounts of a container never change. */
  #mounts = new Map<ContainerId, readonly string[]>();
  #records: readonly ImageRecord[] | undefined;
  #startedMs: number | undefined;
  #failedBefore = false;
  #wanted: KeyedQueue<'space', undefined> | undefined;

  constructor(ports: ImageCollectorPorts, policy: ImageGcPolicy) {
    this.#ports = ports;
    this.#policy = policy;
    const counter = ports.metrics.counter({
      name: 'kubelet_image_garbage_collected_total',
      help: 'Images removed because they were unused, by the reason: their age or the space.',
      labelNames: ['reason'],
    });
    this.#removed = (reason) => counter.increment({ reason });
  }

  /** Collects at once and then every five minutes until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#ports;
    this.#startedMs = clock.monotonicMs();
    const wanted = new KeyedQueue<'space', undefined>(
      {
        handle: (_key, _value, inner) => this.removeUnusedImages(inner),
        onError: (_key, err) =>
          log.warn({ err }, 'cannot remove unused images after a pull without space'),
        concurrency: 1,
      },
      signal,
    );
    this.#wanted = wanted;
    const collects = collectsImages(this.#policy);
    const task = async (inner: AbortSignal): Promise<void> => {
      // Without a limit, the history is still kept for the reclaim under disk pressure.
      if (collects) await this.collect(inner);
      else await this.#turn.through(() => this.#look(inner), inner);
      this.#failedBefore = false;
    };
    const onError = (err: unknown): void => {
      if (collects) this.#failed(err);
      else log.warn({ err }, 'cannot see which images are in use');
    };
    await runEvery({ clock, periodMs: PERIOD_MS, task, onError }, signal);
    await wanted.idle();
  }

  /**
   * Removes the images that can go, because a pull found no space. Once the runtime has deleted the
   * part that it had pulled, the file system may look emptier than the threshold, so its use cannot
   * tell how much the pull needs. Does nothing if images are not to be removed.
   */
  pullWithoutSpace(): void {
    if (collectsImages(this.#policy)) this.#wanted?.put('space', undefined);
  }

  /** One collection by age and by space. @throws if something could not be removed or too little */
  collect(signal: AbortSignal): Promise<void> {
    return this.#turn.through(() => this.#collect(signal), signal);
  }

  /** Removes all unused images that are old enough. @throws if one could not be removed */
  removeUnusedImages(signal: AbortSignal): Promise<void> {
    return this.#turn.through(async () => {
      await this.#free(undefined, removableImages(await this.#look(signal)), signal);
      await this.#ports.pulls()?.prune(signal);
    }, signal);
  }

  #failed(err: unknown): void {
    const { events, log } = this.#ports;
    log.warn({ err }, 'image garbage collection failed');
    // One failure may come from a runtime that is not ready yet.
    if (this.#failedBefore) events.warning('ImageGCFailed', detailOf(err));
    this.#failedBefore = true;
  }

  async #collect(signal: AbortSignal): Promise<void> {
    const { events, log, pulls } = this.#ports;
    const removable = removableImages(await this.#look(signal));
    const expired = await this.#removeExpired(removable, signal);
    const space = await this.#space(signal);
    if (space === undefined || space.capacityBytes === 0) {
      events.warning('InvalidDiskCapacity', NO_CAPACITY);
      throw new Error(NO_CAPACITY);
    }
    const wanted = spaceToFree(space, this.#policy);
    if (wanted === undefined) return;
    const { usedPercent, bytes } = wanted;
    log.info({ usedPercent, bytes }, 'the image file system is too full: removing unused images');
    const left = removable.filter((image) => !expired.has(image));
    const freed = await this.#free(bytes, left, signal);
    await pulls()?.prune(signal);
    if (freed >= bytes) return;
    const text = tooFullText({ usedPercent, capacityBytes: space.capacityBytes }, freed);
    events.warning('FreeDiskSpaceFailed', text);
    throw new Error(text);
  }

  async #removeExpired(
    removable: readonly ImageRecord[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<ImageRecord>> {
    const nowMs = this.#ports.clock.monotonicMs();
    const ranMs = nowMs - (this.#startedMs ?? nowMs);
    const expired = expiredImages(removable, this.#policy, { nowMs, ranMs });
    const failures: string[] = [];
    for (const image of expired) {
      const failure = await this.#remove(image, 'age', signal);
      if (failure !== undefined) failures.push(failure);
    }
    if (failures.length > 0) throw new Error(expiredText(this.#policy.maxAgeMs, failures));
    return new Set(expired);
  }

  /** @returns the freed bytes, by the sizes of the images */
  async #free(
    wantedBytes: number | undefined,
    removable: readonly ImageRecord[],
    signal: AbortSignal,
  ): Promise<number> {
    const nowMs = this.#ports.clock.monotonicMs();
    const failures: string[] = [];
    let freedBytes = 0;
    for (const image of matureImages(removable, this.#policy, nowMs)) {
      const failure = await this.#remove(image, 'space', signal);
      if (failure === undefined) freedBytes += image.sizeBytes;
      else failures.push(failure);
      if (failure === undefined && wantedBytes !== undefined && freedBytes >= wantedBytes) break;
    }
    if (failures.length > 0) throw new Error(spaceText({ wantedBytes, freedBytes }, failures));
    return freedBytes;
  }

  /** @returns the runtime's reason for which the image is still there */
  async #remove(
    image: ImageRecord,
    reason: RemovalReason,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { images, log } = this.#ports;
    const { id, key, runtimeHandler, sizeBytes } = image;
    try {
      await images.removeImage({ image: id, runtimeHandler }, signal);
    } catch (err) {
      signal.throwIfAborted();
      log.warn({ image: id, err }, 'cannot remove an unused image');
      return detailOf(err);
    }
    log.info({ image: id, sizeBytes, reason }, 'removed an unused image');
    this.#records = this.#records?.filter((record) => record.key !== key);
    this.#removed(reason);
    return undefined;
  }

  async #look(signal: AbortSignal): Promise<readonly ImageRecord[]> {
    const { images, cri, clock } = this.#ports;
    const listed = await images.listImages({}, signal);
    const containers = await cri.listContainers({}, signal);
    const mounted = await this.#mounted(containers, signal);
    const sandbox = sandboxImageOf(await cri.statusInfo(signal));
    const used = sandbox === undefined ? mounted : new Set([...mounted, sandbox]);
    const found = { images: listed, containers, mounted: used };
    const agesMs = this.#records === undefined ? await this.#pulledAgesMs() : undefined;
    const times = { nowMs: clock.monotonicMs(), agesMs };
    const records = recordImages(this.#records ?? [], found, times);
    this.#records = records;
    return records;
  }

  /** Without them, each image counts as new. */
  async #pulledAgesMs(): Promise<ReadonlyMap<string, number> | undefined> {
    const { pulls, log } = this.#ports;
    try {
      return await pulls()?.agesMs();
    } catch (err) {
      log.warn({ err }, 'cannot read when images were pulled: none counts as old yet');
      return undefined;
    }
  }

  async #mounted(
    containers: readonly Container[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    const mounts = new Map<ContainerId, readonly string[]>();
    for (const { id } of containers) {
      const known = this.#mounts.get(id) ?? (await this.#mountsOf(id, signal));
      if (known !== undefined) mounts.set(id, known);
    }
    this.#mounts = mounts;
    return new Set([...mounts.values()].flat());
  }

  /** Undefined if the container is gone. */
  async #mountsOf(id: ContainerId, signal: AbortSignal): Promise<readonly string[] | undefined> {
    try {
      const { mounts } = await this.#ports.cri.containerStatus(id, signal);
      return mounts.flatMap(({ image }) => image?.image ?? []);
    } catch (error) {
      if (isCriError(error, 'CRI_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async #space(signal: AbortSignal): Promise<DiskSpace | undefined> {
    const { images, disk } = this.#ports;
    const [first] = (await images.imageFsInfo(signal)).images;
    if (first === undefined) throw new Error('the runtime does not report the image file system');
    return disk(first.mountpoint);
  }
}
