import type { StorageVersion } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `internal.apiserver.k8s.io/v1alpha1`, without namespaces, off by default in API servers (gate
 * `StorageVersionAPI`): the version in which each API server stores a kind. Servers write them for one
 * another. Subresource: `status`.
 */
export const STORAGE_VERSIONS: Resource<StorageVersion> = {
  group: 'internal.apiserver.k8s.io',
  version: 'v1alpha1',
  plural: 'storageversions',
  kind: 'StorageVersion',
  namespaced: false,
};
