import type { Channel } from '@nodeagent/unix-grpc/client';

import {
  decodeImage,
  decodeImageFilesystems,
  encodeAuth,
  encodeImageFilter,
  encodeImageSpec,
  missingInImage,
} from '../codec/image.js';
import { encodeSandboxConfig } from '../codec/sandbox.js';
import { orNull } from '../codec/scalar.js';
import type { ImageService } from '../ports.js';
import { IMAGES } from './methods.js';
import { complete, goneIsDone, nonEmpty } from './reply.js';

/** @see Kubernetes 1.36 staging/src/k8s.io/cri-client/pkg/remote_image.go for the deadlines */
export function createImageService(channel: Channel, deadlineMs: number): ImageService {
  return {
    listImages: async (filter, signal) => {
      const request = { filter: encodeImageFilter(filter) };
      const { images } = await channel.call(IMAGES.listImages, { request, deadlineMs }, signal);
      return images.map(decodeImage);
    },
    streamImages: async function* (filter, signal) {
      const request = { filter: encodeImageFilter(filter) };
      const replies = channel.stream(IMAGES.streamImages, { request, deadlineMs }, signal);
      for await (const { images } of replies) yield images.map(decodeImage);
    },
    imageStatus: async (image, signal) => {
      const request = { image: encodeImageSpec(image) };
      const reply = await channel.call(IMAGES.imageStatus, { request, deadlineMs }, signal);
      if (reply.image === null || reply.image === undefined) return undefined;
      return complete(IMAGES.imageStatus, decodeImage(reply.image), missingInImage);
    },
    imageInfo: async (image, signal) => {
      const request = { image: encodeImageSpec(image), verbose: true };
      const { info } = await channel.call(IMAGES.imageStatus, { request, deadlineMs }, signal);
      return info;
    },
    pullImage: async ({ image, auth, sandboxConfig }, signal) => {
      const request = {
        image: encodeImageSpec(image),
        auth: orNull(auth, encodeAuth),
        sandboxConfig: orNull(sandboxConfig, encodeSandboxConfig),
      };
      const unlimited = { request, deadlineMs: undefined };
      const { imageRef } = await channel.call(IMAGES.pullImage, unlimited, signal);
      return nonEmpty(IMAGES.pullImage, 'image_ref', imageRef);
    },
    removeImage: async (image, signal) => {
      const request = { image: encodeImageSpec(image) };
      await goneIsDone(channel.call(IMAGES.removeImage, { request, deadlineMs }, signal));
    },
    imageFsInfo: async (signal) => {
      const argument = { request: {}, deadlineMs };
      return decodeImageFilesystems(await channel.call(IMAGES.imageFsInfo, argument, signal));
    },
  };
}
