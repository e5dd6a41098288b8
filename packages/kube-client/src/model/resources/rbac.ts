import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function rbac<T>(plural: string, kind: string, namespaced: boolean): Resource<T> {
  return { group: 'rbac.authorization.k8s.io', version: 'v1', plural, kind, namespaced };
}

/** `rbac.authorization.k8s.io/v1`, by namespace: permissions inside the namespace. */
export const ROLES = rbac<Role>('roles', 'Role', true);
/**
 * `rbac.authorization.k8s.io/v1`, by namespace: who has the permissions of a Role, or those of a
 * ClusterRole inside the namespace. Its `roleRef` never changes.
 */
export const ROLE_BINDINGS = rbac<RoleBinding>('rolebindings', 'RoleBinding', true);
/**
 * `rbac.authorization.k8s.io/v1`, without namespaces: permissions everywhere, on objects without
 * namespaces, and on paths that are no objects.
 */
export const CLUSTER_ROLES = rbac<ClusterRole>('clusterroles', 'ClusterRole', false);
/**
 * `rbac.authorization.k8s.io/v1`, without namespaces: who has the permissions of a ClusterRole. Its
 * `roleRef` never changes.
 */
export const CLUSTER_ROLE_BINDINGS = rbac<ClusterRoleBinding>(
  'clusterrolebindings',
  'ClusterRoleBinding',
  false,
);
