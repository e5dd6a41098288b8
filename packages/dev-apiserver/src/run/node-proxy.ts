import { StatusError, statusError } from '../model/errors.js';
import { kindOf } from '../model/kinds.js';
import {
  kubeletPath,
  nodeEndpoint,
  type NodeEndpoint,
  nodeNameOf,
  type NodeRoute,
} from '../plan/node-path.js';
import { verbOf } from '../plan/route.js';
import type { Authorizer } from './authorizer.js';
import type { ApiAnswer, ApiRequest } from './api.js';
import type { Registry } from './registry.js';

/** What the node is asked in the client's place. */
export interface NodeTarget extends NodeEndpoint {
  /** With query. */
  readonly path: string;
  /**
   * Whether a refusal becomes a Status; else it is passed on as it is.
   *
   * @see Kubernetes 1.36 pkg/registry/core/pod/rest/log.go
   */
  readonly wordsRefusals?: boolean;
}

const PODS = kindOf('', 'pods');
const NODES = kindOf('', 'nodes');

/**
 * Says which node answers, after asking whether the client may.
 *
 * @throws {StatusError}
 */
export function proxyToNode(
  { registry, authorizer }: Readonly<{ registry: Registry; authorizer: Authorizer }>,
  request: ApiRequest,
  { route, rest, port }: NodeRoute,
): ApiAnswer {
  const { method, user, query } = request;
  const verb = verbOf(method, route, false);
  if (verb === undefined) throw statusError.methodNotAllowed();
  authorizer.check(user, { verb, route, body: undefined, query });
  if (route.kind === NODES) {
    const found = nodeEndpoint(registry.get(NODES, route));
    const path = query.size === 0 ? rest : `${rest}?${query.toString()}`;
    return { kind: 'proxy', target: { ...found, ...(port !== undefined && { port }), path } };
  }
  const { subresource } = route;
  const allowed = subresource === 'log' ? ['GET', 'HEAD'] : ['GET', 'POST'];
  if (!allowed.includes(method)) throw statusError.methodNotAllowed();
  // a WebSocket begins with GET, and is no less than what POST begins
  if (subresource !== 'log') {
    authorizer.check(user, { verb: 'create', route, body: undefined, query });
  }
  const pod = registry.get(PODS, route);
  const path = kubeletPath(pod, subresource, query);
  const nodeName = nodeNameOf(pod);
  if (nodeName === undefined) {
    if (subresource === 'log') return EMPTY;
    throw statusError.badRequest(`pod ${route.name} does not have a host assigned`);
  }
  const node = registry.get(NODES, { namespace: '', name: nodeName });
  const wordsRefusals = subresource === 'log';
  return { kind: 'proxy', target: { ...nodeEndpoint(node), path, wordsRefusals } };
}

const EMPTY: ApiAnswer = {
  kind: 'bytes',
  httpStatus: 200,
  bytes: new Uint8Array(),
  contentType: 'text/plain',
};

/** A node's refusal of a log as this API words it. @see Kubernetes pkg/apis/.../rest/response_checker.go */
export function refusalOfNode(status: number, text: string): StatusError {
  if (status === 400) return statusError.badRequest(text);
  if (status === 500) return statusError.internal(text);
  const reason = REASONS[status] ?? 'InternalError';
  return new StatusError(status, reason, text);
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  422: 'Invalid',
  429: 'TooManyRequests',
};
