import type { Container, Image } from '@nodeagent/cri-client';

import type { DiskSpace, ImageGcPolicy, ImageRecord } from '../model/image-gc.js';

export interface Inventory {
  readonly images: readonly Image[];
  readonly containers: readonly Pick<Container, 'imageId' | 'imageRef'>[];
  /** Images that pods use otherwise, as volumes or sandboxes, by id or by any of their names. */
  readonly mounted: ReadonlySet<string>;
}

/**
 * Brings the records up to date. Images that are gone lose their record: an image that comes back is
 * as new as any other. A container in any state uses its image, under whichever runtime handler.
 *
 * @param times `agesMs`: by image id, how long images without a record have been there at least
 */
export function recordImages(
  before: readonly ImageRecord[],
  { images, containers, mounted }: Inventory,
  { nowMs, agesMs }: Readonly<{ nowMs: number; agesMs?: ReadonlyMap<string, number> | undefined }>,
): readonly ImageRecord[] {
  const known = new Map(before.map((record) => [record.key, record]));
  const used = new Set(containers.map(({ imageId, imageRef }) => imageId || imageRef));
  return images.map((image) => {
    const { id, sizeBytes, pinned } = image;
    const runtimeHandler = image.spec?.runtimeHandler;
    const key = runtimeHandler === undefined ? id : `${id},${runtimeHandler}`;
    const names = [id, ...image.repoTags, ...image.repoDigests];
    const inUse = names.some((name) => used.has(name) || mounted.has(name));
    const earlier = known.get(key);
    return {
      ...{ key, id, runtimeHandler, sizeBytes, pinned, inUse },
      firstSeenMs: earlier?.firstSeenMs ?? nowMs - (agesMs?.get(id) ?? 0),
      lastUsedMs: inUse ? nowMs : earlier?.lastUsedMs,
    };
  });
}

/** Images that may go, the longest unused first, and among the never used the oldest. */
export function removableImages(records: readonly ImageRecord[]): readonly ImageRecord[] {
  return records
    .filter(({ inUse, pinned }) => !inUse && !pinned)
    .sort(
      (a, b) =>
        compare(a.lastUsedMs ?? -Infinity, b.lastUsedMs ?? -Infinity) ||
        a.firstSeenMs - b.firstSeenMs,
    );
}

/** Never NaN, even for two infinities. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/**
 * Returns the images that were unused for too long.
 *
 * @param ranMs time since collection began: a shorter history than the maximum age proves nothing
 */
export function expiredImages(
  removable: readonly ImageRecord[],
  { maxAgeMs }: Pick<ImageGcPolicy, 'maxAgeMs'>,
  { nowMs, ranMs }: Readonly<{ nowMs: number; ranMs: number }>,
): readonly ImageRecord[] {
  if (maxAgeMs === 0 || ranMs <= maxAgeMs) return [];
  return removable.filter(({ lastUsedMs = -Infinity }) => nowMs - lastUsedMs > maxAgeMs);
}

/** Returns those of the images that are old enough to be removed for their space. */
export function matureImages(
  removable: readonly ImageRecord[],
  { minAgeMs }: Pick<ImageGcPolicy, 'minAgeMs'>,
  nowMs: number,
): readonly ImageRecord[] {
  return removable.filter(({ firstSeenMs }) => nowMs - firstSeenMs >= minAgeMs);
}

export interface SpaceWanted {
  readonly usedPercent: number;
  readonly bytes: number;
}

/** @returns the space to free; undefined while the file system is used less than the threshold */
export function spaceToFree(
  { capacityBytes, availableBytes }: DiskSpace,
  { highPercent, lowPercent }: Pick<ImageGcPolicy, 'highPercent' | 'lowPercent'>,
): SpaceWanted | undefined {
  const available = Math.min(availableBytes, capacityBytes);
  const usedPercent = 100 - Math.floor((available * 100) / capacityBytes);
  if (usedPercent < highPercent) return undefined;
  const bytes = Math.floor((capacityBytes * (100 - lowPercent)) / 100) - available;
  return { usedPercent, bytes };
}

/** With a maximum use of 100 % and no maximum age, images are never removed by the loop. */
export function collectsImages({ highPercent, maxAgeMs }: ImageGcPolicy): boolean {
  return highPercent < 100 || maxAgeMs > 0;
}
