import type { SubjectAccessReview, TokenReview } from '@nodeagent/kube-client';

import type { Identity } from '../model/identity.js';
import type { AccessQuestion } from '../plan/access.js';

/** @returns undefined if the token is not valid */
export function reviewedIdentity({ status }: TokenReview): Identity | undefined {
  const { username = '', uid, groups = [], extra } = status?.user ?? {};
  if (status?.authenticated !== true || username === '') return undefined;
  return {
    user: username,
    groups,
    ...(uid !== undefined && uid !== '' && { uid }),
    ...(extra !== undefined && { extra }),
  };
}

export function accessSpec(
  { identity, verb, subresource }: AccessQuestion,
  nodeName: string,
): SubjectAccessReview['spec'] {
  const { user, uid, groups, extra } = identity;
  return {
    user,
    groups: [...groups],
    ...(uid !== undefined && { uid }),
    ...(extra !== undefined && {
      extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])),
    }),
    resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName },
  };
}
