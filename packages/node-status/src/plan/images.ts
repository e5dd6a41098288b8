import type { ImageFact } from '../model/facts.js';

const MAX_NAMES = 5;

/** An entry of `status.images`; at most five names. */
export interface NodeImage {
  readonly names: string[];
  readonly sizeBytes: number;
}

/**
 * Returns the largest images first, each with its digests, then its tags. @param most -1 means all
 */
export function planImages(images: readonly ImageFact[], most: number): readonly NodeImage[] {
  const sorted = images.toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? 1 : -1));
  return (most < 0 ? sorted : sorted.slice(0, most)).map((image) => ({
    names: [...image.repoDigests, ...image.repoTags].slice(0, MAX_NAMES),
    sizeBytes: image.sizeBytes,
  }));
}
