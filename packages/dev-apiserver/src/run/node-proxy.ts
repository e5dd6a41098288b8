import type { ApiRequest } from '../model/api-request.js';
import { statusError } from '../model/errors.js';
import { kindOf } from '../model/kinds.js';
import { kubeletPath, nodeEndpoint, nodeNameOf, type NodeRoute } from '../plan/node-path.js';
import { verbOf } from '../plan/route.js';
import type { ApiAnswer } from './api-answer.js';
import type { Authorizer } from './authorizer.js';
import type { Registry } from './registry.js';

const PODS = kindOf('', 'pods');
const NODES = kindOf('', 'nodes');

/**
 * Checks the client's permission and returns the node that answers.
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
  // a WebSocket starts with GET, but needs the same permission as a stream started with POST
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
