import type { Container, Image } from '@nodeagent/cri-client';

/** Images of which no container was made, and that the runtime does not keep for itself. */
export function unusedImages(
  images: readonly Image[],
  containers: readonly Pick<Container, 'imageRef' | 'imageId'>[],
): readonly Image[] {
  const used = new Set(containers.flatMap(({ imageRef, imageId }) => [imageRef, imageId]));
  return images.filter(
    ({ id, repoDigests, repoTags, pinned }) =>
      !pinned && ![id, ...repoDigests, ...repoTags].some((name) => used.has(name)),
  );
}
