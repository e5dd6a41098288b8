import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../generated/api-types.js';
import type { Resource } from '../resource.js';

/* @__NO_SIDE_EFFECTS__ */
function admission<T>(plural: string, kind: string): Resource<T> {
  return { group: 'admissionregistration.k8s.io', version: 'v1', plural, kind, namespaced: false };
}

/**
 * `admissionregistration.k8s.io/v1`, without namespaces: expressions (CEL) that an object must
 * satisfy. A binding makes it act. Subresource: `status`.
 */
export const VALIDATING_ADMISSION_POLICIES = admission<ValidatingAdmissionPolicy>(
  'validatingadmissionpolicies',
  'ValidatingAdmissionPolicy',
);
/**
 * `admissionregistration.k8s.io/v1`, without namespaces: where a validating policy holds, with which
 * parameters, and what a violation leads to.
 */
export const VALIDATING_ADMISSION_POLICY_BINDINGS = admission<ValidatingAdmissionPolicyBinding>(
  'validatingadmissionpolicybindings',
  'ValidatingAdmissionPolicyBinding',
);
/**
 * `admissionregistration.k8s.io/v1`, without namespaces: servers that are asked whether an object may
 * be written.
 */
export const VALIDATING_WEBHOOK_CONFIGURATIONS = admission<ValidatingWebhookConfiguration>(
  'validatingwebhookconfigurations',
  'ValidatingWebhookConfiguration',
);
/**
 * `admissionregistration.k8s.io/v1`, without namespaces, since Kubernetes 1.36: expressions (CEL) that
 * change an object before it is stored. A binding makes it act.
 */
export const MUTATING_ADMISSION_POLICIES = admission<MutatingAdmissionPolicy>(
  'mutatingadmissionpolicies',
  'MutatingAdmissionPolicy',
);
/**
 * `admissionregistration.k8s.io/v1`, without namespaces, since Kubernetes 1.36: where a mutating policy
 * holds, and with which parameters.
 */
export const MUTATING_ADMISSION_POLICY_BINDINGS = admission<MutatingAdmissionPolicyBinding>(
  'mutatingadmissionpolicybindings',
  'MutatingAdmissionPolicyBinding',
);
/**
 * `admissionregistration.k8s.io/v1`, without namespaces: servers that may change an object before it
 * is stored.
 */
export const MUTATING_WEBHOOK_CONFIGURATIONS = admission<MutatingWebhookConfiguration>(
  'mutatingwebhookconfigurations',
  'MutatingWebhookConfiguration',
);
