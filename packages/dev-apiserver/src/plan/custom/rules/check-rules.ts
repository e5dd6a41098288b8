import { field, type FieldError } from '../../../model/errors.js';
import type { JsonSchema, ValidationRule } from '../../../model/json-schema.js';
import { normalizedPath } from './field-path.js';

const REASONS = [
  'FieldValueDuplicate',
  'FieldValueForbidden',
  'FieldValueInvalid',
  'FieldValueRequired',
];
const NEWLINE = /[\n\r]/;

/**
 * Checks the rules of one part of a schema, but not their expressions.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go
 */
export function ruleErrors(schema: JsonSchema, path: string): readonly FieldError[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  return rules.flatMap((rule, index) => {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    return [...textErrors(rule, at), ...placeErrors(schema, rule, at)];
  });
}

function textErrors(
  { rule = '', message = '', messageExpression = '' }: Partial<ValidationRule>,
  at: string,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (rule.trim() === '') errors.push(field.required(`${at}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '') {
    errors.push(field.invalid(`${at}.message`, message, 'must be non-empty if specified'));
  } else if (NEWLINE.test(message.trim())) {
    errors.push(field.invalid(`${at}.message`, message, 'must not contain line breaks'));
  } else if (NEWLINE.test(rule.trim()) && message.trim() === '') {
    const why = 'message must be specified if rule contains line breaks';
    errors.push(field.required(`${at}.message`, why));
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    const why = 'messageExpression must be non-empty if specified';
    errors.push(field.required(`${at}.messageExpression`, why));
  }
  return errors;
}

function placeErrors(
  schema: JsonSchema,
  { reason, fieldPath = '' }: ValidationRule,
  at: string,
): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (reason !== undefined && !REASONS.includes(reason)) {
    errors.push(field.notSupported(`${at}.reason`, reason, REASONS));
  }
  if (fieldPath !== '' && fieldPath.trim() === '') {
    errors.push(field.invalid(`${at}.fieldPath`, fieldPath, 'must be non-empty if specified'));
  }
  if (NEWLINE.test(fieldPath)) {
    errors.push(field.invalid(`${at}.fieldPath`, fieldPath, 'must not contain line breaks'));
  }
  if (fieldPath !== '' && normalizedPath(schema, fieldPath) === undefined) {
    errors.push(field.invalid(`${at}.fieldPath`, fieldPath, 'must be a valid path'));
  }
  return errors;
}

/** True when a schema, or a part of it, has rules. */
export function hasRules(schema: JsonSchema): boolean {
  const { properties = {}, items, additionalProperties, allOf = [] } = schema;
  return (
    (schema['x-kubernetes-validations'] ?? []).length > 0 ||
    Object.values(properties).some(hasRules) ||
    allOf.some(hasRules) ||
    (items !== undefined && hasRules(items)) ||
    (typeof additionalProperties === 'object' && hasRules(additionalProperties))
  );
}
