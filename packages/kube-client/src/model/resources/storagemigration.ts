import type { StorageVersionMigration } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/**
 * `storagemigration.k8s.io/v1beta1`, without namespaces, off by default in API servers (gate
 * `StorageVersionMigrator`): has all objects of a kind written again, in the version that is stored
 * today. Subresource: `status`.
 */
export const STORAGE_VERSION_MIGRATIONS: Resource<StorageVersionMigration> = {
  group: 'storagemigration.k8s.io',
  version: 'v1beta1',
  plural: 'storageversionmigrations',
  kind: 'StorageVersionMigration',
  namespaced: false,
};
