import type { AccessQuestion, Decision } from '../model/access.js';
import { type StatusError, statusError } from '../model/errors.js';
import { kindOf } from '../model/kinds.js';
import { type ApiObject, isObject, listAt, textAt, valueAt } from '../model/object.js';
import type { UserInfo } from '../model/request.js';
import { CONFIG_MAP_PATHS, mentions, SECRET_PATHS } from '../plan/pod-references.js';
import type { Route, Verb } from '../plan/route.js';
import type { NoticedBindings } from './noticed-bindings.js';
import type { Registry } from './registry.js';

const PODS = kindOf('', 'pods');
const CLAIMS = kindOf('', 'persistentvolumeclaims');
const VOLUMES = kindOf('', 'persistentvolumes');
const VOLUME_ATTACHMENTS = kindOf('storage.k8s.io', 'volumeattachments');
const POD_CERTIFICATE_REQUESTS = kindOf('certificates.k8s.io', 'podcertificaterequests');

const NODE_PREFIX = 'system:node:';
const READ = ['get', 'list', 'watch'];

/** @returns undefined for users that are not nodes */
export function nodeNameOf(user: UserInfo): string | undefined {
  const isNode = user.groups.includes('system:nodes') && user.username.startsWith(NODE_PREFIX);
  return isNode ? user.username.slice(NODE_PREFIX.length) : undefined;
}

/**
 * Verbs allowed to every node, by resource; `named` requires a relation between node and object.
 */
const NODE_RULES: Readonly<Record<string, readonly string[]>> = {
  'services.': READ,
  'endpointslices.discovery.k8s.io': READ,
  'nodes.': ['create', 'update', 'patch'],
  'nodes/status.': ['update', 'patch'],
  'pods.': ['create', 'delete'],
  'pods/status.': ['update', 'patch'],
  'pods/eviction.': ['create'],
  'events.': ['create', 'update', 'patch'],
  'events.events.k8s.io': ['create', 'update', 'patch'],
  'runtimeclasses.node.k8s.io': READ,
  'csidrivers.storage.k8s.io': READ,
  'servicecidrs.networking.k8s.io': READ,
  'clustertrustbundles.certificates.k8s.io': READ,
  'certificatesigningrequests.certificates.k8s.io': ['create', 'get', 'list', 'watch'],
  'podcertificaterequests.certificates.k8s.io': ['create'],
  'tokenreviews.authentication.k8s.io': ['create'],
  'subjectaccessreviews.authorization.k8s.io': ['create'],
  'localsubjectaccessreviews.authorization.k8s.io': ['create'],
  'selfsubjectaccessreviews.authorization.k8s.io': ['create'],
  'selfsubjectreviews.authentication.k8s.io': ['create'],
};

/** The state that the node authorizer reads. */
export interface NodeWorld {
  readonly registry: Registry;
  readonly bindings: NoticedBindings;
}

/** @see Kubernetes plugin/pkg/auth/authorizer/node */
export function decideNode(
  { registry, bindings }: NodeWorld,
  node: string,
  question: AccessQuestion,
): Decision {
  const { verb, group, resource, subresource, namespace, name } = question;
  const key = `${subresource === '' ? resource : `${resource}/${subresource}`}.${group}`;
  if (NODE_RULES[key]?.includes(verb) === true) return { allowed: true, why: 'node rule' };
  const reads = READ.includes(verb);
  if (key === 'nodes.' && reads) return readNode(node, name);
  if (key === 'pods.' && reads) return readPods(registry, node, question);
  if (key === 'podcertificaterequests.certificates.k8s.io' && reads) {
    return readCertificateRequests(registry, node, question);
  }
  if (key === 'leases.coordination.k8s.io') {
    if (namespace !== NODE_LEASES) {
      return refusal(`can only access leases in the "${NODE_LEASES}" system namespace`);
    }
    if (name === node || verb === 'create') return { allowed: true, why: 'own lease' };
    return refusal('can only access node lease with the same name as the requesting node');
  }
  if (key === 'csinodes.storage.k8s.io') {
    if (name === node || verb === 'create') return { allowed: true, why: 'own CSINode' };
    return refusal('can only access CSINode with the same name as the requesting node');
  }
  if (key === 'volumeattachments.storage.k8s.io' && verb === 'get') {
    const found = registry.find(VOLUME_ATTACHMENTS, { namespace: '', name });
    const allowed = found !== undefined && textAt(found, 'spec.nodeName') === node;
    return allowed ? { allowed, why: 'own attachment' } : refusal(unrelated(node));
  }
  const world = (pod: ApiObject): PodWorld => ({ registry, pod });
  const related = RELATED[key];
  if (related === undefined) return refusal('');
  if (name === '' && reads) return refusal('No Object name found');
  const pods = registry.all(PODS);
  const used = pods.some((pod) => {
    if (textAt(pod, 'spec.nodeName') !== node) return false;
    if (!related.uses(world(pod), { namespace, name })) return false;
    return related.mayLag !== true || bindings.includes(pod, pods);
  });
  const allowed = used && name !== '' && related.verbs.includes(verb);
  return {
    allowed,
    why: allowed ? 'used by a pod' : unrelated(node),
  };
}

