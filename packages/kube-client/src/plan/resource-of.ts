import type { KubeObject } from '../model/objects.js';
import { type AnyResource, apiVersionOf } from '../model/resource.js';
import {
  MUTATING_ADMISSION_POLICIES,
  MUTATING_ADMISSION_POLICY_BINDINGS,
  MUTATING_WEBHOOK_CONFIGURATIONS,
  VALIDATING_ADMISSION_POLICIES,
  VALIDATING_ADMISSION_POLICY_BINDINGS,
  VALIDATING_WEBHOOK_CONFIGURATIONS,
} from '../model/resources/admissionregistration.js';
import { CUSTOM_RESOURCE_DEFINITIONS } from '../model/resources/apiextensions.js';
import { API_SERVICES } from '../model/resources/apiregistration.js';
import {
  CONTROLLER_REVISIONS,
  DAEMON_SETS,
  DEPLOYMENTS,
  REPLICA_SETS,
  STATEFUL_SETS,
} from '../model/resources/apps.js';
import { SELF_SUBJECT_REVIEWS, TOKEN_REVIEWS } from '../model/resources/authentication.js';
import {
  LOCAL_SUBJECT_ACCESS_REVIEWS,
  SELF_SUBJECT_ACCESS_REVIEWS,
  SELF_SUBJECT_RULES_REVIEWS,
  SUBJECT_ACCESS_REVIEWS,
} from '../model/resources/authorization.js';
import { HORIZONTAL_POD_AUTOSCALERS } from '../model/resources/autoscaling.js';
import { CRON_JOBS, JOBS } from '../model/resources/batch.js';
import {
  CERTIFICATE_SIGNING_REQUESTS,
  CLUSTER_TRUST_BUNDLES,
  POD_CERTIFICATE_REQUESTS,
} from '../model/resources/certificates.js';
import { LEASE_CANDIDATES, LEASES } from '../model/resources/coordination.js';
import {
  BINDINGS,
  COMPONENT_STATUSES,
  CONFIG_MAPS,
  ENDPOINTS,
  EVENTS,
  LIMIT_RANGES,
  NAMESPACES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  POD_TEMPLATES,
  PODS,
  REPLICATION_CONTROLLERS,
  RESOURCE_QUOTAS,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICES,
} from '../model/resources/core.js';
import { ENDPOINT_SLICES } from '../model/resources/discovery.js';
import { EVENTS_V1 } from '../model/resources/events.js';
import { FLOW_SCHEMAS, PRIORITY_LEVEL_CONFIGURATIONS } from '../model/resources/flowcontrol.js';
import { STORAGE_VERSIONS } from '../model/resources/internal.js';
import {
  INGRESS_CLASSES,
  INGRESSES,
  IP_ADDRESSES,
  NETWORK_POLICIES,
  SERVICE_CIDRS,
} from '../model/resources/networking.js';
import { RUNTIME_CLASSES } from '../model/resources/node.js';
import { POD_DISRUPTION_BUDGETS } from '../model/resources/policy.js';
import {
  CLUSTER_ROLE_BINDINGS,
  CLUSTER_ROLES,
  ROLE_BINDINGS,
  ROLES,
} from '../model/resources/rbac.js';
import {
  DEVICE_CLASSES,
  DEVICE_TAINT_RULES,
  RESOURCE_CLAIM_TEMPLATES,
  RESOURCE_CLAIMS,
  RESOURCE_POOL_STATUS_REQUESTS,
  RESOURCE_SLICES,
} from '../model/resources/resource.js';
import { POD_GROUPS, PRIORITY_CLASSES, WORKLOADS } from '../model/resources/scheduling.js';
import {
  CSI_DRIVERS,
  CSI_NODES,
  CSI_STORAGE_CAPACITIES,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
  VOLUME_ATTRIBUTES_CLASSES,
} from '../model/resources/storage.js';
import { STORAGE_VERSION_MIGRATIONS } from '../model/resources/storagemigration.js';

/**
 * Every built-in kind of Kubernetes 1.36, in the newest version that a server may have: kinds whose
 * only versions are off by default are among them.
 */
