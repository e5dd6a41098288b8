import type { EndpointSlice } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `discovery.k8s.io/v1`, by namespace; at most 1,000 endpoints each, so a Service may have several.
 */
export const ENDPOINT_SLICES: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};