const NODE_LEASES = 'kube-node-lease';

function unrelated(node: string): string {
  return `no relationship found between node '${node}' and this object`;
}

function refusal(why: string): Decision {
  return { allowed: false, why };
}

/** Checks the name only, so that a node may read itself before it exists. */
function readNode(node: string, name: string): Decision {
  if (name === node) return { allowed: true, why: 'own node' };
  const what = name === '' ? 'all nodes' : `'${name}'`;
  return refusal(`node '${node}' cannot read ${what}, only its own Node object`);
}

/** Allows pods bound to the node: all of them with a selector, or a single one. */
function readPods(registry: Registry, node: string, question: AccessQuestion): Decision {
  const { verb, namespace, name, fields = [] } = question;
  const own = fields.some(({ path, value }) => path === 'spec.nodeName' && value === node);
  if (own && verb !== 'get') return { allowed: true, why: 'own pods' };
  if (name === '') return refusal('can only list/watch pods with spec.nodeName field selector');
  const pod = registry.find(PODS, { namespace, name });
  if (pod !== undefined && textAt(pod, 'spec.nodeName') === node) {
    return { allowed: true, why: 'own pod' };
  }
  return refusal(unrelated(node));
}

/** Allows requests for the node's own pods: all of them with a selector, or a single one. */
function readCertificateRequests(
  registry: Registry,
  node: string,
  { verb, namespace, name, fields = [] }: AccessQuestion,
): Decision {
  const own = fields.some(({ path, value }) => path === 'spec.nodeName' && value === node);
  if (own && verb !== 'get') return { allowed: true, why: 'own requests' };
  if (name === '') {
    return refusal('can only list/watch podcertificaterequests with nodeName field selector');
  }
  const request = registry.find(POD_CERTIFICATE_REQUESTS, { namespace, name });
  if (request !== undefined && textAt(request, 'spec.nodeName') === node) {
    return { allowed: true, why: 'own request' };
  }
  return refusal(unrelated(node));
}

/** A pod that is bound to the node, and where to look for what it leads to. */
interface PodWorld {
  readonly registry: Registry;
  readonly pod: ApiObject;
}

interface Relation {
  readonly verbs: readonly string[];
  /** Holds only for pods whose binding the node authorizer has noticed. */
  readonly mayLag?: boolean;
  readonly uses: (world: PodWorld, target: Target) => boolean;
}

interface Target {
  /** Empty for what belongs to the cluster. */
  readonly namespace: string;
  readonly name: string;
}

/** A relation to what the pod names itself, in its own namespace. */
function named(uses: (pod: ApiObject, name: string) => boolean): Relation['uses'] {
  return ({ pod }, { namespace, name }) => pod.metadata.namespace === namespace && uses(pod, name);
}

