import type { ApiService } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `apiregistration.k8s.io/v1`, without namespaces: which server answers for a version of a group; the
 * API server has one for each of its own. Subresource: `status`.
 */
export const API_SERVICES: Resource<ApiService> = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  plural: 'apiservices',
  kind: 'APIService',
  namespaced: false,
};