export const BUILT_IN_RESOURCES: readonly AnyResource<KubeObject>[] = [
  PODS,
  NODES,
  SERVICES,
  CONFIG_MAPS,
  SECRETS,
  SERVICE_ACCOUNTS,
  NAMESPACES,
  EVENTS,
  PERSISTENT_VOLUMES,
  PERSISTENT_VOLUME_CLAIMS,
  ENDPOINTS,
  REPLICATION_CONTROLLERS,
  POD_TEMPLATES,
  LIMIT_RANGES,
  RESOURCE_QUOTAS,
  COMPONENT_STATUSES,
  BINDINGS,
  DEPLOYMENTS,
  REPLICA_SETS,
  DAEMON_SETS,
  STATEFUL_SETS,
  CONTROLLER_REVISIONS,
  JOBS,
  CRON_JOBS,
  HORIZONTAL_POD_AUTOSCALERS,
  POD_DISRUPTION_BUDGETS,
  SERVICE_CIDRS,
  IP_ADDRESSES,
  NETWORK_POLICIES,
  INGRESSES,
  INGRESS_CLASSES,
  ENDPOINT_SLICES,
  CSI_DRIVERS,
  CSI_NODES,
  CSI_STORAGE_CAPACITIES,
  VOLUME_ATTACHMENTS,
  STORAGE_CLASSES,
  VOLUME_ATTRIBUTES_CLASSES,
  DEVICE_CLASSES,
  RESOURCE_CLAIMS,
  RESOURCE_CLAIM_TEMPLATES,
  RESOURCE_SLICES,
  DEVICE_TAINT_RULES,
  RESOURCE_POOL_STATUS_REQUESTS,
  PRIORITY_CLASSES,
  POD_GROUPS,
  WORKLOADS,
  RUNTIME_CLASSES,
  LEASES,
  LEASE_CANDIDATES,
  EVENTS_V1,
  CERTIFICATE_SIGNING_REQUESTS,
  CLUSTER_TRUST_BUNDLES,
  POD_CERTIFICATE_REQUESTS,
  ROLES,
  ROLE_BINDINGS,
  CLUSTER_ROLES,
  CLUSTER_ROLE_BINDINGS,
  TOKEN_REVIEWS,
  SELF_SUBJECT_REVIEWS,
  SUBJECT_ACCESS_REVIEWS,
  LOCAL_SUBJECT_ACCESS_REVIEWS,
  SELF_SUBJECT_ACCESS_REVIEWS,
  SELF_SUBJECT_RULES_REVIEWS,
  VALIDATING_ADMISSION_POLICIES,
  VALIDATING_ADMISSION_POLICY_BINDINGS,
  VALIDATING_WEBHOOK_CONFIGURATIONS,
  MUTATING_ADMISSION_POLICIES,
  MUTATING_ADMISSION_POLICY_BINDINGS,
  MUTATING_WEBHOOK_CONFIGURATIONS,
  CUSTOM_RESOURCE_DEFINITIONS,
  API_SERVICES,
  FLOW_SCHEMAS,
  PRIORITY_LEVEL_CONFIGURATIONS,
  STORAGE_VERSION_MIGRATIONS,
  STORAGE_VERSIONS,
];

/** Earlier stable versions, which servers have besides the newest. */
const EARLIER: readonly AnyResource<KubeObject>[] = [
  { ...HORIZONTAL_POD_AUTOSCALERS, version: 'v1' },
];

/**
 * Returns the place of a built-in kind by the text that objects and manifests carry, or undefined for
 * others: custom kinds, kinds that have no place, such as `List`, and beta versions of kinds that have
 * a stable one. `autoscaling/v1` is known too.
 *
 * @example
 * ```ts
 * import { resourceOf } from '@nodeagent/kube-client/resources';
 *
 * const found = resourceOf({ apiVersion: 'apps/v1', kind: 'Deployment' });
 * console.log(found?.plural, found?.namespaced); // deployments true
 * ```
 */
export function resourceOf({
  apiVersion,
  kind,
}: Readonly<{ apiVersion?: string; kind?: string }>): AnyResource<KubeObject> | undefined {
  const matches = (one: AnyResource<KubeObject>): boolean =>
    one.kind === kind && apiVersionOf(one) === apiVersion;
  return BUILT_IN_RESOURCES.find(matches) ?? EARLIER.find(matches);
}
