import { parseCel } from '../../../src/adapters/parse-cel.js';
import type { JsonSchema } from '../../../src/model/json-schema.js';
import type { JsonObject } from '../../../src/model/object.js';
import { compileRules } from '../../../src/plan/custom/rules/compile-rules.js';
import { evaluateRules } from '../../../src/plan/custom/rules/evaluate-rules.js';

const ABOUT_COSTS = /exceeds budget|cost limit/;

/**
 * The problems of a schema's rules, or else those that the rules find in an object. Costs are left
 * to `costs.test.ts`: the schemas here have no limits.
 */
export function problemsOf(
  schema: JsonSchema,
  object: JsonObject,
  old?: JsonObject,
): readonly string[] {
  const errors: Parameters<typeof compileRules>[3] = [];
  const node = compileRules(schema, 'schema', parseCel, errors);
  errors.splice(0, errors.length, ...errors.filter(({ message }) => !ABOUT_COSTS.test(message)));
  const found = node === undefined ? [] : evaluateRules(node, object, old).errors;
  return [...errors, ...(errors.length > 0 ? [] : found)].map(
    ({ field, message }) => `${field}: ${message.replace(/\{"Rule".*?\}/, '{rule}')}`,
  );
}

export function withRule(schema: JsonSchema, rule: string): JsonSchema {
  return { ...schema, 'x-kubernetes-validations': [{ rule }] };
}
