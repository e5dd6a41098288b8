import { formatTimestamp } from '@nodeagent/base';

import { field, statusError } from '../../model/errors.js';
import { kindOf } from '../../model/kinds.js';
import { type JsonObject, textAt, toApiObject, valueAt } from '../../model/object.js';
import type { Route } from '../../plan/route.js';
import type { TokenClaims } from '../../ports.js';
import type { Registry } from '../registry.js';
import {
  admittedBody,
  type SubresourceAnswer,
  type SubresourceCall,
  type SubresourcePorts,
} from './call.js';

const PODS = kindOf('', 'pods');
const NODES = kindOf('', 'nodes');
const SERVICE_ACCOUNTS = kindOf('', 'serviceaccounts');

/** Minimum and default lifetime of a token. @see pkg/apis/authentication/validation */
const MIN_TOKEN_SECONDS = 600;
const TOKEN_SECONDS = 3600;

/** Creates a signed token of a service account, bound to a pod when requested. */
export async function requestToken(
  ports: SubresourcePorts,
  call: SubresourceCall,
): Promise<SubresourceAnswer> {
  const { registry, signer, longestTokenSeconds } = ports;
  const { route } = call;
  const account = registry.get(SERVICE_ACCOUNTS, route);
  const type = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' };
  const body = await admittedBody(call, type);
  const wanted = Number(valueAt(body, 'spec.expirationSeconds') ?? TOKEN_SECONDS);
  if (wanted < MIN_TOKEN_SECONDS) {
    const detail = 'may not specify a duration less than 10 minutes';
    const problem = field.invalid('spec.expirationSeconds', wanted, detail);
    throw statusError.invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', [
      problem,
    ]);
  }
  const seconds = Math.min(wanted, longestTokenSeconds);
  const asked = valueAt(body, 'spec.audiences');
  const audiences =
    Array.isArray(asked) && asked.length > 0 ? asked.map(String) : [signer.apiAudience];
  const expiresAtMs = registry.clock.nowMs() + seconds * 1_000;
  const token = await signer.sign({
    namespace: route.namespace,
    serviceAccount: { name: route.name, uid: account.metadata.uid ?? '' },
    ...boundTo(registry, route, body),
    audiences,
    expiresAtMs,
  });
  const object = {
    ...body,
    ...type,
    metadata: { name: route.name, namespace: route.namespace },
    spec: { ...body.spec, audiences, expirationSeconds: seconds },
    status: { token, expirationTimestamp: formatTimestamp(expiresAtMs) },
  };
  return { object: toApiObject(object), httpStatus: 201 };
}

/** Returns the pod, and its node, with which the token ends. @throws {StatusError} 404, 409 */
function boundTo(
  registry: Registry,
  route: Route,
  body: JsonObject,
): Pick<TokenClaims, 'pod' | 'node'> {
  const kind = textAt(body, 'spec.boundObjectRef.kind');
  const name = textAt(body, 'spec.boundObjectRef.name');
  if (kind !== 'Pod') return {};
  const pod = registry.get(PODS, { namespace: route.namespace, name });
  const uid = textAt(body, 'spec.boundObjectRef.uid');
  if (uid !== '' && uid !== pod.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw statusError.conflict(PODS, name, why);
  }
  const nodeName = textAt(pod, 'spec.nodeName');
  const node =
    nodeName === '' ? undefined : registry.find(NODES, { namespace: '', name: nodeName });
  return {
    pod: { name, uid: pod.metadata.uid ?? '' },
    ...(node === undefined ? {} : { node: { name: nodeName, uid: node.metadata.uid ?? '' } }),
  };
}
