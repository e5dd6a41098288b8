import { labelErrors } from '@nodeagent/pod-rules';

import { BOOL, type CelType, DYN, showType, STRING } from '../../model/cel/type.js';
import { field, type FieldError } from '../../model/errors.js';
import type { CompiledConditions, PolicySpec, Validation } from '../../model/policy.js';
import type { Scope } from '../cel/compiling.js';
import type { CheckedExpression, ParseExpression } from '../cel/environment.js';
import { scopeOf, withVariables } from './admission-scope.js';
import { checkTyped } from './check-typed.js';
import { compileConditions } from './conditions.js';

const MOST_ANNOTATIONS = 20;
/** Bytes of a `valueExpression`. */
const LONGEST_VALUE = 5_120;
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const NEWLINE = /[\n\r]/;

/** Words of the language, which cannot be the name of a variable. */
const RESERVED = new Set([
  ...['true', 'false', 'null', 'in', 'as', 'break', 'const', 'continue', 'else', 'for', 'function'],
  ...['if', 'import', 'let', 'loop', 'package', 'namespace', 'return', 'var', 'void', 'while'],
]);

export interface CompiledValidation {
  readonly source: Validation;
  readonly rule: CheckedExpression;
  readonly message: CheckedExpression | undefined;
}

/** The expressions of a policy that compile. */
export interface PolicyParts {
  readonly conditions: CompiledConditions | undefined;
  readonly variables: ReadonlyMap<string, CheckedExpression>;
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly Readonly<{ text: string; value: CheckedExpression }>[];
}

interface Tools {
  readonly parse: ParseExpression;
  readonly errors: FieldError[];
  /** With the variables, and `authorizer`. */
  scope: Scope;
  /** Without `authorizer`. */
  messageScope: Scope;
}

/**
 * Checks and compiles the expressions of a policy.
 *
 * @param name of the policy
 * @see Kubernetes 1.36 pkg/apis/admissionregistration/validation/validation.go,
 *   validateValidatingAdmissionPolicySpec
 */
export function compilePolicy(
  name: string,
  spec: PolicySpec,
  parse: ParseExpression,
): Readonly<{ parts: PolicyParts; errors: readonly FieldError[] }> {
  const hasParams = spec.paramKind !== undefined;
  const scope = scopeOf({ hasParams, hasAuthorizer: true });
  const messageScope = scopeOf({ hasParams, hasAuthorizer: false });
  const { matchConditions: given = [] } = spec;
  const compiled = compileConditions(given, 'spec.matchConditions', { scope, parse });
  const tools: Tools = { parse, errors: [...compiled.errors], scope, messageScope };
  const variables = variablesOf(spec, tools);
  const validations = (spec.validations ?? []).flatMap((validation, index) =>
    validationOf(validation, `spec.validations[${index}]`, tools),
  );
  const annotations = annotationsOf(name, spec, tools);
  const conditions = given.length === 0 ? undefined : compiled.conditions;
  return { parts: { conditions, variables, validations, annotations }, errors: tools.errors };
}

/** Each variable sees those before it. */
function variablesOf(
  { variables = [] }: PolicySpec,
  tools: Tools,
): ReadonlyMap<string, CheckedExpression> {
  const compiled = new Map<string, CheckedExpression>();
  const types = new Map<string, CelType>();
  const { scope, messageScope, errors } = tools;
  variables.forEach(({ name = '', expression = '' }, index) => {
    const at = `spec.variables[${index}]`;
    if (name.trim() === '') errors.push(field.required(`${at}.name`, 'name is not specified'));
    else if (!/^[_a-zA-Z]\w*$/.test(name) || RESERVED.has(name)) {
      errors.push(field.invalid(`${at}.name`, name, 'must be a valid CEL identifier'));
    }
    if (expression.trim() === '') {
      errors.push(field.required(`${at}.expression`, 'expression is not specified'));
      return;
    }
    const known = withVariables(scope, new Map(types));
    const found = checkTyped(expression, { ...tools, scope: known });
    if (typeof found === 'string') {
      errors.push(field.invalid(`${at}.expression`, expression, found));
    } else compiled.set(name, found);
    types.set(name, typeof found === 'string' ? DYN : found.type);
  });
  if (variables.length === 0) return compiled;
  tools.scope = withVariables(scope, types);
  tools.messageScope = withVariables(messageScope, types);
  return compiled;
}

function validationOf(source: Validation, at: string, tools: Tools): readonly CompiledValidation[] {
  const { expression = '', message = '', messageExpression = '', reason } = source;
  const { errors } = tools;
  const check = (text: string, path: string, wanted: CelType, scope: Scope) => {
    const found = checkTyped(text, { ...tools, wanted, scope });
    if (typeof found !== 'string') return found;
    errors.push(field.invalid(path, text, found));
    return undefined;
  };
  let rule: CheckedExpression | undefined;
  if (expression.trim() === '') {
    errors.push(field.required(`${at}.expression`, 'expression is not specified'));
  } else rule = check(expression, `${at}.expression`, BOOL, tools.scope);
  let made: CheckedExpression | undefined;
  if (messageExpression.trim() !== '') {
    made = check(messageExpression, `${at}.messageExpression`, STRING, tools.messageScope);
  } else if (messageExpression !== '') {
    const why = 'must be non-empty if specified';
    errors.push(field.invalid(`${at}.messageExpression`, messageExpression, why));
  }
  if (message !== '' && message.trim() === '') {
    errors.push(field.invalid(`${at}.message`, message, 'must be non-empty if specified'));
  } else if (NEWLINE.test(message.trim())) {
    errors.push(field.invalid(`${at}.message`, message, 'must not contain line breaks'));
  }
  if (reason !== undefined && !REASONS.includes(reason)) {
    errors.push(field.notSupported(`${at}.reason`, reason, REASONS));
  }
  return rule === undefined ? [] : [{ source, rule, message: made }];
}

function annotationsOf(
  policy: string,
  { auditAnnotations = [] }: PolicySpec,
  tools: Tools,
): PolicyParts['annotations'] {
  const { errors } = tools;
  if (auditAnnotations.length > MOST_ANNOTATIONS) {
    const why = `must not have more than ${MOST_ANNOTATIONS} auditAnnotations`;
    errors.push(field.invalid('spec.auditAnnotations', auditAnnotations, why));
  }
  const keys = new Set<string>();
  return auditAnnotations.flatMap(({ key = '', valueExpression = '' }, index) => {
    const at = `spec.auditAnnotations[${index}]`;
    errors.push(...labelErrors(`${at}.key`, { [`${policy}/${key}`]: '' }));
    if (keys.has(key)) errors.push(field.duplicate(`${at}.key`, key));
    keys.add(key);
    const text = valueExpression.trim();
    const path = `${at}.valueExpression`;
    if (text === '') {
      errors.push(field.required(path, 'valueExpression is not specified'));
      return [];
    }
    if (text.length > LONGEST_VALUE) {
      errors.push(field.required(path, `must not exceed ${LONGEST_VALUE} bytes in length`));
      return [];
    }
    const value = textOrNull(text, tools);
    if (typeof value !== 'string') return [{ text: valueExpression, value }];
    errors.push(field.invalid(path, valueExpression, value));
    return [];
  });
}

function textOrNull(text: string, tools: Tools): CheckedExpression | string {
  const found = checkTyped(text, tools);
  if (typeof found === 'string') return found;
  const type = showType(found.type);
  if (type === 'string' || type === 'null') return found;
  return `must evaluate to one of [string null_type] but got ${type}`;
}
