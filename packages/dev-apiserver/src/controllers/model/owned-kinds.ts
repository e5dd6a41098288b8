import { type KubeObject, type Resource, resource } from '@nodeagent/kube-client';

/** The objects of one kind, as far as the garbage collector needs them; keys as in a View. */
export interface OwnedKind {
  readonly resource: Resource<KubeObject>;
  readonly objects: ReadonlyMap<string, KubeObject>;
}

/**
 * Built-in kinds that can own or be owned, beyond those in a View. Some servers lack some of them.
 * Events are left out, as upstream does: there are many, and they expire.
 *
 * @see Kubernetes 1.36 pkg/controller/garbagecollector/garbagecollector.go, ignoredResources
 */
export const MORE_KINDS: readonly Resource<KubeObject>[] = [
  ...kinds('', 'v1', true, [
    'configmaps/ConfigMap',
    'secrets/Secret',
    'replicationcontrollers/ReplicationController',
    'podtemplates/PodTemplate',
    'limitranges/LimitRange',
    'resourcequotas/ResourceQuota',
  ]),
  ...kinds('apps', 'v1', true, ['controllerrevisions/ControllerRevision']),
  ...kinds('batch', 'v1', true, ['jobs/Job', 'cronjobs/CronJob']),
  ...kinds('coordination.k8s.io', 'v1', true, ['leases/Lease']),
  ...kinds('networking.k8s.io', 'v1', true, ['networkpolicies/NetworkPolicy', 'ingresses/Ingress']),
  ...kinds('networking.k8s.io', 'v1', false, ['ingressclasses/IngressClass']),
  ...kinds('rbac.authorization.k8s.io', 'v1', true, ['roles/Role', 'rolebindings/RoleBinding']),
  ...kinds('rbac.authorization.k8s.io', 'v1', false, [
    'clusterroles/ClusterRole',
    'clusterrolebindings/ClusterRoleBinding',
  ]),
  ...kinds('policy', 'v1', true, ['poddisruptionbudgets/PodDisruptionBudget']),
  ...kinds('autoscaling', 'v1', true, ['horizontalpodautoscalers/HorizontalPodAutoscaler']),
  ...kinds('resource.k8s.io', 'v1', true, [
    'resourceclaims/ResourceClaim',
    'resourceclaimtemplates/ResourceClaimTemplate',
  ]),
];

function kinds(
  group: string,
  version: string,
  namespaced: boolean,
  entries: readonly string[],
): readonly Resource<KubeObject>[] {
  return entries.map((entry) => {
    const [plural = '', kind = ''] = entry.split('/');
    return resource<KubeObject>({ group, version, plural, kind, namespaced });
  });
}

interface DefinitionSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: Readonly<{ plural: string; kind: string }>;
  readonly versions: readonly Readonly<{ name: string; served: boolean; storage: boolean }>[];
}

/** A CustomResourceDefinition as far as the controllers need it. */
export interface Definition extends KubeObject {
  readonly spec?: DefinitionSpec;
  readonly status?: Readonly<{
    conditions?: readonly Readonly<{ type: string; status: string }>[];
  }>;
}

export const DEFINITIONS = resource<Definition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
});

/** Returns the kind that an established definition serves, in the version that is stored. */
export function kindOfDefinition({ spec, status }: Definition): Resource<KubeObject> | undefined {
  const established = status?.conditions?.some(
    (condition) => condition.type === 'Established' && condition.status === 'True',
  );
  const served = spec?.versions.filter((version) => version.served) ?? [];
  const version = served.find(({ storage }) => storage) ?? served[0];
  if (spec === undefined || version === undefined || established !== true) return undefined;
  const { group, scope, names } = spec;
  const { plural, kind } = names;
  const namespaced = scope === 'Namespaced';
  return resource<KubeObject>({ group, version: version.name, plural, kind, namespaced });
}
