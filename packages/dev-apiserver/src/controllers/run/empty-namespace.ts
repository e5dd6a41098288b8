import {
  isKubeError,
  type KubeClient,
  type KubeObject,
  NAMESPACES,
  type Resource,
  resource,
} from '@nodeagent/kube-client';

/** Kinds that a namespace may hold; those that the server does not have are skipped. */
const CONTENT: readonly Resource<KubeObject>[] = [
  ...content('', 'v1', [
    'pods/Pod',
    'services/Service',
    'configmaps/ConfigMap',
    'secrets/Secret',
    'serviceaccounts/ServiceAccount',
    'events/Event',
    'persistentvolumeclaims/PersistentVolumeClaim',
    'replicationcontrollers/ReplicationController',
    'limitranges/LimitRange',
    'resourcequotas/ResourceQuota',
  ]),
  ...content('apps', 'v1', [
    'deployments/Deployment',
    'replicasets/ReplicaSet',
    'daemonsets/DaemonSet',
    'statefulsets/StatefulSet',
  ]),
  ...content('batch', 'v1', ['jobs/Job', 'cronjobs/CronJob']),
  ...content('discovery.k8s.io', 'v1', ['endpointslices/EndpointSlice']),
  ...content('coordination.k8s.io', 'v1', ['leases/Lease']),
  ...content('networking.k8s.io', 'v1', ['networkpolicies/NetworkPolicy', 'ingresses/Ingress']),
  ...content('rbac.authorization.k8s.io', 'v1', ['roles/Role', 'rolebindings/RoleBinding']),
  ...content('policy', 'v1', ['poddisruptionbudgets/PodDisruptionBudget']),
];

function content(group: string, version: string, kinds: readonly string[]) {
  return kinds.map((entry): Resource<KubeObject> => {
    const [plural = '', kind = ''] = entry.split('/');
    return resource({ group, version, plural, kind, namespaced: true });
  });
}

/** Deletes the objects of a deleted namespace; removes its finalizer when none is left. */
export async function emptyNamespace(
  client: KubeClient,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  let left = 0;
  for (const kind of CONTENT) left += await deleteAll(client, { kind, namespace: name }, signal);
  if (left > 0) return;
  const namespace = await client.get(NAMESPACES, { name }, signal);
  const finalizers = (namespace.spec?.finalizers ?? []).filter((entry) => entry !== 'kubernetes');
  const released = { ...namespace, spec: { ...namespace.spec, finalizers } };
  await client.replace(NAMESPACES, released, { subresource: 'finalize' }, signal);
}

/** @returns the number of objects found */
async function deleteAll(
  client: KubeClient,
  { kind, namespace }: { readonly kind: Resource<KubeObject>; readonly namespace: string },
  signal: AbortSignal,
): Promise<number> {
  try {
    const { items } = await client.list(kind, { namespace }, signal);
    for (const { metadata } of items) {
      if (metadata?.deletionTimestamp !== undefined) continue;
      const { name = '', uid = '' } = metadata ?? {};
      try {
        await client.delete(kind, { namespace, name }, { uid }, signal);
      } catch (error) {
        if (!isKubeError(error, 'KUBE_NOT_FOUND', 'KUBE_CONFLICT')) throw error;
      }
    }
    return items.length;
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return 0;
    throw error;
  }
}
