export { field, type FieldError } from './model/field-error.js';
export { dnsLabelErrors, dnsSubdomainErrors } from './plan/dns-names.js';
export { defaultPod, defaultPodSpec } from './plan/pod-defaults.js';
export { validatePodSpec } from './plan/pod-validation.js';
