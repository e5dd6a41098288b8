import type { AccessQuestion, Decision } from '../model/access.js';
import { kindOf } from '../model/kinds.js';
import { textAt } from '../model/object.js';
import type { UserInfo } from '../model/request.js';
import { binds, grants } from '../plan/rbac.js';
import type { Registry } from './registry.js';

const CLUSTER_ROLES = kindOf('rbac.authorization.k8s.io', 'clusterroles');
const CLUSTER_BINDINGS = kindOf('rbac.authorization.k8s.io', 'clusterrolebindings');
const ROLES = kindOf('rbac.authorization.k8s.io', 'roles');
const BINDINGS = kindOf('rbac.authorization.k8s.io', 'rolebindings');

/** Decides by the stored roles and bindings. */
export function decideRbac(registry: Registry, user: UserInfo, question: AccessQuestion): Decision {
  for (const binding of registry.all(CLUSTER_BINDINGS)) {
    if (!binds(binding, user)) continue;
    const role = registry.find(CLUSTER_ROLES, {
      namespace: '',
      name: textAt(binding, 'roleRef.name'),
    });
    if (role !== undefined && grants(role, question)) {
      return {
        allowed: true,
        why: `RBAC: allowed by ClusterRoleBinding "${binding.metadata.name}"`,
      };
    }
  }
  if (question.namespace === '') return { allowed: false, why: '' };
  for (const binding of registry.all(BINDINGS)) {
    if (binding.metadata.namespace !== question.namespace || !binds(binding, user)) continue;
    const name = textAt(binding, 'roleRef.name');
    const role =
      textAt(binding, 'roleRef.kind') === 'ClusterRole'
        ? registry.find(CLUSTER_ROLES, { namespace: '', name })
        : registry.find(ROLES, { namespace: question.namespace, name });
    if (role !== undefined && grants(role, question)) {
      return { allowed: true, why: `RBAC: allowed by RoleBinding "${binding.metadata.name}"` };
    }
  }
  return { allowed: false, why: '' };
}
