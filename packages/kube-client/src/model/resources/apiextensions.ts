import type { CustomResourceDefinition } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `apiextensions.k8s.io/v1`, without namespaces: adds a kind to the API. The server has the kind once
 * the condition `Established` is true. Subresource: `status`.
 */
export const CUSTOM_RESOURCE_DEFINITIONS: Resource<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
