import { type StatusError, statusError } from '../model/errors.js';
import { kindOf } from '../model/kinds.js';
import { textAt, valueAt } from '../model/object.js';
import type { UserInfo } from '../model/request.js';
import type { Route } from '../plan/route.js';
import { podUsesAudience, type VolumeObjects } from '../plan/token-audience.js';
import { decideRbac } from './rbac-authorizer.js';
import type { Registry } from './registry.js';

const PODS = kindOf('', 'pods');
const CLAIMS = kindOf('', 'persistentvolumeclaims');
const VOLUMES = kindOf('', 'persistentvolumes');
const DRIVERS = kindOf('storage.k8s.io', 'csidrivers');

/** A node that requests a token, and its user in the API server. */
export interface AskingNode {
  readonly name: string;
  readonly user: UserInfo;
}

/**
 * A node gets tokens for its own pods only, and only for audiences that a volume of the pod needs
 * or that RBAC grants it.
 *
 * @throws {StatusError} 403
 * @see Kubernetes 1.36 plugin/pkg/admission/noderestriction/admission.go, admitServiceAccount
 */
export function restrictToken(
  registry: Registry,
  node: AskingNode,
  { route, body }: Readonly<{ route: Route; body: unknown }>,
): void {
  const { namespace, name: account } = route;
  const reference = (field: string): string => textAt(body, `spec.boundObjectRef.${field}`);
  if (reference('kind') !== 'Pod' || reference('name') === '') {
    throw refused(route, 'node requested token not bound to a pod');
  }
  if (reference('uid') === '') {
    throw refused(route, 'node requested token with a pod binding without a uid');
  }
  const pod = registry.find(PODS, { namespace, name: reference('name') });
  if (pod === undefined) return; // no pod to bind to: the request itself gets a 404
  if (textAt(pod, 'spec.nodeName') !== node.name) {
    throw refused(route, 'node requested token bound to a pod scheduled on a different node');
  }
  const asked = valueAt(body, 'spec.audiences');
  const audiences = Array.isArray(asked) ? asked.map(String) : [];
  if (audiences.length > 1) throw refused(route, 'node may only request 0 or 1 audiences');
  const [audience = ''] = audiences;
  if (podUsesAudience(pod, audience, objectsOf(registry))) return;
  const verb = 'request-serviceaccounts-token-audience';
  const question = { verb, group: '', resource: audience, subresource: '', namespace };
  if (decideRbac(registry, node.user, { ...question, name: account }).allowed) return;
  const who = node.user.username;
  const why = `audience "${audience}" not found in pod spec volume, ${who} is not authorized to request tokens for this audience`;
  throw refused(route, why);
}

function objectsOf(registry: Registry): VolumeObjects {
  return {
    claim: (namespace, name) => registry.find(CLAIMS, { namespace, name }),
    volume: (name) => registry.find(VOLUMES, { namespace: '', name }),
    driver: (name) => registry.find(DRIVERS, { namespace: '', name }),
  };
}

function refused({ kind, name }: Route, why: string): StatusError {
  return statusError.forbidden(kind, name, why);
}
