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
  const related = RELATED[key];
  if (related === undefined) return refusal('');
  if (name === '' && reads) return refusal('No Object name found');
  const pods = registry.all(PODS);
  const used = pods.some((pod) => {
    if (textAt(pod, 'spec.nodeName') !== node) return false;
    if (related.clusterWide !== true && pod.metadata.namespace !== namespace) return false;
    if (!related.uses(pod, name)) return false;
    return related.mayLag !== true || bindings.includes(pod, pods);
  });
  const allowed = used && name !== '' && related.verbs.includes(verb);
  return {
    allowed,
    why: allowed ? 'used by a pod' : `no relationship found between node '${node}' and this object`,
  };
}

const NODE_LEASES = 'kube-node-lease';

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
  return refusal(`no relationship found between node '${node}' and this object`);
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
  return refusal(`no relationship found between node '${node}' and this object`);
}

interface Relation {
  readonly verbs: readonly string[];
  readonly clusterWide?: boolean;
  /** Holds only for pods whose binding the node authorizer has noticed. */
  readonly mayLag?: boolean;
  readonly uses: (pod: ApiObject, name: string) => boolean;
}

const RELATED: Readonly<Record<string, Relation>> = {
  'secrets.': { verbs: READ, uses: (pod, name) => mentions(pod, name, SECRET_PATHS) },
  'configmaps.': { verbs: READ, uses: (pod, name) => mentions(pod, name, CONFIG_MAP_PATHS) },
  'serviceaccounts/token.': {
    verbs: ['create'],
    mayLag: true,
    uses: (pod, name) => textAt(pod, 'spec.serviceAccountName') === name,
  },
  'serviceaccounts.': {
    verbs: ['get'],
    uses: (pod, name) => textAt(pod, 'spec.serviceAccountName') === name,
  },
  'persistentvolumeclaims.': {
    verbs: READ,
    uses: (pod, name) =>
      listAt(pod, 'spec.volumes').some(
        (volume) => textAt(volume, 'persistentVolumeClaim.claimName') === name,
      ),
  },
};

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
