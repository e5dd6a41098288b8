export { field, type FieldError, type FieldErrorReason } from './model/field-error.js';
export {
  dns1035LabelErrors,
  dns1035LabelProblems,
  dnsLabelErrors,
  dnsSubdomainErrors,
} from './plan/dns-names.js';
export { type ImageReference, parseImageReference } from './plan/image-reference.js';
export { annotationErrors, labelErrors, qualifiedNameErrors } from './plan/label-names.js';
export { defaultPod, defaultPodSpec } from './plan/pod-defaults.js';
export {
  type AmountRules,
  type AmountsByName,
  podLevelDefaults,
} from './plan/pod-level-defaults.js';
export {
  type PodFeatures,
  validateNewPod,
  validatePod,
  validatePodSpec,
} from './plan/validation/pod.js';
export type { Pod, PodSpec } from '@nodeagent/kube-client';
