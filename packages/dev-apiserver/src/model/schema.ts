import { TYPES } from './generated/types.js';

/** The shape of a field, and the type of its contents. */
export interface FieldType {
  readonly shape: 'one' | 'list' | 'map';
  /** A scalar (`string`, `int32`, `quantity` …) or a type name of the table. */
  readonly of: string;
}

const parsed = new Map<string, ReadonlyMap<string, FieldType>>();

/** Returns the fields of a type; undefined for scalars and for types that are not in the table. */
export function fieldsOf(type: string): ReadonlyMap<string, FieldType> | undefined {
  const known = parsed.get(type);
  if (known !== undefined) return known;
  const text = TYPES[type];
  if (text === undefined) return undefined;
  const fields = new Map(
    text.split(' ').map((entry) => {
      const colon = entry.lastIndexOf(':');
      return [entry.slice(0, colon), parseFieldType(entry.slice(colon + 1))] as const;
    }),
  );
  parsed.set(type, fields);
  return fields;
}

function parseFieldType(text: string): FieldType {
  if (text.startsWith('[]')) return { shape: 'list', of: text.slice(2) };
  if (text.startsWith('{}')) return { shape: 'map', of: text.slice(2) };
  return { shape: 'one', of: text };
}

/** How lists merge: strategic merge by `patchKey`, server-side apply by `applyKeys` or as a set. */
export interface ListRule {
  readonly patchKey?: string;
  readonly applyKeys?: readonly string[];
  readonly retainKeys?: boolean;
  /** For lists of scalars: a set for apply, or for strategic merge too. */
  readonly set?: 'apply' | 'always';
}

function byKey(patchKey: string, applyKeys: readonly string[] = [patchKey]): ListRule {
  return { patchKey, applyKeys };
}

const NAMED = byKey('name');
const CONDITIONS = byKey('type');
const CONTAINER: Readonly<Record<string, ListRule>> = {
  env: NAMED,
  ports: byKey('containerPort', ['containerPort', 'protocol']),
  volumeDevices: byKey('devicePath'),
  volumeMounts: byKey('mountPath'),
};
const WITH_CONDITIONS = { conditions: CONDITIONS };

/**
 * Lists that merge instead of being replaced; every other list is atomic.
 *
 * @see Kubernetes 1.36 api/openapi-spec/swagger.json: x-kubernetes-patch-merge-key, -list-map-keys
 */
const LIST_RULES: Readonly<Record<string, Readonly<Record<string, ListRule>>>> = {
  V1ObjectMeta: { ownerReferences: byKey('uid'), finalizers: { set: 'always' } },
  V1Container: CONTAINER,
  V1EphemeralContainer: CONTAINER,
  V1PodSpec: {
    containers: NAMED,
    ephemeralContainers: NAMED,
    hostAliases: byKey('ip'),
    imagePullSecrets: NAMED,
    initContainers: NAMED,
    resourceClaims: { ...NAMED, retainKeys: true },
    schedulingGates: NAMED,
    topologySpreadConstraints: byKey('topologyKey', ['topologyKey', 'whenUnsatisfiable']),
    volumes: { ...NAMED, retainKeys: true },
  },
  V1PodStatus: {
    conditions: CONDITIONS,
    hostIPs: { patchKey: 'ip' },
    podIPs: byKey('ip'),
    resourceClaimStatuses: { ...NAMED, retainKeys: true },
  },
  V1ContainerStatus: { allocatedResourcesStatus: NAMED, volumeMounts: byKey('mountPath') },
  V1ServiceSpec: { ports: byKey('port', ['port', 'protocol']) },
  V1ServiceStatus: WITH_CONDITIONS,
  V1ServiceAccount: { secrets: NAMED },
  V1NodeSpec: { podCIDRs: { set: 'always' } },
  V1NodeStatus: { addresses: byKey('type'), conditions: CONDITIONS },
  V1NamespaceStatus: WITH_CONDITIONS,
  V1DeploymentStatus: WITH_CONDITIONS,
  V1ReplicaSetStatus: WITH_CONDITIONS,
  V1DaemonSetStatus: WITH_CONDITIONS,
  V1StatefulSetStatus: WITH_CONDITIONS,
  V1JobStatus: { conditions: { patchKey: 'type' } },
  V1ReplicationControllerStatus: WITH_CONDITIONS,
  V1PersistentVolumeClaimStatus: WITH_CONDITIONS,
  V1PodDisruptionBudgetStatus: WITH_CONDITIONS,
  V1ServiceCIDRStatus: WITH_CONDITIONS,
  V1CertificateSigningRequestStatus: { conditions: { applyKeys: ['type'] } },
  V1CustomResourceDefinitionStatus: { conditions: { applyKeys: ['type'] } },
  V1CSINodeSpec: { drivers: NAMED },
  V1MutatingWebhookConfiguration: { webhooks: NAMED },
  V1ValidatingWebhookConfiguration: { webhooks: NAMED },
  V1MutatingWebhook: { matchConditions: NAMED },
  V1ValidatingWebhook: { matchConditions: NAMED },
  V1ValidatingAdmissionPolicySpec: { matchConditions: NAMED, variables: NAMED },
  V1ValidatingAdmissionPolicyStatus: { conditions: { applyKeys: ['type'] } },
  V1ValidatingAdmissionPolicyBindingSpec: { validationActions: { set: 'apply' } },
  V1ResourceClaimStatus: { reservedFor: byKey('uid') },
};

export function listRule(type: string, field: string): ListRule | undefined {
  return LIST_RULES[type]?.[field];
}

/** Structs whose fields share one owner. @see the same file: x-kubernetes-map-type */
const ATOMIC = new Set([
  'V1LabelSelector',
  'V1NodeSelector',
  'V1NodeSelectorTerm',
  'V1ObjectReference',
  'V1LocalObjectReference',
  'V1TypedLocalObjectReference',
  'V1SecretReference',
  'V1ConfigMapKeySelector',
  'V1SecretKeySelector',
  'V1ObjectFieldSelector',
  'V1ResourceFieldSelector',
  'V1ScopeSelector',
  'V1RoleRef',
  'RbacV1Subject',
  'V1OwnerReference',
  'V1MatchResources',
  'V1NamedRuleWithOperations',
  'V1ParamKind',
  'V1ParamRef',
  'V1Variable',
]);

const ATOMIC_FIELDS = new Set(['V1PodSpec.nodeSelector', 'V1ServiceSpec.selector']);

export function isAtomic(type: string, field: string, of: string): boolean {
  return ATOMIC.has(of) || ATOMIC_FIELDS.has(`${type}.${field}`);
}
