import type { Kind } from '../../model/kind.js';
import { apiVersionOf } from '../../model/kinds.js';
import { isObject, type JsonObject, textAt, toApiObject } from '../../model/object.js';
import type { UserInfo } from '../../model/request.js';
import type { Authorizer } from '../authorizer.js';
import {
  bodyOf,
  type SubresourceAnswer,
  type SubresourceCall,
  type SubresourcePorts,
} from './call.js';

/** @returns undefined for kinds that are not reviews */
export async function review(
  ports: SubresourcePorts,
  call: SubresourceCall,
): Promise<SubresourceAnswer | undefined> {
  const { kind } = call.route;
  const body = bodyOf(call);
  const spec = isObject(body['spec']) ? body['spec'] : {};
  const status = await reviewStatus(ports, kind, {
    spec,
    user: call.request.user,
    namespace: call.route.namespace,
  });
  if (status === undefined) return undefined;
  const object = {
    ...body,
    kind: kind.kind,
    apiVersion: apiVersionOf(kind),
    metadata: body['metadata'] ?? {},
    status,
  };
  return { object: toApiObject(object), httpStatus: 201 };
}

interface Review {
  readonly spec: JsonObject;
  readonly user: UserInfo;
  readonly namespace: string;
}

async function reviewStatus(
  { authorizer, authenticate, signer }: SubresourcePorts,
  kind: Kind,
  { spec, user, namespace }: Review,
): Promise<JsonObject | undefined> {
  switch (kind.kind) {
    case 'TokenReview': {
      const asked = spec['audiences'];
      const audiences =
        Array.isArray(asked) && asked.length > 0 ? asked.map(String) : [signer.apiAudience];
      const found = await authenticate(textAt(spec, 'token'), audiences);
      if (found === undefined) return { authenticated: false, error: '[invalid bearer token]' };
      return { authenticated: true, user: found.user, audiences: found.audiences };
    }
    case 'SelfSubjectReview':
      return { userInfo: user };
    case 'SelfSubjectAccessReview':
      return accessStatus(authorizer, user, spec);
    case 'SubjectAccessReview':
    case 'LocalSubjectAccessReview': {
      const groups = Array.isArray(spec['groups']) ? spec['groups'].map(String) : [];
      const subject = { username: textAt(spec, 'user'), groups };
      const scope = namespace === '' ? {} : { namespace };
      const attributes = isObject(spec['resourceAttributes'])
        ? { ...spec['resourceAttributes'], ...scope }
        : undefined;
      return accessStatus(authorizer, subject, { ...spec, resourceAttributes: attributes });
    }
    default:
      return undefined;
  }
}

function accessStatus(authorizer: Authorizer, user: UserInfo, spec: JsonObject): JsonObject {
  const asked = spec['resourceAttributes'];
  const question = {
    verb: textAt(asked, 'verb'),
    group: textAt(asked, 'group'),
    resource: textAt(asked, 'resource'),
    subresource: textAt(asked, 'subresource'),
    namespace: textAt(asked, 'namespace'),
    name: textAt(asked, 'name'),
  };
  if (!isObject(asked)) {
    const path = spec['nonResourceAttributes'];
    const { allowed } = authorizer.decidePath(user, textAt(path, 'verb'), textAt(path, 'path'));
    return { allowed };
  }
  const { allowed, why } = authorizer.decide(user, question);
  return { allowed, ...(why === '' ? {} : { reason: why }) };
}
