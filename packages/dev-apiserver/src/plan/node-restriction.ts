import { type ApiObject, deepEqual, listAt, omit, textAt, valueAt } from '../model/object.js';

/** A node that writes about itself. */
export interface WritingNode {
  readonly name: string;
  /** The uid of its object; empty before the object exists. */
  readonly uid: string;
}

/**
 * Finds what a node may not write about itself or its pods, given the resulting object.
 *
 * @param old absent for a creation
 * @returns undefined when nothing is wrong
 * @see Kubernetes 1.36 plugin/pkg/admission/noderestriction/admission.go
 */
export function nodeWriteProblem(
  storage: string,
  node: WritingNode,
  { draft, old }: Readonly<{ draft: ApiObject; old: ApiObject | undefined }>,
): string | undefined {
  if (storage === 'nodes') return nodeProblem(node, draft, old);
  if (storage === 'persistentvolumeclaims') return claimProblem(node, draft, old);
  if (storage !== 'pods') return undefined;
  if (old === undefined) return mirrorProblem(node, draft);
  const sameLabels = deepEqual(draft.metadata.labels ?? {}, old.metadata.labels ?? {});
  return sameLabels ? undefined : `node "${node.name}" cannot update labels through pod status`;
}

/**
 * The existing objects that a request for a pod's certificate names; undefined for missing ones.
 */
export interface NamedObjects {
  readonly pod: ApiObject | undefined;
  readonly serviceAccount: ApiObject | undefined;
}

/**
 * Finds what a node may not request: certificates of other nodes' pods, or with wrong data of its
 * own pods.
 *
 * @see Kubernetes 1.36 plugin/pkg/admission/noderestriction/admission.go,
 * admitPodCertificateRequest
 */
export function certificateRequestProblem(
  node: WritingNode,
  request: ApiObject,
  { pod, serviceAccount }: NamedObjects,
): string | undefined {
  const of = (path: string): string => textAt(request, `spec.${path}`);
  const what = `PodCertificateRequest for pod "${request.metadata.namespace ?? ''}/${of('podName')}"`;
  if (of('nodeName') !== node.name) {
    return `PodCertificateRequest.Spec.NodeName="${of('nodeName')}", which is not the requesting node "${node.name}"`;
  }
  if (of('nodeUID') !== node.uid) return `${what} names another node UID than "${node.uid}"`;
  if (pod === undefined) return `${what}: there is no such pod`;
  if (of('podUID') !== pod.metadata.uid) return `${what} contains another pod's UID`;
  if (textAt(pod, 'spec.nodeName') !== node.name) return `${what}: the pod is not on this node`;
  if (pod.metadata.annotations?.[MIRROR] !== undefined) return `${what}: it is a mirror pod`;
  if (of('serviceAccountName') !== textAt(pod, 'spec.serviceAccountName')) {
    return `${what} contains serviceAccountName ("${of('serviceAccountName')}") that differs from running pod`;
  }
  return of('serviceAccountUID') === serviceAccount?.metadata.uid
    ? undefined
    : `${what} names another service account UID`;
}

const MIRROR = 'kubernetes.io/config.mirror';

function nodeProblem(
  { name }: WritingNode,
  draft: ApiObject,
  old: ApiObject | undefined,
): string | undefined {
  const forbidden = changedLabels(draft, old).filter(isForbiddenLabel).toSorted().join(', ');
  if (old === undefined) {
    if (forbidden === '') return undefined;
    return `node "${name}" is not allowed to set the following labels: ${forbidden}`;
  }
  if (!deepEqual(listAt(draft, 'spec.taints'), listAt(old, 'spec.taints'))) {
    return `node "${name}" is not allowed to modify taints`;
  }
  const owners = 'metadata.ownerReferences';
  if (!deepEqual(listAt(draft, owners), listAt(old, owners))) {
    return `node "${name}" is not allowed to modify ownerReferences`;
  }
  return forbidden === '' ? undefined : `is not allowed to modify labels: ${forbidden}`;
}

