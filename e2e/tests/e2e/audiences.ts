/**
 * What lets every node have tokens for one audience, whatever the volumes of its pods ask for, as one
 * list in JSON: an administrator grants it for each credential provider with a
 * `serviceAccountTokenAudience`.
 *
 * @param name of both objects, which belong to no namespace
 * @see Kubernetes 1.36 plugin/pkg/admission/noderestriction/admission.go
 */
export function audienceGrant(name: string, audience: string): string {
  const apiGroup = 'rbac.authorization.k8s.io';
  const head = { apiVersion: `${apiGroup}/v1`, metadata: { name } };
  const verbs = ['request-serviceaccounts-token-audience'];
  const rules = [{ apiGroups: [''], resources: [audience], verbs }];
  const items = [
    { ...head, kind: 'ClusterRole', rules },
    {
      ...{ ...head, kind: 'ClusterRoleBinding' },
      roleRef: { apiGroup, kind: 'ClusterRole', name },
      subjects: [{ apiGroup, kind: 'Group', name: 'system:nodes' }],
    },
  ];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
