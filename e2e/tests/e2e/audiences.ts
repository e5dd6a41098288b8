/**
 * Returns the objects that let every node request tokens for one audience, whatever the volumes of
 * its pods, as one list in JSON. An administrator grants this for each credential provider with a
 * `serviceAccountTokenAudience`.
 *
 * @param name of both objects, which are cluster-wide
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
