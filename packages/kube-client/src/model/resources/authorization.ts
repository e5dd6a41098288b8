import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from '../generated/api-types.js';
import type { CreateOnlyResource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function authorization<T>(plural: string, kind: string, namespaced = false): CreateOnlyResource<T> {
  return {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural,
    kind,
    namespaced,
    createOnly: true,
  };
}

/** `authorization.k8s.io/v1`, without namespaces, only created: may this user do that? */
export const SUBJECT_ACCESS_REVIEWS = authorization<SubjectAccessReview>(
  'subjectaccessreviews',
  'SubjectAccessReview',
);
/**
 * `authorization.k8s.io/v1`, by namespace, only created: may this user do that in the review's
 * namespace? Whoever may ask there need not be allowed to ask about the whole cluster.
 */
export const LOCAL_SUBJECT_ACCESS_REVIEWS = authorization<LocalSubjectAccessReview>(
  'localsubjectaccessreviews',
  'LocalSubjectAccessReview',
  true,
);
/** `authorization.k8s.io/v1`, without namespaces, only created: may I do that? */
export const SELF_SUBJECT_ACCESS_REVIEWS = authorization<SelfSubjectAccessReview>(
  'selfsubjectaccessreviews',
  'SelfSubjectAccessReview',
);
/**
 * `authorization.k8s.io/v1`, without namespaces (the namespace stands in its spec), only created:
 * what may I do in that namespace? The answer may be incomplete, and says so.
 */
export const SELF_SUBJECT_RULES_REVIEWS = authorization<SelfSubjectRulesReview>(
  'selfsubjectrulesreviews',
  'SelfSubjectRulesReview',
);
