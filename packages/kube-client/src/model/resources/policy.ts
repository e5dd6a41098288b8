import type { PodDisruptionBudget } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `policy/v1`, by namespace: how many pods of an application may be evicted at a time. Subresource:
 * `status`.
 */
export const POD_DISRUPTION_BUDGETS: Resource<PodDisruptionBudget> = {
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
};
