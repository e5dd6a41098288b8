import type { HorizontalPodAutoscaler } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `autoscaling/v2`, by namespace: sets the replicas of a workload by measured load. Subresource:
 * `status`. Servers have the same objects in `autoscaling/v1`, which knows only the use of CPU.
 */
export const HORIZONTAL_POD_AUTOSCALERS: Resource<HorizontalPodAutoscaler> = {
  group: 'autoscaling',
  version: 'v2',
  plural: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  namespaced: true,
};
