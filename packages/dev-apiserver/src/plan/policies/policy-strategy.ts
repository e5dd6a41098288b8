import { dns1035LabelErrors, dns1035LabelProblems, dnsSubdomainErrors } from '@nodeagent/pod-rules';

import { field, type FieldError } from '../../model/errors.js';
import { type ApiObject, isObject, type JsonObject, listAt, textAt } from '../../model/object.js';
import type { Strategy } from '../strategy.js';
import { FAILURE_POLICIES, matchErrors, selectorErrors, setMatchDefaults } from './match-errors.js';

/**
 * The rules of ValidatingAdmissionPolicies, except those about expressions.
 *
 * @see Kubernetes 1.36 pkg/apis/admissionregistration/v1/defaults.go, validation/validation.go
 */
export const admissionPolicy: Strategy = {
  create: (draft) => {
    draft.status = {};
  },
  defaults: (draft) => {
    const spec = (draft.spec ??= {});
    spec['failurePolicy'] ??= 'Fail';
    setMatchDefaults(spec['matchConstraints']);
  },
  validate: ({ spec = {} }) => specErrors(spec),
};

function specErrors(spec: JsonObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  const { failurePolicy, paramKind, matchConstraints } = spec;
  if (!FAILURE_POLICIES.includes(String(failurePolicy))) {
    errors.push(field.notSupported('spec.failurePolicy', failurePolicy, FAILURE_POLICIES));
  }
  if (paramKind !== undefined) errors.push(...paramKindErrors(paramKind));
  if (matchConstraints === undefined) errors.push(field.required('spec.matchConstraints'));
  else {
    errors.push(...matchErrors(matchConstraints, 'spec.matchConstraints'));
    if (listAt(matchConstraints, 'resourceRules').length === 0) {
      errors.push(field.required('spec.matchConstraints.resourceRules'));
    }
  }
  if (listAt(spec, 'validations').length + listAt(spec, 'auditAnnotations').length === 0) {
    const why = 'validations or auditAnnotations must contain at least one item';
    errors.push(field.required('spec.validations', why));
    errors.push(field.required('spec.auditAnnotations', why));
  }
  return errors;
}

function paramKindErrors(paramKind: unknown): readonly FieldError[] {
  const errors: FieldError[] = [];
  const [apiVersion, kind] = [textAt(paramKind, 'apiVersion'), textAt(paramKind, 'kind')];
  const at = 'spec.paramKind.apiVersion';
  const [version = '', group = '', ...more] = apiVersion.split('/').reverse();
  if (apiVersion === '') errors.push(field.required(at));
  else if (more.length > 0) {
    errors.push(field.invalid(at, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  } else {
    if (group !== '') errors.push(...dnsSubdomainErrors(at, group));
    if (version === '') errors.push(field.invalid(at, apiVersion, 'version must be specified'));
    else errors.push(...dns1035LabelErrors(at, version));
  }
  if (kind === '') errors.push(field.required('spec.paramKind.kind'));
  else {
    const problems = dns1035LabelProblems(kind.toLowerCase());
    const why = `may have mixed case, but should otherwise match: ${problems.join(',')}`;
    if (problems.length > 0) errors.push(field.invalid('spec.paramKind.kind', kind, why));
  }
  return errors;
}

/** @see the same files */
export const admissionPolicyBinding: Strategy = {
  defaults: ({ spec }) => setMatchDefaults(spec?.['matchResources']),
  validate: (object) => bindingErrors(object),
};

const ACTIONS = ['Audit', 'Deny', 'Warn'];
const NOT_FOUND_ACTIONS = ['Deny', 'Allow'];

function bindingErrors({ spec = {} }: ApiObject): readonly FieldError[] {
  const errors: FieldError[] = [];
  const name = textAt(spec, 'policyName');
  if (name === '') errors.push(field.required('spec.policyName'));
  else errors.push(...dnsSubdomainErrors('spec.policyName', name));
  const { paramRef, matchResources, validationActions } = spec;
  if (isObject(paramRef)) errors.push(...paramRefErrors(paramRef, 'spec.paramRef'));
  if (matchResources !== undefined) {
    errors.push(...matchErrors(matchResources, 'spec.matchResources'));
  }
  const actions = Array.isArray(validationActions) ? validationActions.map(String) : [];
  return [...errors, ...actionErrors(actions, 'spec.validationActions')];
}

function actionErrors(actions: readonly string[], path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  actions.forEach((action, index) => {
    if (!ACTIONS.includes(action)) {
      errors.push(field.notSupported(`${path}[${index}]`, action, ACTIONS));
    }
    if (actions.indexOf(action) < index) {
      errors.push(field.duplicate(`${path}[${index}]`, action));
    }
  });
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    errors.push(field.invalid(path, actions, why));
  }
  if (actions.length === 0) {
    errors.push(field.required(path, 'at least one validation action is required'));
  }
  return errors;
}

function paramRefErrors(paramRef: JsonObject, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const name = textAt(paramRef, 'name');
  const { selector } = paramRef;
  if (name !== '' && selector !== undefined) {
    const why = 'name and selector are mutually exclusive';
    errors.push(field.forbidden(`${path}.name`, why), field.forbidden(`${path}.selector`, why));
  }
  if (/[/%]|^\.\.?$/.test(name)) {
    errors.push(field.invalid(`${path}.name`, name, "may not contain '/'"));
  }
  errors.push(...selectorErrors(selector, `${path}.selector`));
  if (name === '' && selector === undefined) {
    errors.push(field.required(path, 'one of name or selector must be specified'));
  }
  const action = textAt(paramRef, 'parameterNotFoundAction');
  if (action === '') errors.push(field.required(`${path}.parameterNotFoundAction`));
  else if (!NOT_FOUND_ACTIONS.includes(action)) {
    errors.push(field.notSupported(`${path}.parameterNotFoundAction`, action, NOT_FOUND_ACTIONS));
  }
  return errors;
}
