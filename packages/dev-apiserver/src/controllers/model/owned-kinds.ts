import {
  asWritten,
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  CONFIG_MAPS,
  CONTROLLER_REVISIONS,
  CRON_JOBS,
  type CustomResourceDefinition,
  HORIZONTAL_POD_AUTOSCALERS,
  INGRESS_CLASSES,
  INGRESSES,
  JOBS,
  type KubeObject,
  LEASES,
  LIMIT_RANGES,
  NETWORK_POLICIES,
  POD_DISRUPTION_BUDGETS,
  POD_TEMPLATES,
  REPLICATION_CONTROLLERS,
  type Resource,
  resource,
  RESOURCE_CLAIM_TEMPLATES,
  RESOURCE_CLAIMS,
  RESOURCE_QUOTAS,
  ROLE_BINDINGS,
  ROLES,
  SECRETS,
} from '@nodeagent/kube-client';

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
  CONFIG_MAPS,
  SECRETS,
  REPLICATION_CONTROLLERS,
  POD_TEMPLATES,
  LIMIT_RANGES,
  RESOURCE_QUOTAS,
  CONTROLLER_REVISIONS,
  JOBS,
  CRON_JOBS,
  LEASES,
  NETWORK_POLICIES,
  INGRESSES,
  INGRESS_CLASSES,
  ROLES,
  ROLE_BINDINGS,
  CLUSTER_ROLES,
  CLUSTER_ROLE_BINDINGS,
  POD_DISRUPTION_BUDGETS,
  { ...HORIZONTAL_POD_AUTOSCALERS, version: 'v1' }, // this server has only that one
  RESOURCE_CLAIMS,
  RESOURCE_CLAIM_TEMPLATES,
];

/** Returns the kind that an established definition serves, in the version that is stored. */
export function kindOfDefinition(
  definition: CustomResourceDefinition,
): Resource<KubeObject> | undefined {
  const { spec, status } = asWritten(definition);
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
