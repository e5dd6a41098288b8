import type { PodGroup, PriorityClass, Workload } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/** `scheduling.k8s.io/v1`, without namespaces: names for priorities of pods. */
export const PRIORITY_CLASSES: Resource<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  plural: 'priorityclasses',
  kind: 'PriorityClass',
  namespaced: false,
};
/**
 * `scheduling.k8s.io/v1alpha2`, by namespace, off by default in API servers (gate `GenericWorkload`):
 * pods that are scheduled together or not at all. Subresource: `status`.
 */
export const POD_GROUPS: Resource<PodGroup> = {
  group: 'scheduling.k8s.io',
  version: 'v1alpha2',
  plural: 'podgroups',
  kind: 'PodGroup',
  namespaced: true,
};
/**
 * `scheduling.k8s.io/v1alpha2`, by namespace, off by default in API servers (gate `GenericWorkload`):
 * templates of an application's groups of pods.
 */
export const WORKLOADS: Resource<Workload> = {
  group: 'scheduling.k8s.io',
  version: 'v1alpha2',
  plural: 'workloads',
  kind: 'Workload',
  namespaced: true,
};
