import { type KubeObject, type Resource, resource } from '@nodeagent/kube-client';

import type { Identity } from '../model/identity.js';
import type { AccessQuestion } from '../plan/access.js';

/** The fields of a TokenReview that a kubelet writes and reads. */
export interface TokenReview extends KubeObject {
  readonly spec: Readonly<{ token: string }>;
  readonly status?: Readonly<{
    authenticated?: boolean;
    error?: string;
    user?: Readonly<{
      username?: string;
      uid?: string;
      groups?: readonly string[];
      extra?: Readonly<Record<string, readonly string[]>>;
    }>;
  }>;
}

export interface SubjectAccessReview extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<{ allowed?: boolean; denied?: boolean; evaluationError?: string }>;
}

export const TOKEN_REVIEWS: Resource<TokenReview> = resource({
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
});

export const SUBJECT_ACCESS_REVIEWS: Resource<SubjectAccessReview> = resource({
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
});

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
    groups,
    ...(uid !== undefined && { uid }),
    ...(extra !== undefined && { extra }),
    resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName },
  };
}
