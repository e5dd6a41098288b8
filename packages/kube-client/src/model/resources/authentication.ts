import type { SelfSubjectReview, TokenReview } from '../generated/api-types.js';
import type { CreateOnlyResource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function authentication<T>(plural: string, kind: string): CreateOnlyResource<T> {
  return {
    group: 'authentication.k8s.io',
    version: 'v1',
    plural,
    kind,
    namespaced: false,
    createOnly: true,
  };
}

/** `authentication.k8s.io/v1`, without namespaces, only created: whose token is this? */
export const TOKEN_REVIEWS = authentication<TokenReview>('tokenreviews', 'TokenReview');
/** `authentication.k8s.io/v1`, without namespaces, only created: who am I to the server? */
export const SELF_SUBJECT_REVIEWS = authentication<SelfSubjectReview>(
  'selfsubjectreviews',
  'SelfSubjectReview',
);