const RELATED: Readonly<Record<string, Relation>> = {
  'secrets.': {
    verbs: READ,
    uses: (world, target) =>
      named((pod, name) => mentions(pod, name, SECRET_PATHS))(world, target) ||
      volumesOf(world).some((volume) => namesSecret(volume, target)),
  },
  'configmaps.': { verbs: READ, uses: named((pod, name) => mentions(pod, name, CONFIG_MAP_PATHS)) },
  'serviceaccounts/token.': {
    verbs: ['create'],
    mayLag: true,
    uses: named((pod, name) => textAt(pod, 'spec.serviceAccountName') === name),
  },
  'serviceaccounts.': {
    verbs: ['get'],
    uses: named((pod, name) => textAt(pod, 'spec.serviceAccountName') === name),
  },
  'persistentvolumeclaims.': {
    verbs: READ,
    uses: named((pod, name) => claimsOf(pod).includes(name)),
  },
  'persistentvolumeclaims/status.': {
    verbs: ['update', 'patch'],
    uses: named((pod, name) => claimsOf(pod).includes(name)),
  },
  'persistentvolumes.': {
    verbs: READ,
    uses: (world, { name }) => volumesOf(world).some(({ metadata }) => metadata.name === name),
  },
};

function claimsOf(pod: ApiObject): readonly string[] {
  return listAt(pod, 'spec.volumes').map((volume) =>
    isObject(valueAt(volume, 'ephemeral'))
      ? `${pod.metadata.name}-${textAt(volume, 'name')}`
      : textAt(volume, 'persistentVolumeClaim.claimName'),
  );
}

/** The PersistentVolumes behind a pod's claims. */
function volumesOf({ registry, pod }: PodWorld): readonly ApiObject[] {
  const { namespace = '' } = pod.metadata;
  return claimsOf(pod).flatMap((name) => {
    const claim = registry.find(CLAIMS, { namespace, name });
    const volumeName = claim === undefined ? '' : textAt(claim, 'spec.volumeName');
    return registry.find(VOLUMES, { namespace: '', name: volumeName }) ?? [];
  });
}

/** @see Kubernetes pkg/api/v1/persistentvolume/util.go, VisitPVSecretNames */
function namesSecret(volume: ApiObject, { namespace, name }: Target): boolean {
  return ['nodeStageSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'].some(
    (field) =>
      textAt(volume, `spec.csi.${field}.name`) === name &&
      textAt(volume, `spec.csi.${field}.namespace`) === namespace,
  );
}

interface Write {
  readonly verb: Verb;
  readonly route: Route;
  readonly body: unknown;
}

/**
 * A node writes only its own Node, Lease and CSINode, and only pods that are bound to it.
 *
 * @throws {StatusError} 403
 * @see Kubernetes 1.36 plugin/pkg/admission/noderestriction
 */
export function restrictNode(registry: Registry, node: string, write: Write): void {
  const { verb, route, body } = write;
  if (READ.includes(verb)) return;
  const target =
    verb === 'create' && route.name === '' ? textAt(body, 'metadata.name') : route.name;
  switch (route.kind.storage) {
    case 'nodes':
      if (target === node) return;
      throw refused(route, target, `node "${node}" is not allowed to modify node "${target}"`);
    case 'leases.coordination.k8s.io':
      if (target === node) return;
      throw refused(
        route,
        target,
        `can only access node lease with the same name as the requesting node`,
      );
    case 'csinodes.storage.k8s.io':
      if (target === node) return;
      throw refused(
        route,
        target,
        `can only access CSINode with the same name as the requesting node`,
      );
    case 'pods':
      restrictPod(registry, node, write);
  }
}

function refused({ kind }: Route, name: string, why: string): StatusError {
  return statusError.forbidden(kind, name, why);
}

function restrictPod(registry: Registry, node: string, { verb, route, body }: Write): void {
  if (verb === 'create' && route.subresource === '') {
    const name = textAt(body, 'metadata.name');
    const annotations = valueAt(body, 'metadata.annotations');
    if (!isObject(annotations) || !('kubernetes.io/config.mirror' in annotations)) {
      const why = 'pod does not have "kubernetes.io/config.mirror" annotation';
      throw refused(route, name, `${why}, node "${node}" can only create mirror pods`);
    }
    if (textAt(body, 'spec.nodeName') === node) return;
    const why = `node "${node}" can only create pods with spec.nodeName set to itself`;
    throw refused(route, name, why);
  }
  const pod = registry.find(PODS, route);
  if (pod === undefined || textAt(pod, 'spec.nodeName') === node) return;
  const what = { eviction: 'evict', status: 'update pod status for' }[route.subresource] ?? verb;
  const why = `node "${node}" can only ${what} pods with spec.nodeName set to itself`;
  throw refused(route, route.name, why);
}
