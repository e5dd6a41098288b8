import { labelErrors } from '@nodeagent/pod-rules';

import { field, type FieldError } from '../../model/errors.js';
import { isObject, type JsonObject, listAt, textAt } from '../../model/object.js';

export const FAILURE_POLICIES = ['Fail', 'Ignore'];
export const MATCH_POLICIES = ['Equivalent', 'Exact'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const RULES = ['resourceRules', 'excludeResourceRules'] as const;

/** Sets what the API promises in the `matchConstraints` of a policy and the like. */
export function setMatchDefaults(match: unknown): void {
  if (!isObject(match)) return;
  match['matchPolicy'] ??= 'Equivalent';
  match['namespaceSelector'] ??= {};
  match['objectSelector'] ??= {};
  for (const name of RULES) for (const rule of listAt(match, name)) rule['scope'] ??= '*';
}

/** @see Kubernetes 1.36 pkg/apis/admissionregistration/validation/validation.go */
export function matchErrors(match: unknown, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const policy = textAt(match, 'matchPolicy');
  if (!MATCH_POLICIES.includes(policy)) {
    errors.push(field.notSupported(`${path}.matchPolicy`, policy, MATCH_POLICIES));
  }
  for (const name of ['namespaceSelector', 'objectSelector'] as const) {
    const selector = isObject(match) ? match[name] : undefined;
    errors.push(...selectorErrors(selector, `${path}.${name}`));
  }
  const rules = RULES.flatMap((name) =>
    listAt(match, name).flatMap((rule, index) => ruleErrors(rule, `${path}.${name}[${index}]`)),
  );
  return [...errors, ...rules];
}

export function selectorErrors(selector: unknown, path: string): readonly FieldError[] {
  const labels =
    isObject(selector) && isObject(selector['matchLabels']) ? selector['matchLabels'] : {};
  const errors = [...labelErrors(`${path}.matchLabels`, labels)];
  listAt(selector, 'matchExpressions').forEach((expression, index) => {
    const at = `${path}.matchExpressions[${index}]`;
    const operator = textAt(expression, 'operator');
    const values = textsAt(expression, 'values');
    if (operator === 'In' || operator === 'NotIn') {
      const why = "must be specified when `operator` is 'In' or 'NotIn'";
      if (values.length === 0) errors.push(field.required(`${at}.values`, why));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      const why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      if (values.length > 0) errors.push(field.forbidden(`${at}.values`, why));
    } else {
      errors.push(field.invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    }
    errors.push(...labelErrors(`${at}.key`, { [textAt(expression, 'key')]: '' }));
  });
  return errors;
}

function textsAt(object: JsonObject, name: string): readonly string[] {
  const value = object[name];
  return Array.isArray(value) ? value.map(String) : [];
}

export function ruleErrors(rule: JsonObject, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const names = textsAt(rule, 'resourceNames');
  names.forEach((name, index) => {
    const at = `${path}.resourceNames[${index}]`;
    if (/[/%]|^\.\.?$/.test(name)) errors.push(field.invalid(at, name, "may not contain '/'"));
    if (names.indexOf(name) < index) errors.push(field.duplicate(at, name));
  });
  const alone = (name: string, what: string): readonly string[] => {
    const values = textsAt(rule, name);
    if (values.length === 0) errors.push(field.required(`${path}.${name}`));
    if (values.length > 1 && values.includes('*')) {
      const why = `if '*' is present, must not specify other ${what}`;
      errors.push(field.invalid(`${path}.${name}`, values, why));
    }
    return values;
  };
  alone('operations', 'operations').forEach((operation, index) => {
    if (OPERATIONS.includes(operation)) return;
    errors.push(field.notSupported(`${path}.operations[${index}]`, operation, OPERATIONS));
  });
  alone('apiGroups', 'API groups');
  alone('apiVersions', 'API versions').forEach((version, index) => {
    if (version === '') errors.push(field.required(`${path}.apiVersions[${index}]`));
  });
  errors.push(...resourceErrors(textsAt(rule, 'resources'), `${path}.resources`));
  const scope = textAt(rule, 'scope');
  if (!SCOPES.includes(scope)) errors.push(field.notSupported(`${path}.scope`, scope, SCOPES));
  return errors;
}

/** Those that another one covers are refused when they come after it. */
function resourceErrors(resources: readonly string[], path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (resources.length === 0) errors.push(field.required(path));
  resources.forEach((resource, index) => {
    if (resource === '') errors.push(field.required(`${path}[${index}]`));
    const [plural = '', part] = resource.split('/', 2);
    if (part === undefined) return;
    const earlier = resources.slice(0, index);
    for (const wide of [`${plural}/*`, `*/${part}`]) {
      if (!earlier.includes(wide)) continue;
      const why = `if '${wide}' is present, must not specify ${resource}`;
      errors.push(field.invalid(`${path}[${index}]`, resource, why));
    }
  });
  if (resources.length > 1 && resources.includes('*/*')) {
    const why = "if '*/*' is present, must not specify other resources";
    errors.push(field.invalid(path, resources, why));
  }
  if (resources.includes('*') && resources.some((one) => one !== '*' && !one.includes('/'))) {
    const why = "if '*' is present, must not specify other resources without subresources";
    errors.push(field.invalid(path, resources, why));
  }
  return errors;
}
