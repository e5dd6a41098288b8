import type { CelTools } from '../model/cel-tools.js';
import type { FieldError } from '../model/errors.js';
import { compileRules } from '../plan/custom/rules/compile-rules.js';
import { evaluateRules } from '../plan/custom/rules/evaluate-rules.js';
import { scopeOf } from '../plan/policies/admission-scope.js';
import { typeWarnings } from '../plan/policies/check-types.js';
import { compilePolicy } from '../plan/policies/compile-policy.js';
import { compileConditions } from '../plan/policies/conditions.js';
import { evaluatePolicy } from '../plan/policies/evaluate-policy.js';
import { parseCel } from './parse-cel.js';

/** Compiles expressions. Loaded when an object has some, so that other servers stay small. */
export const celTools: CelTools = {
  compileSchema: (schema, path) => {
    const errors: FieldError[] = [];
    const node = compileRules(schema, path, parseCel, errors);
    if (node === undefined) return { rules: undefined, errors };
    return { rules: { evaluate: (object, old) => evaluateRules(node, object, old) }, errors };
  },
  compilePolicy: (name, spec) => {
    const { parts, errors } = compilePolicy(name, spec, parseCel);
    return { errors, policy: { evaluate: (input) => evaluatePolicy(parts, spec, input) } };
  },
  compileConditions: (conditions, path) => {
    const scope = scopeOf({ hasParams: false, hasAuthorizer: true });
    return compileConditions(conditions, path, { scope, parse: parseCel });
  },
  typeWarnings: (spec, types) => typeWarnings(spec, types, parseCel),
};
