import type { AccessQuestion, Decider, Decision } from '../model/access.js';
import { StatusError, statusError } from '../model/errors.js';
import type { UserInfo } from '../model/request.js';
import { parseFieldSelector } from '../model/selectors.js';
import type { Route, Verb } from '../plan/route.js';
import { decideNode, nodeNameOf, restrictNode } from './node-authorizer.js';
import { restrictToken } from './node-tokens.js';
import { ALL_BINDINGS, type NoticedBindings } from './noticed-bindings.js';
import { decideRbac } from './rbac-authorizer.js';
import type { Registry } from './registry.js';

export interface Attributes {
  readonly verb: Verb;
  readonly route: Route;
  readonly body: unknown;
  readonly query: URLSearchParams;
}

export interface Authorizer extends Decider {
  /** @throws {StatusError} 403 */
  check(user: UserInfo, attributes: Attributes): void;
  /**
   * Discovery, version and health: every authenticated user may read them. @throws {StatusError}
   * 403
   */
  checkPath(user: UserInfo, method: string, path: string): void;
}

/**
 * Masters may do everything; nodes what the node authorizer and NodeRestriction permit; other users
 * what RBAC objects grant.
 *
 * @see Kubernetes plugin/pkg/auth/authorizer/node, plugin/pkg/admission/noderestriction
 */
export function createAuthorizer(
  registry: Registry,
  bindings: NoticedBindings = ALL_BINDINGS,
): Authorizer {
  const decide = (user: UserInfo, question: AccessQuestion): Decision => {
    if (user.groups.includes('system:masters')) return { allowed: true, why: 'system:masters' };
    const node = nodeNameOf(user);
    if (node !== undefined) {
      const verdict = decideNode({ registry, bindings }, node, question);
      if (verdict.allowed) return verdict;
      const granted = decideRbac(registry, user, question);
      return granted.allowed ? granted : verdict;
    }
    return decideRbac(registry, user, question);
  };
  return {
    decide,
    decidePath: ({ groups }, verb) => {
      if (groups.includes('system:masters')) return { allowed: true, why: 'system:masters' };
      return { allowed: READS.has(verb), why: '' };
    },
    check: (user, attributes) => {
      const question = questionOf(attributes);
      const decision = decide(user, question);
      if (!decision.allowed) throw refusal(user, question, decision.why);
      const node = nodeNameOf(user);
      if (node === undefined) return;
      restrictNode(registry, node, attributes);
      const { verb, route } = attributes;
      const asksForToken =
        route.kind.storage === 'serviceaccounts' && route.subresource === 'token';
      if (verb === 'create' && asksForToken) {
        restrictToken(registry, { name: node, user }, attributes);
      }
    },
    checkPath: (user, method, path) => {
      if (method !== 'GET' && method !== 'HEAD') {
        const verb = method.toLowerCase();
        throw new StatusError(
          403,
          'Forbidden',
          `forbidden: User "${user.username}" cannot ${verb} path "${path}"`,
        );
      }
    },
  };
}

const READS = new Set(['get', 'head']);

function questionOf({ verb, route, query }: Attributes): AccessQuestion {
  const { kind, namespace, subresource } = route;
  const fields = route.name === '' ? parseFieldSelector(query.get('fieldSelector') ?? '') : [];
  const named = fields.find(({ path, equal }) => path === 'metadata.name' && equal);
  return {
    verb,
    group: kind.group,
    resource: kind.plural,
    subresource,
    namespace: kind.storage === 'namespaces' ? '' : namespace,
    name: route.name === '' ? (named?.value ?? '') : route.name,
    fields: fields.filter(({ equal }) => equal),
  };
}

function refusal(user: UserInfo, question: AccessQuestion, why: string): StatusError {
  const { verb, group, namespace, name } = question;
  const resource =
    question.subresource === ''
      ? question.resource
      : `${question.resource}/${question.subresource}`;
  const scope = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const text = `User "${user.username}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}${why === '' ? '' : `: ${why}`}`;
  return statusError.forbidden({ group, plural: question.resource }, name, text);
}