/** A node says how large a volume is that it has expanded, and nothing else about its claim. */
function claimProblem(
  { name }: WritingNode,
  draft: ApiObject,
  old: ApiObject | undefined,
): string | undefined {
  const rest = ({ metadata, status = {}, ...object }: ApiObject): unknown => ({
    ...object,
    metadata: omit(metadata, 'resourceVersion', 'managedFields'),
    status: omit(
      status,
      'capacity',
      'conditions',
      'allocatedResources',
      'allocatedResourceStatuses',
    ),
  });
  if (old !== undefined && deepEqual(rest(draft), rest(old))) return undefined;
  return `node "${name}" is not allowed to update fields other than status.quantity and status.conditions`;
}

function changedLabels(draft: ApiObject, old: ApiObject | undefined): readonly string[] {
  const [now = {}, before = {}] = [draft.metadata.labels, old?.metadata.labels];
  const keys = new Set([...Object.keys(now), ...Object.keys(before)]);
  return [...keys].filter((key) => now[key] !== before[key]);
}

/** @see Kubernetes 1.36 staging/src/k8s.io/kubelet/pkg/apis/well_known_labels.go */
const OWN_LABELS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
]);

/**
 * True for labels that keep pods away from nodes, and for unknown labels of Kubernetes' own
 * domains.
 */
function isForbiddenLabel(label: string): boolean {
  const slash = label.indexOf('/');
  const prefix = slash < 0 ? '' : label.slice(0, slash);
  const isBelow = (domain: string): boolean => prefix === domain || prefix.endsWith(`.${domain}`);
  if (isBelow('node-restriction.kubernetes.io')) return true;
  if (!isBelow('kubernetes.io') && !isBelow('k8s.io')) return false;
  if (isBelow('kubelet.kubernetes.io') || isBelow('node.kubernetes.io')) return false;
  return !OWN_LABELS.has(label);
}

function mirrorProblem({ name, uid }: WritingNode, draft: ApiObject): string | undefined {
  const can = `node "${name}" can only create pods with`;
  const owners = listAt(draft, 'metadata.ownerReferences');
  if (owners.length > 1) return `${can} a single owner reference set to itself`;
  const [owner] = owners;
  const isOwn =
    textAt(owner, 'apiVersion') === 'v1' &&
    textAt(owner, 'kind') === 'Node' &&
    textAt(owner, 'name') === name;
  if (!isOwn) return `${can} an owner reference set to itself`;
  if (valueAt(owner, 'controller') !== true) {
    return `${can} a controller owner reference set to itself`;
  }
  if (valueAt(owner, 'blockOwnerDeletion') === true) {
    return `node "${name}" must not set blockOwnerDeletion on an owner reference`;
  }
  const given = textAt(owner, 'uid');
  return given === uid ? undefined : `node ${name} UID mismatch: expected ${given} got ${uid}`;
}

/**
 * Finds references that a mirror pod may not have: to API objects which the author of the file may
 * not be allowed to see.
 *
 * @see Kubernetes 1.36 plugin/pkg/admission/serviceaccount/admission.go
 */
export function mirrorPodProblem(pod: ApiObject): string | undefined {
  if (textAt(pod, 'spec.serviceAccountName') !== '') {
    return 'a mirror pod may not reference service accounts';
  }
  const containers = ['spec.initContainers', 'spec.containers', 'spec.ephemeralContainers'].flatMap(
    (path) => [...listAt(pod, path)],
  );
  const sources = listAt(pod, 'spec.volumes').flatMap((volume) => [
    volume,
    ...listAt(volume, 'projected.sources'),
  ]);
  const has = (path: string) => (value: unknown) => valueAt(value, path) !== undefined;
  const secrets =
    sources.some(has('secret')) ||
    listAt(pod, 'spec.imagePullSecrets').length > 0 ||
    containers.some(
      (container) =>
        listAt(container, 'envFrom').some(has('secretRef')) ||
        listAt(container, 'env').some(has('valueFrom.secretKeyRef')),
    );
  if (secrets) return 'a mirror pod may not reference secrets';
  return sources.some(has('serviceAccountToken'))
    ? 'a mirror pod may not use ServiceAccountToken volume projections'
    : undefined;
}
