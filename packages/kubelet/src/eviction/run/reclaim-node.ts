import type { Logger } from '@nodeagent/base';
import type { ImageService, RuntimeService } from '@nodeagent/cri-client';

import { LABEL_POD_UID } from '../../pod/index.js';
import { unusedImages } from '../plan/unused-images.js';
import type { NodeReclaim } from '../ports.js';

export interface ReclaimOptions {
  readonly runtime: Pick<RuntimeService, 'listContainers' | 'removeContainer'>;
  readonly images: Pick<ImageService, 'listImages' | 'removeImage'>;
  /** Uids of the pods that use resources. */
  readonly active: () => ReadonlySet<string>;
  readonly log: Logger;
}

/**
 * Frees disk space that no pod uses: ended containers of pods that do not run any more, and images
 * without containers. A failed removal is logged, and the others follow.
 *
 * @see Kubernetes 1.36 pkg/kubelet/container/container_gc.go, DeleteAllUnusedContainers
 * @see Kubernetes 1.36 pkg/kubelet/images/image_gc_manager.go, DeleteUnusedImages
 */
export function createReclaim({ runtime, images, active, log }: ReclaimOptions): NodeReclaim {
  return {
    removeDeadContainers: async (signal) => {
      const ended = await runtime.listContainers({ state: 'exited' }, signal);
      const pods = active();
      for (const { id, labels } of ended) {
        if (pods.has(labels[LABEL_POD_UID] ?? '')) continue;
        await runtime.removeContainer(id, signal).catch((err: unknown) => {
          signal.throwIfAborted();
          log.warn({ containerId: id, err }, 'cannot remove an ended container');
        });
      }
    },
    removeUnusedImages: async (signal) => {
      const containers = await runtime.listContainers({}, signal);
      for (const { id } of unusedImages(await images.listImages({}, signal), containers)) {
        try {
          await images.removeImage({ image: id }, signal);
          log.info({ image: id }, 'removed an unused image');
        } catch (err) {
          signal.throwIfAborted();
          log.warn({ image: id, err }, 'cannot remove an unused image');
        }
      }
    },
  };
}
